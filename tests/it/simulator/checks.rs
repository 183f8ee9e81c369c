//! Checks and their outcomes.

use std::time::Duration;

use serde_json::json;
use verify_gateway::{
    simulator::{Keypress, KeypressError},
    telnyx::VerificationStatus,
};

use super::{PHONE, Sim, wrong};

#[tokio::test]
async fn a_wrong_code_is_rejected_and_the_right_one_accepted_once() {
    let sim = Sim::start().await;
    let profile = sim.profile();
    let (id, code) = sim.sent(&profile).await;
    let answer = sim.check(&id, &wrong(&code)).await.ok();
    assert_eq!(answer, json!({"data": {"phone_number": PHONE, "response_code": "rejected"}}));
    assert_eq!(sim.status(&id).await, "pending");
    assert_eq!(sim.check(&id, &code).await.outcome(), "accepted");
    assert_eq!(sim.status(&id).await, "accepted");
    assert_eq!(sim.check(&id, &code).await.refusal(), (404, "10005".into()));
    assert_eq!(sim.check("12ade33a-21c0-473b-b055-b3c836e1c292", &code).await.refusal(), (404, "10005".into()));
}

#[tokio::test]
async fn a_check_by_phone_number_finds_the_verification_of_that_profile() {
    let sim = Sim::start().await;
    let (profile, other) = (sim.profile(), sim.profile());
    let (id, code) = sim.sent(&profile).await;
    assert_eq!(sim.check_by_phone(&other, &code).await.refusal(), (404, "10005".into()));
    assert_eq!(sim.check_by_phone("unknown", &code).await.refusal(), (404, "10005".into()));
    assert_eq!(sim.check_by_phone(&profile, &wrong(&code)).await.outcome(), "rejected");
    assert_eq!(sim.check_by_phone(&profile, &code).await.outcome(), "accepted");
    assert_eq!(sim.status(&id).await, "accepted");
    assert_eq!(sim.check_by_phone(&profile, &code).await.refusal(), (404, "10005".into()));
}

#[tokio::test]
async fn a_code_expires_to_the_second() {
    let sim = Sim::start().await;
    let profile = sim.profile();
    let (id, code) = sim.sent(&profile).await;
    sim.handle.advance(Duration::from_secs(299));
    assert_eq!(sim.status(&id).await, "pending");
    sim.handle.advance(Duration::from_secs(1));
    assert_eq!(sim.status(&id).await, "expired");
    assert_eq!(sim.check(&id, &code).await.outcome(), "rejected");
}

#[tokio::test]
async fn five_wrong_codes_are_too_many() {
    let sim = Sim::start().await;
    let profile = sim.profile();
    let (id, code) = sim.sent(&profile).await;
    for attempt in 1..=5 {
        assert_eq!(sim.status(&id).await, "pending", "before wrong code {attempt}");
        assert_eq!(sim.check(&id, &wrong(&code)).await.outcome(), "rejected");
    }
    assert_eq!(sim.status(&id).await, "invalid");
    assert_eq!(sim.check(&id, &code).await.outcome(), "rejected");
}

#[tokio::test]
async fn a_status_decides_a_verification_with_a_custom_code_only() {
    let sim = Sim::start().await;
    let profile = sim.profile();
    for (report, status) in [("accepted", "accepted"), ("rejected", "invalid")] {
        let sent = sim.send(&profile, json!({"custom_code": "43612"})).await.ok();
        let id = sent["data"]["id"].as_str().unwrap();
        let path = format!("/v2/verifications/{id}/actions/verify");
        assert_eq!(sim.post(&path, json!({"status": "unsure"})).await.refusal(), (422, "10032".into()));
        assert_eq!(sim.post(&path, json!({"status": report})).await.outcome(), report);
        assert_eq!(sim.status(id).await, status);
    }
    let (id, _) = sim.sent(&profile).await;
    let answer = sim.post(&format!("/v2/verifications/{id}/actions/verify"), json!({"status": "accepted"})).await;
    assert_eq!(answer.refusal(), (422, "10027".into()));
    assert_eq!(answer.json()["errors"][0]["source"]["pointer"], "/status");
    assert_eq!(sim.status(&id).await, "pending");
}

#[tokio::test]
async fn a_keypad_confirmation_is_decided_by_what_happens_in_the_call() {
    let sim = Sim::start().await;
    let profile = sim.profile();
    let body = json!({"phone_number": PHONE, "verify_profile_id": profile});
    let wrong_key = Keypress::Key('7');
    for (keypresses, status) in [
        (vec![Keypress::Key('1')], "accepted"),
        (vec![wrong_key, wrong_key, Keypress::Key('1')], "accepted"),
        (vec![wrong_key, wrong_key, wrong_key], "invalid"),
        (vec![Keypress::None], "expired"),
        (vec![Keypress::Voicemail], "expired"),
        (vec![Keypress::NoAnswer], "error"),
    ] {
        let sent = sim.post("/v2/verifications/dtmf_confirm", body.clone()).await.ok();
        let id = sent["data"]["id"].as_str().unwrap();
        let statuses: Vec<_> = keypresses.into_iter().map(|keypress| sim.handle.press(id, keypress).unwrap()).collect();
        assert_eq!(statuses.last().and_then(VerificationStatus::known), Some(status));
        assert_eq!(sim.status(id).await, status);
        assert_eq!(sim.handle.press(id, wrong_key), Err(KeypressError::NoCall));
        assert_eq!(sim.check(id, "12345").await.refusal(), (422, "10027".into()));
    }
    let (sms, _) = sim.sent(&profile).await;
    assert_eq!(sim.handle.press(&sms, wrong_key), Err(KeypressError::NoCall));
    assert_eq!(sim.handle.press("unknown", wrong_key), Err(KeypressError::NotFound));
}
