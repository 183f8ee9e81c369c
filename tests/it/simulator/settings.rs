//! Every value of every setting changes what the simulator does.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use verify_gateway::{simulator::Keypress, telnyx::Template};

use super::{ENCODED, PHONE, Sim, wrong};

const NOT_FOUND: &str = "404";

#[tokio::test]
async fn attempt_limit_counts_wrong_codes_and_0_is_none() {
    for (limit, rejected, last) in [("1", 1, "invalid"), ("5", 5, "invalid"), ("0", 20, "pending")] {
        let sim = Sim::with(&[("attempt_limit", limit)]).await;
        let (id, code) = sim.sent(&sim.profile()).await;
        for _ in 0..rejected {
            assert_eq!(sim.status(&id).await, "pending");
            sim.check(&id, &wrong(&code)).await.ok();
        }
        assert_eq!(sim.status(&id).await, last, "{limit}");
    }
}

#[tokio::test]
async fn after_attempt_limit_expired_answer_and_used_answer_choose_the_answer() {
    for (value, expected) in
        [("rejected", "rejected"), ("max_attempts_exceeded", "max_attempts_exceeded"), ("not_found", NOT_FOUND)]
    {
        let sim = Sim::with(&[("attempt_limit", "1"), ("after_attempt_limit", value)]).await;
        let (id, code) = sim.sent(&sim.profile()).await;
        assert_eq!(sim.check(&id, &wrong(&code)).await.outcome(), "rejected");
        assert_eq!(sim.check(&id, &code).await.outcome(), expected);
    }
    for (value, expected) in [("rejected", "rejected"), ("expired", "expired"), ("not_found", NOT_FOUND)] {
        let sim = Sim::with(&[("expired_answer", value)]).await;
        let profile = sim.profile();
        let (id, code) = sim.sent(&profile).await;
        sim.handle.advance(Duration::from_mins(5));
        assert_eq!(sim.check(&id, &code).await.outcome(), expected);
        assert_eq!(sim.check_by_phone(&profile, &code).await.outcome(), expected);
    }
    for (value, expected) in [("not_found", NOT_FOUND), ("rejected", "rejected")] {
        let sim = Sim::with(&[("used_answer", value)]).await;
        let (id, code) = sim.sent(&sim.profile()).await;
        assert_eq!(sim.check(&id, &code).await.outcome(), "accepted");
        assert_eq!(sim.check(&id, &code).await.outcome(), expected);
    }
}

#[tokio::test]
async fn code_and_status_chooses_which_counts() {
    for (value, expected) in [("status_wins", "accepted"), ("code_wins", "rejected"), ("refuse", "422")] {
        let sim = Sim::with(&[("code_and_status", value)]).await;
        let sent = sim.send(&sim.profile(), json!({"custom_code": "43612"})).await.ok();
        let path = format!("/v2/verifications/{}/actions/verify", sent["data"]["id"].as_str().unwrap());
        let both = json!({"code": "11111", "status": "accepted"});
        assert_eq!(sim.post(&path, both).await.outcome(), expected, "{value}");
    }
}

#[tokio::test]
async fn by_phone_target_chooses_among_pending_verifications() {
    for (value, accepted) in [("newest", 1), ("oldest", 0)] {
        let sim = Sim::with(&[("by_phone_target", value)]).await;
        let profile = sim.profile();
        for code in ["1111", "2222"] {
            sim.send(&profile, json!({"custom_code": code})).await.ok();
        }
        let codes = ["1111", "2222"];
        assert_eq!(sim.check_by_phone(&profile, codes[1 - accepted]).await.outcome(), "rejected", "{value}");
        assert_eq!(sim.check_by_phone(&profile, codes[accepted]).await.outcome(), "accepted", "{value}");
    }
}

#[tokio::test]
async fn codes_have_the_default_length_or_are_fixed() {
    let sim = Sim::with(&[("code_length_default", "7")]).await;
    assert_eq!(sim.sent(&sim.profile()).await.1.len(), 7);
    let sim = Sim::with(&[("fixed_code", "424242")]).await;
    assert_eq!(sim.sent(&sim.profile()).await.1, "424242");
}

