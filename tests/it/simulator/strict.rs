//! What no operation has: unknown parameters and paths, and the document of what there is.

use http::Method;
use serde_json::json;

use super::{ENCODED, PHONE, Sim};

#[tokio::test]
async fn unknown_fields_are_refused_each_by_its_name() {
    let sim = Sim::with(&[("unknown_parameters", "refuse")]).await;
    let profile = sim.profile();
    let pointers = |answer: super::Answer| -> Vec<String> {
        assert_eq!(answer.refusal(), (422, "10027".into()), "{}", answer.text);
        let errors = answer.json()["errors"].as_array().unwrap().clone();
        errors.iter().map(|error| error["source"]["pointer"].as_str().unwrap().to_owned()).collect()
    };
    let block = json!({"app_name": "Shop", "colour": 1});
    let answer = sim.post("/v2/verify_profiles", json!({"name": "x", "rcs": {}, "sms": block, "call": block})).await;
    assert_eq!(pointers(answer), ["/sms/colour", "/call/colour", "/rcs"]);
    let patch = sim.patch(&format!("/v2/verify_profiles/{profile}"), json!({"sms": {"x": null}, "y": null})).await;
    assert_eq!(pointers(patch), ["/sms/x", "/y"]);
    assert_eq!(pointers(sim.send(&profile, json!({"extension": "1"})).await), ["/extension"]);
    assert_eq!(pointers(sim.post("/v2/verify_profiles/templates", json!({"text": "x", "name": 1})).await), ["/name"]);
    let (id, code) = sim.sent(&profile).await;
    let check = json!({"code": code, "verify_profile_id": profile});
    assert_eq!(
        pointers(sim.post(&format!("/v2/verifications/{id}/actions/verify"), check.clone()).await),
        ["/verify_profile_id"]
    );
    let by_phone = format!("/v2/verifications/by_phone_number/{ENCODED}/actions/verify");
    assert_eq!(
        pointers(sim.post(&by_phone, json!({"code": code, "verify_profile_id": profile, "id": id})).await),
        ["/id"]
    );
    sim.post(&by_phone, check).await.ok();

    let every = json!({
        "name": "x", "language": "en-US", "webhook_url": "", "webhook_failover_url": "", "daily_spend_limit": 1,
        "daily_spend_limit_enabled": true, "dtmf_confirm": {"default_timeout_secs": 9},
        "sms": {"app_name": "x", "code_length": 5, "default_verification_timeout_secs": 9, "default_timeout_secs": 9,
                "whitelisted_destinations": ["*"], "alpha_sender": null},
        "whatsapp": {"waba_id": null, "sender_phone_number": null, "template_id": null},
    });
    sim.post("/v2/verify_profiles", every).await.ok();
}

#[tokio::test]
async fn unknown_query_parameters_are_refused() {
    let sim = Sim::with(&[("unknown_parameters", "refuse")]).await;
    let profile = sim.profile();
    for (path, status) in [
        ("/v2/verify_profiles?page[number]=1&page[size]=2&filter[name]=x".to_owned(), 200),
        ("/v2/verify_profiles?page=1".to_owned(), 400),
        (format!("/v2/verify_profiles/{profile}?page[number]=1"), 400),
        (format!("/v2/verifications/by_phone_number/{ENCODED}?page[number]=1"), 200),
        (format!("/v2/verifications/by_phone_number/{ENCODED}?filter[name]=x"), 400),
        ("/v2/verify_profiles/templates?x".to_owned(), 400),
    ] {
        assert_eq!(sim.get(&path).await.status, status, "{path}");
    }
    let sim = Sim::start().await;
    sim.get("/v2/verify_profiles?page=1").await.ok();
}

#[tokio::test]
async fn a_send_without_a_channel_in_its_path_is_accepted_on_demand() {
    let sim = Sim::with(&[("generic_send", "accept")]).await;
    let profile = sim.profile();
    let send = async |kind: serde_json::Value| {
        let mut body = json!({"phone_number": PHONE, "verify_profile_id": profile});
        if !kind.is_null() {
            body["type"] = kind;
        }
        sim.post("/v2/verifications", body).await
    };
    assert_eq!(send(json!("call")).await.ok()["data"]["type"], "call");
    assert_eq!(send(json!(null)).await.ok()["data"]["type"], "sms");
    assert_eq!(send(json!("fax")).await.refusal(), (422, "10032".into()));
    assert_eq!(sim.get("/v2/verifications").await.refusal(), (405, "10030".into()));
    let magic = json!({"phone_number": "+13035550102", "verify_profile_id": profile});
    assert_eq!(sim.post("/v2/verifications", magic).await.status, 500);
}

#[tokio::test]
async fn the_document_names_every_path_of_the_api() {
    let sim = Sim::start().await;
    let document = sim.get("/openapi.yaml").await;
    assert_eq!(document.header("content-type"), Some("application/yaml"));
    let paths: Vec<_> = document.text.lines().filter_map(|line| line.strip_prefix("  /")?.strip_suffix(':')).collect();
    assert_eq!(paths.len(), 15, "{paths:?}");
    for path in paths {
        let path = format!("/v2/{}", path.replace("{phone_number}", ENCODED).replace(['{', '}'], ""));
        let allowed = sim.call(Method::PUT, &path, None).await;
        assert_eq!(allowed.refusal(), (405, "10030".into()), "{path}");
    }
}
