//! Profiles, templates, sends and lists as the API documents them.

use serde_json::{Value, json};
use verify_gateway::telnyx::{Template, Time};

use super::{ENCODED, PHONE, Sim};

#[tokio::test]
async fn the_six_prebuilt_templates_are_listed_before_the_own_ones() {
    let sim = Sim::start().await;
    let new = sim.post("/v2/verify_profiles/templates", json!({"text": "{{code}} from {{app_name}}"})).await.ok();
    let id = new["data"]["id"].as_str().unwrap().to_owned();
    let path = format!("/v2/verify_profiles/templates/{id}");
    assert_eq!(sim.patch(&path, json!({"text": "{{code}}"})).await.ok()["data"], json!({"id": id, "text": "{{code}}"}));

    let list = sim.get("/v2/verify_profiles/templates").await.ok();
    assert_eq!(list.get("meta"), None);
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(ids[..6], Template::PREBUILT);
    assert_eq!(ids[6..], [id]);
}

#[tokio::test]
async fn a_new_profile_comes_with_every_default_and_without_what_is_write_only() {
    let sim = Sim::start().await;
    let body = json!({
        "name": "Shop", "language": "de-DE", "webhook_url": "https://example.com/a", "daily_spend_limit": "12.5",
        "sms": {"app_name": "My Shop"},
        "call": {"default_timeout_secs": 60, "messaging_template_id": Template::PREBUILT[0]},
        "flashcall": {"whitelisted_destinations": ["US"]},
        "whatsapp": {"app_name": "ignored", "waba_id": "1"},
        "dtmf_confirm": {"default_timeout_secs": 90},
    });
    let mut created = sim.post("/v2/verify_profiles", body).await.ok()["data"].take();
    let id = created["id"].as_str().unwrap().to_owned();
    assert!(id.len() == 36 && id.starts_with("4900"), "{id}");
    assert_eq!(sim.get(&format!("/v2/verify_profiles/{id}")).await.ok()["data"], created);

    let fields = created.as_object_mut().unwrap();
    fields.remove("id");
    for name in ["created_at", "updated_at"] {
        let time = fields.remove(name).unwrap();
        let text = time.as_str().unwrap();
        assert!(text.len() == 26 && Time::parse(text).is_some(), "{text}");
    }
    let expected = json!({
        "record_type": "verification_profile", "name": "Shop", "language": "de-DE",
        "webhook_url": "https://example.com/a", "daily_spend_limit": 12.5, "daily_spend_limit_enabled": false,
        "sms": {
            "app_name": "My Shop", "code_length": 5, "default_verification_timeout_secs": 300, "alpha_sender": "Telnyx",
        },
        "call": {
            "code_length": 5, "default_verification_timeout_secs": 60, "messaging_template_id": Template::PREBUILT[0],
        },
        "flashcall": {"default_verification_timeout_secs": 300},
        "whatsapp": {
            "app_name": "My Shop", "code_length": 5, "default_verification_timeout_secs": 300, "waba_id": "1",
            "sender_phone_number": null, "template_id": null,
        },
        "dtmf_confirm": {"default_timeout_secs": 90},
    });
    assert_eq!(created, expected);
}

#[tokio::test]
async fn profiles_are_changed_deleted_and_gone() {
    let sim = Sim::start().await;
    let id = sim.profile();
    let path = format!("/v2/verify_profiles/{id}");
    sim.handle.advance(std::time::Duration::from_secs(1));
    let changed = sim.patch(&path, json!({"name": "Other", "sms": {"code_length": 8}})).await.ok();
    assert_eq!(changed["data"]["name"], "Other");
    assert_eq!(changed["data"]["sms"]["code_length"], 8);
    assert!(changed["data"]["updated_at"].as_str() > changed["data"]["created_at"].as_str());
    assert_eq!(sim.delete(&path).await.ok(), changed, "deleting answers with the profile");
    for answer in [sim.get(&path).await, sim.delete(&path).await, sim.patch(&path, json!({})).await] {
        assert_eq!(answer.refusal(), (404, "10005".into()));
    }
}

