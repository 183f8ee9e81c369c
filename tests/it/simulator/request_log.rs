//! The request log, and its assertions.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{ENCODED, PHONE, Sim};

async fn paths(sim: &Sim, query: &str) -> Vec<String> {
    let found = sim.get(&format!("/_simulator/requests?{query}")).await.ok();
    found.as_array().unwrap().iter().map(|request| request["path"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_request_is_logged_with_its_body_answer_and_fault() {
    let sim = Sim::start().await;
    let profile = sim.profile();
    let answer = sim.send(&profile, json!({})).await.ok();
    sim.post("/_simulator/faults", json!({"id": "down", "status": 503})).await.ok();
    sim.get("/v2/verify_profiles?page[size]=1").await;
    sim.get("/_simulator/health").await.ok();
    let log = sim.get("/_simulator/requests").await.ok();
    let account = sim.handle.messages()[0].account.clone();
    let expected = json!({
        "id": 1, "received_at": log[0]["received_at"], "account": account, "method": "POST",
        "path": "/v2/verifications/sms", "phone": PHONE, "body": {"phone_number": PHONE, "verify_profile_id": profile},
        "fault": null, "status": 200, "answer": answer,
    });
    assert_eq!(log[0], expected);
    assert_eq!((&log[1]["path"], &log[1]["body"]), (&json!("/v2/verify_profiles?page[size]=1"), &Value::Null));
    assert_eq!((&log[1]["fault"], &log[1]["status"]), (&json!("down"), &json!(503)));
    assert_eq!(log[1]["answer"]["errors"][0]["title"], "Service unavailable");
    assert_eq!(log.as_array().unwrap().len(), 2, "the control endpoints are not the API");
}

#[tokio::test]
async fn requests_are_selected_by_all_that_they_have() {
    let sim = Sim::start().await;
    let profile = sim.profile();
    sim.send(&profile, json!({"custom_code": "12345"})).await.ok();
    let later = {
        sim.handle.advance(std::time::Duration::from_hours(1));
        sim.handle.now()
    };
    sim.check_by_phone(&profile, "1").await.ok();
    sim.try_call(Some("KEY2"), Method::GET, "/v2/verify_profiles", String::new()).await.unwrap().ok();
    sim.get("/v2/verify_profiles/x").await;
    let send = "/v2/verifications/sms".to_owned();
    let check = format!("/v2/verifications/by_phone_number/{ENCODED}/actions/verify");
    let (list, unknown) = ("/v2/verify_profiles".to_owned(), "/v2/verify_profiles/x".to_owned());
    for (query, expected) in [
        ("method=post", vec![&send, &check]),
        ("path=/verifications", vec![&send, &check]),
        ("path=/v2/verify_profiles", vec![&list, &unknown]),
        (&format!("phone={ENCODED}"), vec![&send, &check]),
        ("key=KEY2", vec![&list]),
        ("status=404", vec![&unknown]),
        ("body=%7B%22custom_code%22%3A%2212345%22%7D", vec![&send]),
        ("body=custom_code", vec![&send]),
        (&format!("since={later}"), vec![&check, &list, &unknown]),
        ("limit=2", vec![&list, &unknown]),
        ("method=GET&status=200", vec![&list]),
        ("method=DELETE", vec![]),
    ] {
        assert_eq!(paths(&sim, query).await.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    for query in ["unknown=1", "status=abc", "wait=soon", "count=-1"] {
        assert_eq!(sim.get(&format!("/_simulator/requests?{query}")).await.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn an_assertion_fails_with_the_number_of_requests_that_match() {
    let sim = Sim::start().await;
    for _ in 0..2 {
        sim.get("/v2/verify_profiles").await.ok();
    }
    for (query, holds) in [
        ("count=2", true),
        ("count=1", false),
        ("at_least=2", true),
        ("at_least=3", false),
        ("at_most=2", true),
        ("at_most=1", false),
        ("count=0&path=/verifications", true),
        ("count=3&wait=0", false),
        ("at_most=1&limit=1", false),
    ] {
        let answer = sim.get(&format!("/_simulator/requests?{query}")).await;
        assert_eq!(answer.status.as_u16(), if holds { 200 } else { 409 }, "{query}");
        if !holds {
            assert_eq!(answer.json(), json!({"error": "2 requests match"}));
        }
    }
}

#[tokio::test]
async fn a_request_is_waited_for() {
    let sim = Sim::start().await;
    let (two, one, ()) = tokio::join!(
        paths(&sim, "path=/verify_profiles&count=2&wait=60s"),
        paths(&sim, "path=/verify_profiles&wait=60s&limit=1"),
        async {
            sim.get("/v2/verify_profiles").await.ok();
            sim.get("/v2/verifications/x").await;
            sim.get("/v2/verify_profiles").await.ok();
        }
    );
    assert_eq!((two.len(), one.len()), (2, 1));
}

#[tokio::test]
async fn a_reset_of_the_connection_has_no_status() {
    let sim = Sim::start().await;
    sim.post("/_simulator/faults", json!({"reset": true, "act": "after"})).await.ok();
    assert!(sim.try_call(Some("KEY1"), Method::GET, "/v2/verify_profiles", String::new()).await.is_err());
    let log = sim.get("/_simulator/requests?fault=fault-1&count=1").await.ok();
    assert_eq!((&log[0]["status"], &log[0]["answer"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn the_log_is_bounded_and_cleared_by_account() {
    let sim = Sim::with(&[("keep_requests", "3")]).await;
    for key in ["KEY1", "KEY2", "KEY1", "KEY2"] {
        sim.try_call(Some(key), Method::GET, "/v2/verify_profiles", String::new()).await.unwrap().ok();
    }
    sim.get("/_simulator/requests?count=3").await.ok();
    assert_eq!(sim.delete("/_simulator/requests?key=KEY2").await.status, StatusCode::NO_CONTENT);
    sim.get("/_simulator/requests?count=1&key=KEY1").await.ok();
    sim.call(Method::POST, "/_simulator/reset?key=KEY1", None).await;
    sim.get("/_simulator/requests?count=0").await.ok();
    sim.get("/v2/verify_profiles").await.ok();
    assert_eq!(sim.delete("/_simulator/requests").await.status, StatusCode::NO_CONTENT);
    sim.get("/_simulator/requests?count=0").await.ok();
}
