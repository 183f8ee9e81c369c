//! A saved state is that of another simulator that loads it.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{ENCODED, PHONE, Sim};

/// What a client sees of a simulator.
async fn seen(sim: &Sim) -> Vec<Value> {
    let mut seen = Vec::new();
    let paths = ["clock", "clock?key=KEY1", "messages", "faults", "inbox"].map(|path| format!("/_simulator/{path}"));
    let api = ["verify_profiles", "verify_profiles/templates", &format!("verifications/by_phone_number/{ENCODED}")];
    for path in paths.into_iter().chain(api.map(|path| format!("/v2/{path}"))) {
        seen.push(sim.get(&path).await.ok());
    }
    seen
}

/// A simulator with something of everything.
async fn used() -> Sim {
    let sim = Sim::with(&[("seed", "7")]).await;
    sim.patch("/_simulator/clock", json!({"now": "2026-01-01T00:00:00Z", "frozen": true})).await.ok();
    sim.post("/_simulator/clock/advance?key=KEY1", json!({"seconds": 5})).await.ok();
    let profile = sim.profile();
    sim.post("/v2/verify_profiles/templates", json!({"text": "{{code}} opens the door"})).await.ok();
    let (id, code) = sim.sent(&profile).await;
    sim.check(&id, &code).await.ok();
    sim.send(&profile, json!({"custom_code": "43612"})).await.ok();
    assert_eq!(sim.send(&profile, json!({"phone_number": "+13035550101"})).await.status, 429);
    sim.post("/_simulator/faults", json!({"path": "/nowhere", "status": 503, "times": 3, "key": "KEY1"})).await.ok();
    sim
}

#[tokio::test]
async fn a_saved_state_is_loaded_by_another_simulator() {
    let sim = used().await;
    let saved = sim.get("/_simulator/state").await.text;
    assert!(!saved.contains("KEY1"), "an API key is not saved");
    let other = Sim::start().await;
    let loaded = other.try_call(None, Method::PUT, "/_simulator/state", saved.clone()).await.unwrap();
    assert_eq!(loaded.status, StatusCode::NO_CONTENT, "{}", loaded.text);
    assert_eq!(seen(&other).await, seen(&sim).await);
    assert_eq!(other.get("/_simulator/state").await.text, saved);

    // Both go on in the same way: the next IDs, the magic number that has failed once, and the fault of one account.
    let profile = other.get("/v2/verify_profiles").await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
    let next = [sim.sent(&profile).await, other.sent(&profile).await];
    assert_eq!(next[0], next[1]);
    assert_eq!(other.send(&profile, json!({"phone_number": "+13035550101"})).await.status, 200);
    assert_eq!(other.get("/v2/nowhere").await.status, 503);
    let foreign = other.try_call(Some("KEY2"), Method::GET, "/v2/nowhere", String::new()).await.unwrap();
    assert_eq!(foreign.status, 404);
    assert_eq!(other.check_by_phone(&profile, &other.handle.latest_code(PHONE).unwrap()).await.outcome(), "accepted");
}

#[tokio::test]
async fn a_state_that_is_not_read_changes_nothing() {
    let sim = used().await;
    let saved = sim.get("/_simulator/state").await.text;
    for (state, error) in [
        ("{}", "missing field `version`"),
        (r#"{"version": 2}"#, "version must be 1"),
        (r#"{"version": 1}"#, "missing field `clock`"),
        ("nothing", "expected ident"),
    ] {
        let answer = sim.try_call(None, Method::PUT, "/_simulator/state", state.to_owned()).await.unwrap();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.json()["error"].as_str().unwrap().contains(error), "{}", answer.text);
    }
    assert_eq!(sim.get("/_simulator/state").await.text, saved);
}

#[tokio::test]
async fn a_digest_names_an_account_as_its_key_does() {
    let sim = used().await;
    let saved = sim.get("/_simulator/state").await.json();
    let digest = saved["accounts"].as_object().unwrap().keys().next().unwrap().clone();
    let by_digest = sim.get(&format!("/_simulator/messages?key={digest}")).await.ok();
    assert_eq!(by_digest, sim.get("/_simulator/messages?key=KEY1").await.ok());
    assert_eq!(by_digest.as_array().unwrap().len(), 2);
    let short = sim.get(&format!("/_simulator/messages?key={}", &digest[..70])).await.ok();
    assert_eq!(short, json!([]), "it is an API key of its own");
}