#[tokio::test]
async fn timeouts_have_a_default_and_bounds() {
    let bounds = [("timeout_min_secs", "30"), ("timeout_default_secs", "60"), ("timeout_max_secs", "90")];
    let sim = Sim::with(&bounds).await;
    let profile = sim.profile();
    assert_eq!(sim.send(&profile, json!({})).await.ok()["data"]["timeout_secs"], 60);
    for (secs, status) in [(29, 422), (30, 200), (90, 200), (91, 422)] {
        assert_eq!(sim.send(&profile, json!({"timeout_secs": secs})).await.status, status, "{secs}");
        let sms = json!({"name": "x", "sms": {"default_verification_timeout_secs": secs}});
        assert_eq!(sim.post("/v2/verify_profiles", sms).await.status, status, "{secs}");
    }
}

#[tokio::test]
async fn short_timeout_name_counts_or_does_not() {
    for (value, secs) in [("honour", 60), ("ignore", 300)] {
        let sim = Sim::with(&[("short_timeout_name", value)]).await;
        let body = json!({"name": "x", "sms": {"default_timeout_secs": 60}});
        let profile = sim.post("/v2/verify_profiles", body).await.ok();
        assert_eq!(profile["data"]["sms"]["default_verification_timeout_secs"], secs);
    }
}

