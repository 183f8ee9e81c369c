//! Which webhooks a verification has, and when.

use std::time::Duration;

use serde_json::json;

use super::{Receiver, frozen};
use crate::simulator::{PHONE, wrong};

fn event(event_type: &str, delivery_status: &str) -> (String, String) {
    (event_type.to_owned(), delivery_status.to_owned())
}

#[tokio::test]
async fn the_delivery_of_each_magic_number_is_reported_in_time() {
    // The number, its webhooks at once, those after a time, that time, and how many messages arrive.
    let table: [(&str, &[&str], &str, u64, usize); 7] = [
        (PHONE, &["sent"], "delivered", 1, 1),
        ("+13035550122", &[], "sending_failed", 0, 0),
        ("+13035550125", &["sent"], "delivered", 1, 1),
        ("+13035550126", &["sent"], "delivered", 45, 1),
        ("+13035550127", &["sent"], "delivery_failed", 1, 0),
        ("+13035550128", &["sent"], "delivery_unconfirmed", 1, 1),
        ("+13035550129", &[], "silent", 1, 1),
    ];
    for (phone, at_once, outcome, after, messages) in table {
        let mut receiver = Receiver::start(&[]).await;
        let (sim, profile) = frozen(&[], &[&receiver.url]).await;
        sim.send(&profile, json!({"phone_number": phone})).await.ok();
        for status in at_once {
            assert_eq!(receiver.event().await, event("verify.sent", status), "{phone}");
        }
        let inbox = sim.get("/_simulator/inbox").await.ok();
        let before = if after == 0 { Some(outcome) } else { at_once.first().copied() };
        assert_eq!(inbox[0]["delivery_status"].as_str(), before, "{phone}");
        assert_eq!(sim.handle.messages().len(), messages, "{phone}");
        if after > 1 {
            sim.handle.advance(Duration::from_secs(after - 1));
            sim.handle.advance(Duration::from_millis(999));
        }
        assert!(after == 0 || receiver.hooks.is_empty(), "{phone}");
        sim.handle.advance(Duration::from_secs(if after > 1 { 1 } else { after }));
        match outcome {
            "delivered" => assert_eq!(receiver.event().await, event("verify.delivered", outcome), "{phone}"),
            "silent" => assert_eq!(sim.get("/_simulator/webhooks").await.ok(), json!([])),
            _ => assert_eq!(receiver.event().await, event("verify.failed", outcome), "{phone}"),
        }
    }
}

#[tokio::test]
async fn an_ordinary_message_is_delivered_after_the_time_of_the_setting() {
    let mut receiver = Receiver::start(&[]).await;
    let (sim, profile) = frozen(&[("delivered_after_secs", "0")], &[&receiver.url]).await;
    sim.send(&profile, json!({})).await.ok();
    assert_eq!(receiver.event().await.0, "verify.sent");
    assert_eq!(receiver.event().await.0, "verify.delivered");
}

#[tokio::test]
async fn an_unconfirmed_message_has_the_event_of_the_setting() {
    let mut receiver = Receiver::start(&[]).await;
    let (sim, profile) = frozen(&[("unconfirmed_event", "verify.delivered")], &[&receiver.url]).await;
    sim.send(&profile, json!({"phone_number": "+13035550128"})).await.ok();
    assert_eq!(receiver.event().await, event("verify.sent", "sent"));
    sim.handle.advance(Duration::from_secs(1));
    assert_eq!(receiver.event().await, event("verify.delivered", "delivery_unconfirmed"));
}