#[tokio::test]
async fn lists_are_filtered_and_paged_with_raw_and_encoded_brackets() {
    let sim = Sim::start().await;
    for name in ["A", "B", "C"] {
        let _ = sim.handle.seed_profile("KEY1", name);
    }
    let names = |answer: Value| -> Vec<String> {
        answer["data"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    let all = sim.get("/v2/verify_profiles").await.ok();
    assert_eq!(all["meta"], json!({"page_number": 1, "page_size": 25, "total_pages": 1, "total_results": 3}));
    assert_eq!(names(all), ["C", "B", "A"]);
    for query in ["page[number]=2&page[size]=2", "page%5Bnumber%5D=2&page%5Bsize%5D=2"] {
        let page = sim.get(&format!("/v2/verify_profiles?{query}")).await.ok();
        assert_eq!(page["meta"], json!({"page_number": 2, "page_size": 2, "total_pages": 2, "total_results": 3}));
        assert_eq!(names(page), ["A"]);
    }
    assert_eq!(names(sim.get("/v2/verify_profiles?filter[name]=B").await.ok()), ["B"]);
    assert_eq!(names(sim.get("/v2/verify_profiles?filter%5Bname%5D=none").await.ok()), [""; 0]);
    assert_eq!(names(sim.get("/v2/verify_profiles?page[number]=9").await.ok()), [""; 0]);
    for query in ["page[number]=0", "page[size]=x", "page[size]=0"] {
        let answer = sim.get(&format!("/v2/verify_profiles?{query}")).await;
        assert_eq!(answer.refusal(), (400, "10015".into()), "{query}");
        let name = query.split('=').next().unwrap();
        assert_eq!(answer.json()["errors"][0]["source"], json!({"parameter": name}));
    }
}

#[tokio::test]
async fn every_channel_sends_and_shows_in_the_outbox() {
    let sim = Sim::start().await;
    let profile = sim.profile();
    for channel in ["sms", "call", "flashcall", "whatsapp", "dtmf_confirm"] {
        let body = json!({"phone_number": PHONE, "verify_profile_id": profile});
        let sent = sim.post(&format!("/v2/verifications/{channel}"), body).await.ok()["data"].take();
        let message = sim.handle.messages().pop().unwrap();
        let expected = json!({
            "id": message.verification_id, "record_type": "verification", "type": channel, "status": "pending",
            "phone_number": PHONE, "verify_profile_id": profile, "timeout_secs": 300, "custom_code": null,
            "created_at": sent["created_at"], "updated_at": sent["created_at"],
        });
        assert_eq!(sent, expected);
        assert_eq!(sim.get(&format!("/v2/verifications/{}", message.verification_id)).await.ok()["data"], sent);
        assert_eq!(message.channel, channel);
        assert_eq!(message.code.is_some(), channel != "dtmf_confirm");
        if let Some(code) = message.code {
            assert!(code.len() == 5 && message.text.contains(&code), "{}", message.text);
        }
    }
}

#[tokio::test]
async fn a_message_is_written_by_the_profiles_template() {
    let sim = Sim::start().await;
    let text = "{{app_name}}: {{code}} for {{default_verification_timeout_secs}} minutes";
    let template = sim.post("/v2/verify_profiles/templates", json!({"text": text})).await.ok()["data"]["id"].take();
    let sms = json!({"app_name": "Shop", "messaging_template_id": template, "code_length": 4});
    let profile = sim.post("/v2/verify_profiles", json!({"name": "x", "sms": sms})).await.ok()["data"]["id"].take();
    let (_, code) = sim.sent(profile.as_str().unwrap()).await;
    assert_eq!(code.len(), 4);
    assert_eq!(sim.handle.messages()[0].text, format!("Shop: {code} for 5 minutes"));
}

#[tokio::test]
async fn a_code_of_the_callers_own_is_sent_and_echoed() {
    let sim = Sim::start().await;
    let profile = sim.profile();
    let sent = sim.send(&profile, json!({"custom_code": "43612", "timeout_secs": 60})).await.ok();
    assert_eq!(sent["data"]["custom_code"], "43612");
    assert_eq!(sent["data"]["timeout_secs"], 60);
    assert_eq!(sim.handle.latest_code(PHONE).unwrap(), "43612");
    let sent = sim.send(&profile, json!({"custom_code": null})).await.ok();
    assert_eq!(sent["data"]["custom_code"], Value::Null);
}

#[tokio::test]
async fn verifications_are_listed_by_number_with_a_raw_or_an_encoded_plus() {
    let sim = Sim::start().await;
    let profile = sim.profile();
    let (first, _) = sim.sent(&profile).await;
    let (second, _) = sim.sent(&profile).await;
    for phone in [PHONE, ENCODED] {
        let list = sim.get(&format!("/v2/verifications/by_phone_number/{phone}")).await.ok();
        let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
        assert_eq!(ids, [second.as_str(), &first]);
        assert_eq!(list["meta"], json!({"page_number": 1, "page_size": 25, "total_pages": 1, "total_results": 2}));
    }
    let other = sim.get("/v2/verifications/by_phone_number/%2B13035559999").await.ok();
    assert_eq!(other["meta"]["total_results"], 0);
}

#[tokio::test]
async fn accounts_do_not_see_each_other() {
    let sim = Sim::start().await;
    let profile = sim.profile();
    let (id, _) = sim.sent(&profile).await;
    let as_other =
        async |path: String| sim.try_call(Some("KEY2"), http::Method::GET, &path, String::new()).await.unwrap();
    assert_eq!(as_other(format!("/v2/verifications/{id}")).await.refusal().0, 404);
    assert_eq!(as_other(format!("/v2/verify_profiles/{profile}")).await.refusal().0, 404);
    assert_eq!(as_other("/v2/verify_profiles".into()).await.ok()["data"], json!([]));
    let list = as_other(format!("/v2/verifications/by_phone_number/{ENCODED}")).await.ok();
    assert_eq!(list["data"], json!([]));
}
