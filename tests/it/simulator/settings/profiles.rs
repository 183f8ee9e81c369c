//! Profiles and templates.
use serde_json::{Value, json};
use verify_gateway::telnyx::Template;

use crate::simulator::Sim;

const NOT_FOUND: &str = "404";

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
