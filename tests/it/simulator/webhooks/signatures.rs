//! Signatures, and the keys that verify them.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::json;

use super::{Hook, Receiver, frozen};
use crate::simulator::Sim;

/// The public key of the account of `KEY1`.
const KEY1: &str = "GYidadMv8kw1a8UxwUSLX+oHnl6RkxWijmbII/iJBbY=";

async fn public_key(sim: &Sim, key: &str) -> String {
    sim.get(&format!("/_simulator/keys?key={key}")).await.ok()[0]["public_key"].as_str().unwrap().to_owned()
}

fn is_signed_by(hook: &Hook, public_key: &str) -> bool {
    let signed = [hook.header("telnyx-timestamp").as_bytes(), b"|", &hook.body[..]].concat();
    let signature = STANDARD.decode(hook.header("telnyx-signature-ed25519")).unwrap();
    UnparsedPublicKey::new(&ED25519, STANDARD.decode(public_key).unwrap()).verify(&signed, &signature).is_ok()
}

#[tokio::test]
async fn a_webhook_is_signed_with_the_key_of_its_account() {
    let mut receiver = Receiver::start(&[]).await;
    let (sim, profile) = frozen(&[], &[&receiver.url]).await;
    sim.send(&profile, json!({})).await.ok();
    let hook = receiver.next().await;
    assert!(is_signed_by(&hook, &public_key(&sim, "KEY1").await));
    assert!(!is_signed_by(&hook, &public_key(&sim, "KEY2").await));
    assert_eq!(hook.header("content-type"), "application/json");
    // Every simulator has this key for this account, so it can stand in a configuration.
    assert_eq!(public_key(&sim, "KEY1").await, KEY1);
    let all = sim.get("/_simulator/keys").await.ok();
    assert_eq!(all.as_array().unwrap().len(), 1, "the accounts that have made a request");
    assert_eq!(all[0]["public_key"], KEY1);
}

#[tokio::test]
async fn the_key_can_be_set_and_changed() {
    // The first two keys of RFC 8032, section 7.1.
    let pairs = [
        ("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="),
        ("TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvs=", "PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw="),
    ];
    let mut receiver = Receiver::start(&[]).await;
    let (sim, profile) = frozen(&[("delivered_after_secs", "3000")], &[&receiver.url]).await;
    for (private, public) in pairs {
        sim.patch("/_simulator/settings", json!({"webhook_key": private})).await.ok();
        sim.send(&profile, json!({})).await.ok();
        assert!(is_signed_by(&receiver.next().await, public));
        assert_eq!(public_key(&sim, "KEY2").await, public);
    }
    let refused = sim.patch("/_simulator/settings", json!({"webhook_key": "c2hvcnQ="})).await;
    assert_eq!(refused.json()["error"], "webhook_key: webhook_key must be base64 of 32 bytes");
}

#[tokio::test]
async fn each_attempt_is_signed_again_or_repeats_the_first() {
    for (value, differs) in [("per_attempt", true), ("once", false)] {
        let mut receiver = Receiver::start(&[500]).await;
        let settings = [("delivered_after_secs", "3000"), ("webhook_resign", value), ("webhook_backoff_ms", "0")];
        let (sim, profile) = frozen(&settings, &[&receiver.url]).await;
        sim.send(&profile, json!({})).await.ok();
        let (first, second) = (receiver.next().await, receiver.next().await);
        assert_eq!(first.body != second.body, differs, "{value}");
        let signature = "telnyx-signature-ed25519";
        assert_eq!(first.header(signature) != second.header(signature), differs, "{value}");
        assert!(is_signed_by(&second, &public_key(&sim, "KEY1").await));
    }
}

#[tokio::test]
async fn the_timestamp_is_that_of_the_machine_or_of_the_simulator() {
    let frozen_at = "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap().as_second();
    for (value, is_frozen) in [("real", false), ("simulator", true)] {
        let mut receiver = Receiver::start(&[]).await;
        let (sim, profile) = frozen(&[("webhook_clock", value)], &[&receiver.url]).await;
        sim.send(&profile, json!({})).await.ok();
        let timestamp: i64 = receiver.next().await.header("telnyx-timestamp").parse().unwrap();
        assert_eq!(timestamp == frozen_at, is_frozen, "{value}");
    }
}

#[tokio::test]
async fn the_id_of_an_event_is_its_own_or_that_of_the_verification() {
    for (value, is_own) in [("own", true), ("payload_id", false)] {
        let mut receiver = Receiver::start(&[]).await;
        let (sim, profile) = frozen(&[("webhook_event_id", value)], &[&receiver.url]).await;
        sim.send(&profile, json!({})).await.ok();
        let hook = receiver.next().await.json();
        assert_eq!(hook["data"]["id"] != hook["data"]["payload"]["id"], is_own, "{value}");
    }
}

#[tokio::test]
async fn a_seed_makes_webhooks_the_same_in_every_run_byte_for_byte() {
    let mut receiver = Receiver::start(&[]).await;
    let settings = [("seed", "7"), ("webhook_clock", "simulator"), ("completion_events", "on")];
    let mut runs = Vec::new();
    for _ in 0..2 {
        let (sim, profile) = frozen(&settings, &[&receiver.url]).await;
        let (id, code) = sim.sent(&profile).await;
        let sent = receiver.next().await;
        sim.check(&id, &code).await.ok();
        let accepted = receiver.next().await;
        runs.push([sent, accepted].map(|hook| (hook.header("telnyx-signature-ed25519").to_owned(), hook.body)));
    }
    assert_eq!(runs[0], runs[1]);
}