#[tokio::test]
async fn filter_name_list_order_and_max_page_size_shape_lists() {
    let names = async |changes: &[(&str, &str)], query: &str| {
        let sim = Sim::with(changes).await;
        for name in ["Shop", "Shop B", "C"] {
            let _ = sim.handle.seed_profile("KEY1", name);
        }
        let list = sim.get(&format!("/v2/verify_profiles?{query}")).await.ok();
        let names: Vec<_> = list["data"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect();
        (json!(names), list["meta"]["page_size"].clone())
    };
    assert_eq!(names(&[("filter_name", "exact")], "filter[name]=Shop").await.0, json!(["Shop"]));
    assert_eq!(names(&[("filter_name", "partial")], "filter[name]=shop").await.0, json!(["Shop B", "Shop"]));
    assert_eq!(names(&[("list_order", "newest_first")], "").await.0, json!(["C", "Shop B", "Shop"]));
    assert_eq!(names(&[("list_order", "oldest_first")], "").await.0, json!(["Shop", "Shop B", "C"]));
    let cut = names(&[("max_page_size", "2")], "page[size]=3").await;
    assert_eq!(cut, (json!(["C", "Shop B"]), json!(2)));
    assert_eq!(names(&[], "page[size]=1000").await.1, 250);
}

#[tokio::test]
async fn phone_list_paging_pages_or_does_not() {
    for (value, items, meta) in [
        ("paged", 1, json!({"page_number": 1, "page_size": 1, "total_pages": 2, "total_results": 2})),
        ("one_page", 2, json!({"page_number": 1, "page_size": 2, "total_pages": 1, "total_results": 2})),
    ] {
        let sim = Sim::with(&[("phone_list_paging", value)]).await;
        let profile = sim.profile();
        for _ in 0..2 {
            sim.sent(&profile).await;
        }
        let list = sim.get(&format!("/v2/verifications/by_phone_number/{ENCODED}?page[size]=1")).await.ok();
        assert_eq!(list["data"].as_array().unwrap().len(), items);
        assert_eq!(list["meta"], meta);
    }
}

#[tokio::test]
async fn empty_profile_list_is_a_list_or_an_error() {
    for (value, status) in [("empty", 200), ("unauthorized", 401)] {
        let sim = Sim::with(&[("empty_profile_list", value)]).await;
        assert_eq!(sim.get("/v2/verify_profiles").await.status, status);
        sim.profile();
        assert_eq!(sim.get("/v2/verify_profiles").await.status, 200);
    }
}

#[tokio::test]
async fn delete_profile_with_pending_decides_about_the_pending_ones() {
    for (value, deleted, outcome) in
        [("keep", 200, "accepted"), ("remove", 200, NOT_FOUND), ("refuse", 422, "accepted")]
    {
        let sim = Sim::with(&[("delete_profile_with_pending", value)]).await;
        let profile = sim.profile();
        let (id, code) = sim.sent(&profile).await;
        let path = format!("/v2/verify_profiles/{profile}");
        assert_eq!(sim.delete(&path).await.status, deleted, "{value}");
        assert_eq!(sim.check(&id, &code).await.outcome(), outcome, "{value}");
        assert_eq!(sim.delete(&path).await.status, if deleted == 200 { 404 } else { 200 }, "{value}");
    }
}

#[tokio::test]
async fn nested_patch_replaces_or_merges() {
    for (value, app_name) in [("replace", Value::Null), ("merge", json!("Shop"))] {
        let sim = Sim::with(&[("nested_patch", value)]).await;
        let path = format!("/v2/verify_profiles/{}", sim.profile());
        let changed = sim.patch(&path, json!({"sms": {"code_length": 6}})).await.ok();
        assert_eq!(changed["data"]["sms"]["code_length"], 6);
        assert_eq!(changed["data"]["sms"]["app_name"], app_name);
        assert_eq!(changed["data"]["call"]["app_name"], "Shop", "other blocks stay as they are");
    }
}

#[tokio::test]
async fn patch_null_clears_or_is_refused() {
    for (value, status) in [("clear", 200), ("refuse", 422)] {
        let sim = Sim::with(&[("patch_null", value)]).await;
        let path = format!("/v2/verify_profiles/{}", sim.profile());
        sim.patch(&path, json!({"language": "de-DE"})).await.ok();
        let nulls = json!({"language": null, "sms": null});
        assert_eq!(sim.patch(&path, nulls).await.status, status, "{value}");
        let profile = sim.get(&path).await.ok();
        assert_eq!(profile["data"].get("language").is_none(), status == 200, "{value}");
        assert_eq!(profile["data"].get("sms").is_none(), status == 200, "{value}");
    }
    let sim = Sim::start().await;
    let path = format!("/v2/verify_profiles/{}", sim.profile());
    let nulls = json!({"sms": null, "call": null, "flashcall": null, "whatsapp": null, "dtmf_confirm": null});
    assert_eq!(sim.patch(&path, nulls).await.refusal(), (400, "10015".into()), "the last channel stays");
    assert_eq!(sim.patch(&path, json!({"name": null})).await.refusal(), (422, "10004".into()), "a profile has a name");
    assert_eq!(sim.get(&path).await.ok()["data"]["name"], "Shop");

    let limits = json!({"daily_spend_limit": 5, "daily_spend_limit_enabled": true});
    sim.patch(&path, limits).await.ok();
    let nulls = json!({"daily_spend_limit": null, "daily_spend_limit_enabled": null});
    let cleared = sim.patch(&path, nulls).await.ok();
    assert_eq!(cleared["data"].get("daily_spend_limit"), None);
    assert_eq!(cleared["data"]["daily_spend_limit_enabled"], false);
}

#[tokio::test]
async fn null_inside_a_block_restores_the_default_of_the_field() {
    for nested in ["replace", "merge"] {
        let sim = Sim::with(&[("nested_patch", nested)]).await;
        let path = format!("/v2/verify_profiles/{}", sim.profile());
        let set = json!({"sms": {"app_name": "Shop", "code_length": 8, "default_verification_timeout_secs": 60}});
        sim.patch(&path, set).await.ok();
        let nulls = json!({"app_name": null, "code_length": null, "default_timeout_secs": null, "alpha_sender": null});
        let sms = sim.patch(&path, json!({"sms": nulls})).await.ok()["data"]["sms"].take();
        let expected = json!({"code_length": 5, "default_verification_timeout_secs": 300, "alpha_sender": null});
        assert_eq!(sms, expected, "{nested}");
    }
    let sim = Sim::with(&[("patch_null", "refuse")]).await;
    let path = format!("/v2/verify_profiles/{}", sim.profile());
    assert_eq!(sim.patch(&path, json!({"sms": {"code_length": null}})).await.refusal(), (422, "10026".into()));
}

#[tokio::test]
async fn patch_flashcall_changes_is_ignored_or_is_refused() {
    for (value, status, name) in [("accept", 200, "New"), ("ignore", 200, "Shop"), ("refuse", 422, "Shop")] {
        let sim = Sim::with(&[("patch_flashcall", value)]).await;
        let path = format!("/v2/verify_profiles/{}", sim.profile());
        assert_eq!(sim.patch(&path, json!({"flashcall": {"app_name": "New"}})).await.status, status, "{value}");
        assert_eq!(sim.get(&path).await.ok()["data"]["flashcall"]["app_name"], name, "{value}");
        sim.patch(&path, json!({"flashcall": null})).await;
        assert_eq!(sim.get(&path).await.ok()["data"].get("flashcall").is_none(), value == "accept", "{value}");
    }
}

#[tokio::test]
async fn unknown_profile_is_refused_in_two_ways_or_created() {
    for (value, refusal) in
        [("not_found", Some((404, "10005"))), ("bad_request", Some((400, "10015"))), ("create", None)]
    {
        let sim = Sim::with(&[("unknown_profile", value)]).await;
        let answer = sim.send("unknown", json!({})).await;
        let expected = refusal.map(|(status, code)| (status, code.to_owned()));
        assert_eq!((answer.status != 200).then(|| answer.refusal()), expected, "{value}");
        assert_eq!(sim.get("/v2/verify_profiles/unknown").await.status == 200, refusal.is_none(), "{value}");
    }
}

#[tokio::test]
async fn name_only_profile_and_profile_record_type_shape_profiles() {
    for (value, status) in [("refuse", 400), ("accept", 200)] {
        let sim = Sim::with(&[("name_only_profile", value)]).await;
        assert_eq!(sim.post("/v2/verify_profiles", json!({"name": "x"})).await.status, status, "{value}");
    }
    for value in ["verification_profile", "verify_profile"] {
        let sim = Sim::with(&[("profile_record_type", value)]).await;
        let profile = sim.get(&format!("/v2/verify_profiles/{}", sim.profile())).await.ok();
        assert_eq!(profile["data"]["record_type"], value);
    }
}

#[tokio::test]
async fn empty_phone_list_is_a_list_or_not_found() {
    for (value, status) in [("empty", 200), ("not_found", 404)] {
        let sim = Sim::with(&[("empty_phone_list", value)]).await;
        let path = format!("/v2/verifications/by_phone_number/{ENCODED}");
        assert_eq!(sim.get(&path).await.status, status, "{value}");
        sim.sent(&sim.profile()).await;
        assert_eq!(sim.get(&path).await.status, 200, "{value}");
    }
}

#[tokio::test]
async fn second_keypad_call_is_allowed_or_refused() {
    for (value, status) in [("allow", 200), ("refuse", 409)] {
        let sim = Sim::with(&[("second_keypad_call", value)]).await;
        let body = json!({"phone_number": PHONE, "verify_profile_id": sim.profile()});
        let first = sim.post("/v2/verifications/dtmf_confirm", body.clone()).await.ok();
        assert_eq!(sim.post("/v2/verifications/dtmf_confirm", body.clone()).await.status, status, "{value}");
        assert_eq!(sim.post("/v2/verifications/sms", body.clone()).await.status, 200, "{value}");
        let other = json!({"phone_number": "+13035559999", "verify_profile_id": body["verify_profile_id"]});
        assert_eq!(sim.post("/v2/verifications/dtmf_confirm", other).await.status, 200, "{value}");
        let first = first["data"]["id"].as_str().unwrap();
        sim.handle.press(first, Keypress::Key('1')).unwrap();
        if value == "refuse" {
            assert_eq!(sim.post("/v2/verifications/dtmf_confirm", body).await.status, 200);
        }
    }
}

#[tokio::test]
async fn keypad_no_answer_ends_the_verification_or_leaves_it_pending() {
    for value in ["error", "pending"] {
        let sim = Sim::with(&[("keypad_no_answer", value)]).await;
        let body = json!({"phone_number": PHONE, "verify_profile_id": sim.profile()});
        let sent = sim.post("/v2/verifications/dtmf_confirm", body).await.ok();
        let id = sent["data"]["id"].as_str().unwrap();
        sim.handle.press(id, Keypress::NoAnswer).unwrap();
        assert_eq!(sim.status(id).await, value);
    }
}

#[tokio::test]
async fn custom_codes_have_bounds() {
    let sim = Sim::with(&[("custom_code_max", "12"), ("custom_code_min", "6")]).await;
    let profile = sim.profile();
    for (code, status) in [("12345", 422), ("123456", 200), ("123456789012", 200), ("1234567890123", 422)] {
        assert_eq!(sim.send(&profile, json!({"custom_code": code})).await.status, status, "{code}");
    }
}

#[tokio::test]
async fn the_short_timeout_name_is_echoed_until_the_long_name_is_set() {
    for (value, echo) in [("false", Value::Null), ("true", json!(60))] {
        let sim = Sim::with(&[("echo_short_timeout_name", value), ("nested_patch", "merge")]).await;
        let body = json!({"name": "x", "sms": {"default_timeout_secs": 60}});
        let profile = sim.post("/v2/verify_profiles", body).await.ok();
        assert_eq!(profile["data"]["sms"]["default_timeout_secs"], echo);
        assert_eq!(profile["data"]["sms"]["default_verification_timeout_secs"], 60);
        let path = format!("/v2/verify_profiles/{}", profile["data"]["id"].as_str().unwrap());
        let changed = sim.patch(&path, json!({"sms": {"default_verification_timeout_secs": 90}})).await.ok();
        assert_eq!(changed["data"]["sms"].get("default_timeout_secs"), None);
    }
}

#[tokio::test]
async fn an_accepted_verification_costs_its_fee_and_a_rejected_one_does_not() {
    let sim = Sim::with(&[("send_price", "0"), ("acceptance_fee", "0.5")]).await;
    let profile = sim.profile();
    let limit = json!({"daily_spend_limit": 1, "daily_spend_limit_enabled": true});
    sim.patch(&format!("/v2/verify_profiles/{profile}"), limit).await.ok();
    let (id, code) = sim.sent(&profile).await;
    sim.check(&id, &wrong(&code)).await.ok();
    assert_eq!(sim.check(&id, &code).await.outcome(), "accepted");
    let body = json!({"phone_number": PHONE, "verify_profile_id": profile});
    let call = sim.post("/v2/verifications/dtmf_confirm", body).await.ok();
    let (late, _) = sim.sent(&profile).await;
    sim.handle.press(call["data"]["id"].as_str().unwrap(), Keypress::Key('1')).unwrap();
    assert_eq!(sim.send(&profile, json!({})).await.refusal(), (429, "40333".into()));
    assert_eq!(sim.status(&late).await, "pending", "what was sent before stays");
}

#[tokio::test]
async fn whitelist_languages_and_templates_can_be_stricter() {
    let profile = json!({"name": "x", "language": "xx", "sms": {}});
    for (changes, refusal) in [
        (("whitelist", "optional"), None),
        (("whitelist", "required"), Some((400, "40331".to_owned()))),
        (("languages", "any"), None),
        (("languages", "listed"), Some((422, "10032".to_owned()))),
    ] {
        let sim = Sim::with(&[changes]).await;
        let answer = sim.post("/v2/verify_profiles", profile.clone()).await;
        assert_eq!((answer.status != 200).then(|| answer.refusal()), refusal, "{changes:?}");
        let listed = json!({"name": "x", "language": "de-DE", "sms": {"whitelisted_destinations": ["*"]}});
        sim.post("/v2/verify_profiles", listed).await.ok();
    }
    let prebuilt = format!("/v2/verify_profiles/templates/{}", Template::PREBUILT[3]);
    for (value, status) in [("fixed", 403), ("changeable", 200)] {
        let sim = Sim::with(&[("prebuilt_templates", value)]).await;
        assert_eq!(sim.patch(&prebuilt, json!({"text": "{{code}}"})).await.status, status);
        let list = sim.get("/v2/verify_profiles/templates").await.ok();
        assert_eq!(list["data"].as_array().unwrap().len(), 6);
        assert_eq!(list["data"][3]["text"] == "{{code}}", status == 200);
    }
    for (value, status) in [("accept", 200), ("refuse", 422)] {
        let sim = Sim::with(&[("template_without_code", value)]).await;
        assert_eq!(sim.post("/v2/verify_profiles/templates", json!({"text": "hello"})).await.status, status);
    }
}

#[tokio::test]
async fn the_spend_limit_is_reached_at_its_price_and_is_reset_on_the_next_day() {
    for (value, beyond) in [("refuse", 429), ("ignore", 200)] {
        let sim = Sim::with(&[("send_price", "0.1"), ("at_spend_limit", value)]).await;
        let profile = sim.profile();
        let limit = json!({"daily_spend_limit": 0.3, "daily_spend_limit_enabled": true});
        sim.patch(&format!("/v2/verify_profiles/{profile}"), limit).await.ok();
        for _ in 0..3 {
            sim.sent(&profile).await;
        }
        let answer = sim.send(&profile, json!({})).await;
        assert_eq!(answer.status, beyond, "{value}");
        if beyond == 429 {
            assert_eq!(answer.refusal().1, "40333");
            assert_eq!(sim.handle.messages().len(), 3);
        }
        sim.handle.advance(Duration::from_hours(24));
        sim.sent(&profile).await;
        let off = json!({"daily_spend_limit_enabled": false});
        sim.patch(&format!("/v2/verify_profiles/{profile}"), off).await.ok();
        for _ in 0..5 {
            sim.sent(&profile).await;
        }
    }
}

#[tokio::test]
async fn sends_to_one_number_are_limited_in_ten_minutes() {
    let sim = Sim::with(&[("send_limit_per_phone", "2")]).await;
    let profile = sim.profile();
    for _ in 0..2 {
        sim.sent(&profile).await;
    }
    let refused = sim.send(&profile, json!({})).await;
    assert_eq!(refused.refusal(), (429, "10011".into()));
    assert_eq!(refused.json()["errors"][0].get("meta"), None);
    assert_eq!(refused.header("x-ratelimit-limit"), Some("2"));
    assert_eq!(refused.header("x-ratelimit-remaining"), Some("0"));
    assert_eq!(refused.header("x-ratelimit-reset"), refused.header("retry-after"));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((300..=601).contains(&wait), "{wait}");
    assert_eq!(sim.send(&profile, json!({"phone_number": "+13035559999"})).await.status, 200);
    sim.handle.advance(Duration::from_secs(wait));
    assert_eq!(sim.send(&profile, json!({})).await.status, 200);
}

#[tokio::test]
async fn requests_are_limited_in_a_minute_and_say_so_in_either_way() {
    for (reset, retry_after) in [("seconds", "true"), ("epoch", "false")] {
        let changes = [("requests_per_minute", "2"), ("rate_limit_reset", reset), ("retry_after", retry_after)];
        let sim = Sim::with(&changes).await;
        let mut answers = Vec::new();
        // The minute may end meanwhile, and then two more requests pass.
        while answers.last().is_none_or(|answer: &super::Answer| answer.status == 200) && answers.len() < 6 {
            answers.push(sim.get("/v2/verify_profiles").await);
        }
        let refused = answers.pop().unwrap();
        assert_eq!(refused.refusal(), (429, "10011".into()));
        assert_eq!(refused.header("retry-after").is_some(), retry_after == "true");
        let reset_at: i64 = refused.header("x-ratelimit-reset").unwrap().parse().unwrap();
        assert_eq!(reset_at > Timestamp::now().as_second() - 60, reset == "epoch", "{reset_at}");
        sim.handle.advance(Duration::from_mins(1));
        assert_eq!(sim.get("/v2/verify_profiles").await.status, 200);
    }
}

#[tokio::test]
async fn refusals_have_the_statuses_and_codes_that_are_set() {
    for (value, expected) in [("unprocessable", (422, "10016")), ("bad_request", (400, "10002"))] {
        let sim = Sim::with(&[("bad_number", value)]).await;
        let answer = sim.send(&sim.profile(), json!({"phone_number": "3035551234"})).await;
        assert_eq!(answer.refusal(), (expected.0, expected.1.into()));
        let body = json!({"code": "12345", "verify_profile_id": sim.profile()});
        let answer = sim.post("/v2/verifications/by_phone_number/3035551234/actions/verify", body).await;
        assert_eq!(answer.refusal(), (expected.0, expected.1.into()));
        // The API documents no other status for a read.
        let answer = sim.get("/v2/verifications/by_phone_number/3035551234").await;
        assert_eq!(answer.refusal(), (400, "10002".into()));
    }
    let sim = Sim::with(&[("bad_request_code", "10004")]).await;
    assert_eq!(sim.post("/v2/verify_profiles", json!({"name": "x"})).await.refusal(), (400, "10004".into()));
    let unauthorized = async |changes: &[(&str, &str)]| {
        let sim = Sim::with(changes).await;
        sim.try_call(None, http::Method::GET, "/v2/verify_profiles", String::new()).await.unwrap().refusal()
    };
    assert_eq!(unauthorized(&[("unauthorized_status", "401")]).await, (401, "10009".into()));
    assert_eq!(unauthorized(&[("unauthorized_status", "403")]).await, (403, "10009".into()));
    assert_eq!(unauthorized(&[("missing_key", "unauthorized")]).await, (401, "10009".into()));
    assert_eq!(unauthorized(&[("missing_key", "not_found")]).await, (404, "10005".into()));
}

#[tokio::test]
async fn raw_plus_is_understood_or_not() {
    for (value, raw) in [("accept", 200), ("not_found", 404)] {
        let sim = Sim::with(&[("raw_plus", value)]).await;
        assert_eq!(sim.get(&format!("/v2/verifications/by_phone_number/{PHONE}")).await.status, raw);
        assert_eq!(sim.get(&format!("/v2/verifications/by_phone_number/{ENCODED}")).await.status, 200);
    }
}

#[tokio::test]
async fn request_id_header_carries_another_id_in_every_answer() {
    let sim = Sim::start().await;
    assert_eq!(sim.get("/v2/verify_profiles").await.header("x-request-id"), None);
    let sim = Sim::with(&[("request_id_header", "x-request-id")]).await;
    let ids = [sim.get("/v2/verify_profiles").await, sim.get("/v2/nowhere").await]
        .map(|answer| answer.header("x-request-id").unwrap().to_owned());
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn latency_makes_every_answer_of_the_api_wait() {
    let sim = Sim::with(&[("latency_ms", "600000")]).await;
    let profile = sim.profile();
    let sent = async {
        while sim.handle.messages().is_empty() {
            tokio::task::yield_now().await;
        }
        sim.get("/_simulator/health").await.ok();
    };
    tokio::select! {
        _ = sim.send(&profile, json!({})) => panic!("answered at once"),
        () = sent => {}
    }
}

#[tokio::test]
async fn keep_bounds_messages_and_verifications() {
    let sim = Sim::with(&[("keep", "2")]).await;
    let profile = sim.profile();
    let (first, _) = sim.sent(&profile).await;
    sim.sent(&profile).await;
    let (last, _) = sim.sent(&profile).await;
    assert_eq!(sim.handle.messages().len(), 2);
    assert_eq!(sim.get(&format!("/v2/verifications/{first}")).await.status, 404);
    assert_eq!(sim.status(&last).await, "pending");
}

#[tokio::test]
async fn a_seed_makes_codes_and_ids_the_same_in_every_run() {
    let run = async |seed: &str| {
        let sim = Sim::with(&[("seed", seed)]).await;
        let profile = sim.profile();
        let (id, code) = sim.sent(&profile).await;
        (profile, id, code)
    };
    assert_eq!(run("42").await, run("42").await);
    assert_ne!(run("42").await, run("43").await);
    assert_ne!(run("none").await, run("none").await);
}
