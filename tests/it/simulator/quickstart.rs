//! The calls of Telnyx's quickstart, with nothing changed but the host.

use http::Method;
use serde_json::{Value, json};
use verify_gateway::simulator::{Fixtures, QUICKSTART_PROFILE};

use super::Sim;

async fn start(changes: &[(&str, &str)]) -> Sim {
    Sim::with_fixtures(changes, Fixtures::parse("{}").unwrap()).await
}

async fn send(sim: &Sim, channel: &str) -> Value {
    let body = json!({"phone_number": "+13035551234", "verify_profile_id": QUICKSTART_PROFILE});
    sim.post(&format!("/v2/verifications/{channel}"), body).await.ok()["data"].take()
}

#[tokio::test]
async fn the_templates_have_the_ids_and_texts_of_the_quickstart() {
    let expected = json!({"data": [
        {
            "id": "0abb5b4f-459f-445a-bfcd-488998b7572d",
            "text": "Your {{app_name}} verification code is: {{code}}."
        },
        {
            "id": "2ca3f1da-5621-4aa6-ae56-df21caff79e0",
            "text": "{{code}} is your verification code for {{app_name}}."
        },
        {
            "id": "33dfb056-6c1b-40bd-920e-4243e01248a5",
            "text": "Your {{app_name}} verification code is: {{code}}. Do not share this code with anyone; our employees \
                     will never ask for the code."
        },
        {
            "id": "46acd63c-be57-4993-ae8d-0e4067ad1d57",
            "text": "Your {{app_name}} verification code is: {{code}}. This code will expire in \
                     {{default_verification_timeout_secs}} minutes."
        },
        {
            "id": "723ead5e-ada6-4c29-a962-349170866187",
            "text": "{{code}} is your verification code for {{app_name}}. This code will expire in \
                     {{default_verification_timeout_secs}} minutes."
        },
        {
            "id": "88d0781f-f4c7-4b78-8d0a-1f3e4de78b5e",
            "text": "Your {{app_name}} verification code is: {{code}}. This code will expire in \
                     {{default_verification_timeout_secs}} minutes. Do not share this code with anyone; our employees \
                     will never ask for the code."
        },
    ]});
    assert_eq!(start(&[]).await.get("/v2/verify_profiles/templates").await.ok(), expected);
}

#[tokio::test]
async fn the_profile_of_the_quickstart_can_be_created() {
    let sim = start(&[]).await;
    let body = json!({
        "name": "foobar-en-v1",
        "language": "en-US",
        "sms": {
            "messaging_template_id": "0abb5b4f-459f-445a-bfcd-488998b7572d",
            "whitelisted_destinations": ["US", "CA"],
            "default_timeout_secs": 300,
            "code_length": 5,
        },
        "call": {"default_timeout_secs": 600},
    });
    let profile = sim.post("/v2/verify_profiles", body).await.ok();
    assert_eq!(profile["data"]["call"]["default_verification_timeout_secs"], 600);
}

#[tokio::test]
async fn every_channel_of_the_quickstart_sends_and_its_code_is_accepted() {
    let sim = start(&[("fixed_code", "17686")]).await;
    let path = "/v2/verifications/by_phone_number/+13035551234/actions/verify";
    let check = json!({"code": "17686", "verify_profile_id": QUICKSTART_PROFILE});
    for channel in ["sms", "call", "flashcall"] {
        let sent = send(&sim, channel).await;
        assert_eq!((&sent["type"], &sent["status"]), (&json!(channel), &json!("pending")));
        let answer = sim.post(path, check.clone()).await.ok();
        assert_eq!(answer, json!({"data": {"phone_number": "+13035551234", "response_code": "accepted"}}));
    }
}

#[tokio::test]
async fn a_message_without_a_template_is_the_default_sentence() {
    let sim = start(&[("fixed_code", "17686")]).await;
    send(&sim, "sms").await;
    assert_eq!(sim.handle.messages()[0].text, "Your verification code is 17686.");
}

#[tokio::test]
async fn every_account_has_the_profile_and_a_reset_restores_it() {
    let sim = start(&[]).await;
    let path = format!("/v2/verify_profiles/{QUICKSTART_PROFILE}");
    for key in ["KEY1", "KEY2"] {
        let answer = sim.try_call(Some(key), Method::GET, &path, String::new()).await.unwrap();
        assert_eq!(answer.ok()["data"]["id"], QUICKSTART_PROFILE);
    }
    sim.delete(&path).await.ok();
    assert_eq!(sim.get(&path).await.status, 404);
    sim.handle.reset();
    sim.get(&path).await.ok();
}
