//! Statuses, headers and delays of answers.
use serde_json::json;

use crate::simulator::{ENCODED, PHONE, Sim};

#[tokio::test]
async fn refusals_have_the_statuses_and_codes_that_are_set() {
    for (value, expected) in [("unprocessable", (422, "10016")), ("bad_request", (400, "10002"))] {
        let sim = Sim::with(&[("bad_number", value)]).await;
        let answer = sim.send(&sim.profile(), json!({"phone_number": "3035551234"})).await;
        assert_eq!(answer.refusal(), (expected.0, expected.1.into()));
        let body = json!({"code": "12345", "verify_profile_id": sim.profile()});
        let answer = sim.post("/v2/verifications/by_phone_number/3035551234/actions/verify", body).await;
        assert_eq!(answer.refusal(), (expected.0, expected.1.into()));
        // The API documents no other status for a read.
        let answer = sim.get("/v2/verifications/by_phone_number/3035551234").await;
        assert_eq!(answer.refusal(), (400, "10002".into()));
    }
    let sim = Sim::with(&[("bad_request_code", "10004")]).await;
    assert_eq!(sim.post("/v2/verify_profiles", json!({"name": "x"})).await.refusal(), (400, "10004".into()));
    let unauthorized = async |changes: &[(&str, &str)]| {
        let sim = Sim::with(changes).await;
        sim.try_call(None, http::Method::GET, "/v2/verify_profiles", String::new()).await.unwrap().refusal()
    };
    assert_eq!(unauthorized(&[("unauthorized_status", "401")]).await, (401, "10009".into()));
    assert_eq!(unauthorized(&[("unauthorized_status", "403")]).await, (403, "10009".into()));
    assert_eq!(unauthorized(&[("missing_key", "unauthorized")]).await, (401, "10009".into()));
    assert_eq!(unauthorized(&[("missing_key", "not_found")]).await, (404, "10005".into()));
}

#[tokio::test]
async fn raw_plus_is_understood_or_not() {
    for (value, raw) in [("accept", 200), ("not_found", 404)] {
        let sim = Sim::with(&[("raw_plus", value)]).await;
        assert_eq!(sim.get(&format!("/v2/verifications/by_phone_number/{PHONE}")).await.status, raw);
        assert_eq!(sim.get(&format!("/v2/verifications/by_phone_number/{ENCODED}")).await.status, 200);
    }
}

#[tokio::test]
async fn request_id_header_carries_another_id_in_every_answer() {
    let sim = Sim::start().await;
    assert_eq!(sim.get("/v2/verify_profiles").await.header("x-request-id"), None);
    let sim = Sim::with(&[("request_id_header", "x-request-id")]).await;
    let ids = [sim.get("/v2/verify_profiles").await, sim.get("/v2/nowhere").await]
        .map(|answer| answer.header("x-request-id").unwrap().to_owned());
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn latency_makes_every_answer_of_the_api_wait() {
    let sim = Sim::with(&[("latency_ms", "600000")]).await;
    let profile = sim.profile();
    let sent = async {
        while sim.handle.messages().is_empty() {
            tokio::task::yield_now().await;
        }
        sim.get("/_simulator/health").await.ok();
    };
    tokio::select! {
        _ = sim.send(&profile, json!({})) => panic!("answered at once"),
        () = sent => {}
    }
}
