//! What tests that share a simulator need: state by account, and messages that they can wait for.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{PHONE, Sim};

/// Sends an SMS from the account of `key`, and returns the ID of the verification.
async fn send(sim: &Sim, key: &str, phone: &str) -> String {
    let profile = sim.handle.seed_profile(key, "Shop");
    let body = json!({"phone_number": phone, "verify_profile_id": profile}).to_string();
    let sent = sim.try_call(Some(key), Method::POST, "/v2/verifications/sms", body).await.unwrap().ok();
    sent["data"]["id"].as_str().unwrap().to_owned()
}

async fn ids(sim: &Sim, query: &str) -> Vec<String> {
    let messages = sim.get(&format!("/_simulator/messages?{query}")).await.ok();
    messages.as_array().unwrap().iter().map(|message| message["verification_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn messages_are_selected_by_account_channel_verification_and_time() {
    let sim = Sim::start().await;
    let first = send(&sim, "KEY1", PHONE).await;
    sim.handle.advance(std::time::Duration::from_hours(1));
    let later = sim.handle.now();
    let second = send(&sim, "KEY2", PHONE).await;
    assert_eq!(ids(&sim, "key=KEY1").await, [first.as_str()]);
    assert_eq!(ids(&sim, "key=KEY2&channel=sms").await, [second.as_str()]);
    assert_eq!(ids(&sim, "channel=call").await, [""; 0]);
    assert_eq!(ids(&sim, &format!("verification_id={first}")).await, [first.as_str()]);
    assert_eq!(ids(&sim, &format!("since={later}")).await, [second.as_str()]);
    let code = sim.get("/_simulator/messages/latest/code?key=KEY1").await.text;
    assert_eq!(code.trim(), sim.handle.messages()[0].code.as_deref().unwrap());
}

#[tokio::test]
async fn a_message_is_waited_for() {
    let sim = Sim::start().await;
    let (found, sent) = tokio::join!(ids(&sim, "key=KEY1&wait=60s"), async {
        send(&sim, "KEY2", PHONE).await;
        send(&sim, "KEY1", PHONE).await
    });
    assert_eq!(found, [sent.as_str()]);
    assert_eq!(ids(&sim, "key=KEY3&wait=0").await, [""; 0]);
    let code = sim.get("/_simulator/messages/latest/code?key=KEY1&wait=60s").await;
    assert_eq!(code.status, StatusCode::OK);
    for wait in ["61s", "soon", "-1"] {
        assert_eq!(
            sim.get(&format!("/_simulator/messages?wait={wait}")).await.status,
            StatusCode::BAD_REQUEST,
            "{wait}"
        );
    }
}

#[tokio::test]
async fn a_reset_of_one_account_leaves_the_others_alone() {
    let sim = Sim::start().await;
    let (first, second) = (send(&sim, "KEY1", PHONE).await, send(&sim, "KEY2", PHONE).await);
    let once = "+13035550103";
    let fails_once = async |key| {
        let body = json!({"phone_number": once, "verify_profile_id": sim.handle.seed_profile(key, "x")}).to_string();
        sim.try_call(Some(key), Method::POST, "/v2/verifications/sms", body).await.unwrap().status.as_u16()
    };
    assert_eq!([fails_once("KEY1").await, fails_once("KEY2").await], [500, 500]);
    for key in ["KEY1", "KEY2"] {
        sim.post("/_simulator/faults", json!({"status": 503, "key": key})).await.ok();
    }
    sim.patch("/_simulator/clock?key=KEY1", json!({"frozen": true})).await.ok();

    assert_eq!(sim.call(Method::POST, "/_simulator/reset?key=KEY1", None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(sim.get(&format!("/v2/verifications/{first}")).await.status, 404, "and no fault");
    assert_eq!(sim.get("/v2/verify_profiles").await.ok()["data"], json!([]));
    assert_eq!(ids(&sim, "").await, [second.as_str()]);
    assert_eq!(sim.get("/_simulator/clock?key=KEY1").await.ok()["frozen"], false);
    assert_eq!([fails_once("KEY1").await, fails_once("KEY2").await], [500, 503]);
    assert_eq!(fails_once("KEY2").await, 200, "its first send has failed already");
}

#[tokio::test]
async fn faults_are_listed_and_removed_by_account() {
    let sim = Sim::start().await;
    for fault in [json!({"status": 501}), json!({"status": 502, "key": "KEY1"}), json!({"status": 503, "key": "KEY2"})]
    {
        sim.post("/_simulator/faults", fault).await.ok();
    }
    let statuses = |list: Value| -> Vec<u64> {
        list.as_array().unwrap().iter().map(|fault| fault["status"].as_u64().unwrap()).collect()
    };
    assert_eq!(statuses(sim.get("/_simulator/faults?key=KEY1").await.ok()), [502]);
    assert_eq!(sim.delete("/_simulator/faults?key=KEY1").await.status, StatusCode::NO_CONTENT);
    assert_eq!(statuses(sim.get("/_simulator/faults").await.ok()), [501, 503]);
}

#[tokio::test]
async fn a_made_up_number_is_new_fictional_and_in_the_us() {
    let sim = Sim::start().await;
    let body = json!({"name": "x", "sms": {"whitelisted_destinations": ["US"]}});
    let profile = sim.post("/v2/verify_profiles", body).await.ok()["data"]["id"].take();
    let mut numbers = BTreeSet::new();
    for _ in 0..250 {
        let made = sim.call(Method::POST, "/_simulator/numbers", None).await.ok();
        let number = made["phone_number"].as_str().unwrap().to_owned();
        assert!(
            number.starts_with("+1") && number[5..].starts_with("55501") && !number.starts_with("+1303"),
            "{number}"
        );
        assert!(numbers.insert(number));
    }
    for number in numbers.iter().step_by(25) {
        sim.send(profile.as_str().unwrap(), json!({"phone_number": number})).await.ok();
    }
    sim.handle.reset();
    let made = sim.call(Method::POST, "/_simulator/numbers", None).await.ok();
    assert!(!numbers.contains(made["phone_number"].as_str().unwrap()), "a reset by one test must not repeat a number");
}
