//! Limits and prices.
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use verify_gateway::simulator::Keypress;

use crate::simulator::{PHONE, Sim, wrong};

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
        while answers.last().is_none_or(|answer: &crate::simulator::Answer| answer.status == 200) && answers.len() < 6 {
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
