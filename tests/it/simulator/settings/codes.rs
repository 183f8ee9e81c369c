//! Codes, their lifetimes and their bounds.
use serde_json::{Value, json};

use crate::simulator::Sim;

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
async fn custom_codes_have_bounds() {
    let sim = Sim::with(&[("custom_code_max", "12"), ("custom_code_min", "6")]).await;
    let profile = sim.profile();
    for (code, status) in [("12345", 422), ("123456", 200), ("123456789012", 200), ("1234567890123", 422)] {
        assert_eq!(sim.send(&profile, json!({"custom_code": code})).await.status, status, "{code}");
    }
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
