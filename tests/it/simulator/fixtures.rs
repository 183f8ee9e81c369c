//! Fixtures: what exists at the start and after a reset.

use serde_json::json;
use verify_gateway::simulator::{Error, Fixtures, QUICKSTART_PROFILE, Server, Settings};

use super::{LOOPBACK, PHONE, Sim};

#[tokio::test]
async fn profiles_templates_and_faults_exist_at_the_start_and_after_a_reset() {
    let fixtures = json!({
        "templates": [{"id": "greeting", "text": "{{app_name}} says {{code}}"}],
        "profiles": [{"id": "shop", "name": "Shop", "sms": {"app_name": "Shop", "messaging_template_id": "greeting"}}],
        "faults": [{"status": 503}],
    });
    let sim = Sim::with_fixtures(&[("fixed_code", "12345")], Fixtures::parse(&fixtures.to_string()).unwrap()).await;
    for _ in 0..2 {
        assert_eq!(sim.send("shop", json!({})).await.status, 503);
        sim.send("shop", json!({})).await.ok();
        assert_eq!(sim.handle.messages_to(PHONE)[0].text, "Shop says 12345");
        sim.get(&format!("/v2/verify_profiles/{QUICKSTART_PROFILE}")).await.ok();
        sim.handle.reset();
    }
}

#[tokio::test]
async fn the_profile_of_the_quickstart_can_be_left_out_or_replaced() {
    let sim = Sim::with_fixtures(&[], Fixtures::parse(r#"{"quickstart_profile": false}"#).unwrap()).await;
    assert_eq!(sim.get("/v2/verify_profiles").await.ok()["data"], json!([]));
    let own = json!({"profiles": [{"id": QUICKSTART_PROFILE, "name": "Own", "sms": {}}]});
    let sim = Sim::with_fixtures(&[], Fixtures::parse(&own.to_string()).unwrap()).await;
    let list = sim.get("/v2/verify_profiles").await.ok();
    assert_eq!((&list["data"][0]["name"], list["data"].as_array().unwrap().len()), (&json!("Own"), 1));
}

#[tokio::test]
async fn an_invalid_fixture_is_named_with_its_rule() {
    for (fixtures, expected) in [
        (json!({"profiles": [{"name": "x", "sms": {}}]}), "profiles/0/id: must be a string"),
        (
            json!({"profiles": [{"id": "a", "name": "x", "sms": {}}, {"id": "a", "name": "y", "sms": {}}]}),
            "profiles/1/id: must be unique",
        ),
        (
            json!({"profiles": [{"id": "a", "name": "x", "sms": {"code_length": 3}}]}),
            "profiles/0/sms/code_length: It must be 4 to 10.",
        ),
        (json!({"profiles": [{"id": "a", "name": "x"}]}), "profiles/0: No channel setting provided: sms, call, etc"),
        (json!({"templates": [{"id": "", "text": "x"}]}), "templates/0: id and text must not be empty"),
        (json!({"faults": [{"status": 99}]}), "faults/0: status must be 200 to 599"),
    ] {
        let fixtures = Fixtures::parse(&fixtures.to_string()).unwrap();
        let refused = Server::bind(LOOPBACK, false, Settings::default(), fixtures).await;
        assert!(matches!(refused, Err(Error::Settings(text)) if text == expected), "{expected}");
    }
    for text in ["", "[]", r#"{"unknown": 1}"#, r#"{"faults": [{"unknown": 1}]}"#] {
        assert!(Fixtures::parse(text).is_err(), "{text}");
    }
}