#[tokio::test]
async fn the_end_of_a_verification_is_an_event_if_the_setting_says_so() {
    let ends = ["verification.accepted", "verification.rejected", "verification.expired"];
    for (value, expected) in [("on", &ends[..]), ("off", &[])] {
        let mut receiver = Receiver::start(&[]).await;
        let settings = [("completion_events", value), ("attempt_limit", "1"), ("used_answer", "rejected")];
        let (sim, profile) = frozen(&settings, &[&receiver.url]).await;
        let silent = "+13035550129";
        for kind in 0..3 {
            let sent = sim.send(&profile, json!({"phone_number": silent})).await.ok();
            let id = sent["data"]["id"].as_str().unwrap();
            let code = sim.handle.latest_code(silent).unwrap();
            match kind {
                0 => {
                    sim.check(id, &code).await.ok();
                    // It is decided already, so this is no event.
                    sim.check(id, &code).await.ok();
                }
                1 => drop(sim.check(id, &wrong(&code)).await.ok()),
                _ => sim.handle.advance(Duration::from_mins(5)),
            }
            if let Some(expected) = expected.get(kind) {
                let hook = receiver.next().await.json();
                assert_eq!(
                    (hook["data"]["event_type"].as_str(), &hook["data"]["payload"]["id"]),
                    (Some(*expected), &json!(id))
                );
            }
        }
        assert_eq!(sim.get("/_simulator/webhooks").await.ok().as_array().unwrap().len(), expected.len(), "{value}");
    }
}

#[tokio::test]
async fn a_keypad_confirmation_has_one_event_with_the_fields_of_the_setting() {
    for (value, fields) in [("sample", 2), ("full", 5)] {
        let mut receiver = Receiver::start(&[]).await;
        let (sim, profile) = frozen(&[("dtmf_fields", value)], &[&receiver.url]).await;
        let body = json!({"phone_number": PHONE, "verify_profile_id": profile});
        let sent = sim.post("/v2/verifications/dtmf_confirm", body).await.ok();
        let id = sent["data"]["id"].as_str().unwrap();
        sim.post(&format!("/_simulator/verifications/{id}/keypad"), json!({"key": "1"})).await.ok();
        let hook = receiver.next().await.json();
        assert_eq!(hook["data"].as_object().unwrap().len(), fields, "{hook}");
        assert_eq!(hook.get("meta").is_some(), value == "full", "{hook}");
        assert_eq!(hook["data"]["event_type"], "verification.complete");
        let payload = &hook["data"]["payload"];
        assert_eq!([&payload["id"], &payload["status"], &payload["type"]], [id, "accepted", "dtmf_confirm"]);
        assert_eq!([&payload["verify_profile_id"], &payload["phone_number"]], [profile.as_str(), PHONE]);
    }
}

#[tokio::test]
async fn an_event_has_the_fields_of_telnyxs_sample() {
    let mut receiver = Receiver::start(&[]).await;
    let (sim, profile) = frozen(&[], &[&receiver.url]).await;
    let (id, code) = sim.sent(&profile).await;
    let hook = receiver.next().await.json();
    let event_id = hook["data"]["id"].clone();
    assert!(event_id.as_str().is_some_and(|event_id| event_id != id));
    let expected = json!({
        "data": {
            "event_type": "verify.sent", "id": event_id, "occurred_at": "2026-01-01T00:00:00.000+00:00",
            "record_type": "event",
            "payload": {
                "id": id, "record_type": "verification", "type": "sms", "phone_number": PHONE, "profile_id": profile,
                "status": "pending", "delivery_status": "sent", "custom_code": code, "failed_attempts": 0,
                "timeout_secs": null, "extension": null, "mccmnc": null,
                "created_at": "2026-01-01T00:00:00.000000", "updated_at": "2026-01-01T00:00:00.000000",
            },
        },
        "meta": {"attempt": 1, "delivered_to": receiver.url},
    });
    assert_eq!(hook, expected);
}

#[tokio::test]
async fn an_account_has_its_webhooks_by_its_own_clock() {
    let mut receiver = Receiver::start(&[]).await;
    let (sim, profile) = frozen(&[], &[&receiver.url]).await;
    sim.send(&profile, json!({})).await.ok();
    assert_eq!(receiver.event().await.0, "verify.sent");
    sim.post("/_simulator/clock/advance?key=KEY2", json!({"seconds": 60})).await.ok();
    assert!(receiver.hooks.is_empty());
    sim.post("/_simulator/clock/advance?key=KEY1", json!({"seconds": 1})).await.ok();
    assert_eq!(receiver.event().await.0, "verify.delivered");
}
