//! What checks answer.
use std::time::Duration;

use serde_json::json;
use verify_gateway::simulator::Keypress;

use crate::simulator::{PHONE, Sim, wrong};

const NOT_FOUND: &str = "404";

#[tokio::test]
async fn attempt_limit_counts_wrong_codes_and_0_is_none() {
    for (limit, rejected, last) in [("1", 1, "invalid"), ("5", 5, "invalid"), ("0", 20, "pending")] {
        let sim = Sim::with(&[("attempt_limit", limit)]).await;
        let (id, code) = sim.sent(&sim.profile()).await;
        for _ in 0..rejected {
            assert_eq!(sim.status(&id).await, "pending");
            sim.check(&id, &wrong(&code)).await.ok();
        }
        assert_eq!(sim.status(&id).await, last, "{limit}");
    }
}

#[tokio::test]
async fn after_attempt_limit_expired_answer_and_used_answer_choose_the_answer() {
    for (value, expected) in
        [("rejected", "rejected"), ("max_attempts_exceeded", "max_attempts_exceeded"), ("not_found", NOT_FOUND)]
    {
        let sim = Sim::with(&[("attempt_limit", "1"), ("after_attempt_limit", value)]).await;
        let (id, code) = sim.sent(&sim.profile()).await;
        assert_eq!(sim.check(&id, &wrong(&code)).await.outcome(), "rejected");
        assert_eq!(sim.check(&id, &code).await.outcome(), expected);
    }
    for (value, expected) in [("rejected", "rejected"), ("expired", "expired"), ("not_found", NOT_FOUND)] {
        let sim = Sim::with(&[("expired_answer", value)]).await;
        let profile = sim.profile();
        let (id, code) = sim.sent(&profile).await;
        sim.handle.advance(Duration::from_mins(5));
        assert_eq!(sim.check(&id, &code).await.outcome(), expected);
        assert_eq!(sim.check_by_phone(&profile, &code).await.outcome(), expected);
    }
    for (value, expected) in [("not_found", NOT_FOUND), ("rejected", "rejected")] {
        let sim = Sim::with(&[("used_answer", value)]).await;
        let (id, code) = sim.sent(&sim.profile()).await;
        assert_eq!(sim.check(&id, &code).await.outcome(), "accepted");
        assert_eq!(sim.check(&id, &code).await.outcome(), expected);
    }
}

#[tokio::test]
async fn code_and_status_chooses_which_counts() {
    for (value, expected) in [("status_wins", "accepted"), ("code_wins", "rejected"), ("refuse", "422")] {
        let sim = Sim::with(&[("code_and_status", value)]).await;
        let sent = sim.send(&sim.profile(), json!({"custom_code": "43612"})).await.ok();
        let path = format!("/v2/verifications/{}/actions/verify", sent["data"]["id"].as_str().unwrap());
        let both = json!({"code": "11111", "status": "accepted"});
        assert_eq!(sim.post(&path, both).await.outcome(), expected, "{value}");
    }
}

#[tokio::test]
async fn by_phone_target_chooses_among_pending_verifications() {
    for (value, accepted) in [("newest", 1), ("oldest", 0)] {
        let sim = Sim::with(&[("by_phone_target", value)]).await;
        let profile = sim.profile();
        for code in ["1111", "2222"] {
            sim.send(&profile, json!({"custom_code": code})).await.ok();
        }
        let codes = ["1111", "2222"];
        assert_eq!(sim.check_by_phone(&profile, codes[1 - accepted]).await.outcome(), "rejected", "{value}");
        assert_eq!(sim.check_by_phone(&profile, codes[accepted]).await.outcome(), "accepted", "{value}");
    }
}

#[tokio::test]
async fn second_keypad_call_is_allowed_or_refused() {
    for (value, status) in [("allow", 200), ("refuse", 409)] {
        let sim = Sim::with(&[("second_keypad_call", value)]).await;
        let body = json!({"phone_number": PHONE, "verify_profile_id": sim.profile()});
        let first = sim.post("/v2/verifications/dtmf_confirm", body.clone()).await.ok();
        assert_eq!(sim.post("/v2/verifications/dtmf_confirm", body.clone()).await.status, status, "{value}");
        assert_eq!(sim.post("/v2/verifications/sms", body.clone()).await.status, 200, "{value}");
        let other = json!({"phone_number": "+13035559999", "verify_profile_id": body["verify_profile_id"]});
        assert_eq!(sim.post("/v2/verifications/dtmf_confirm", other).await.status, 200, "{value}");
        let first = first["data"]["id"].as_str().unwrap();
        sim.handle.press(first, Keypress::Key('1')).unwrap();
        if value == "refuse" {
            assert_eq!(sim.post("/v2/verifications/dtmf_confirm", body).await.status, 200);
        }
    }
}

#[tokio::test]
async fn keypad_no_answer_ends_the_verification_or_leaves_it_pending() {
    for value in ["error", "pending"] {
        let sim = Sim::with(&[("keypad_no_answer", value)]).await;
        let body = json!({"phone_number": PHONE, "verify_profile_id": sim.profile()});
        let sent = sim.post("/v2/verifications/dtmf_confirm", body).await.ok();
        let id = sent["data"]["id"].as_str().unwrap();
        sim.handle.press(id, Keypress::NoAnswer).unwrap();
        assert_eq!(sim.status(id).await, value);
    }
}
