//! The clock of the simulator and of its accounts.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use verify_gateway::simulator::{Fixtures, QUICKSTART_PROFILE};

use super::{PHONE, Sim};

const NOW: &str = "2026-01-02T03:04:05Z";

async fn frozen(sim: &Sim, path: &str) -> Value {
    sim.patch(path, json!({"now": NOW, "frozen": true})).await.ok()
}

#[tokio::test]
async fn a_frozen_clock_stands_until_it_is_advanced_or_resumed() {
    let sim = Sim::start().await;
    assert_eq!(frozen(&sim, "/_simulator/clock").await, json!({"now": NOW, "frozen": true}));
    assert_eq!(sim.get("/_simulator/clock").await.ok(), json!({"now": NOW, "frozen": true}));
    let (id, _) = sim.sent(&sim.profile()).await;
    assert_eq!(sim.handle.messages()[0].sent_at.to_string(), NOW);
    let later = sim.post("/_simulator/clock/advance", json!({"seconds": 299})).await.ok();
    assert_eq!(later, json!({"now": "2026-01-02T03:09:04Z", "frozen": true}));
    assert_eq!(sim.status(&id).await, "pending");
    sim.post("/_simulator/clock/advance", json!({"seconds": 1})).await.ok();
    assert_eq!(sim.status(&id).await, "expired");
    let resumed = sim.patch("/_simulator/clock", json!({"frozen": false})).await.ok();
    assert_eq!(resumed["frozen"], false);
    assert!(resumed["now"].as_str().unwrap().starts_with("2026-01-02T03:09"), "{resumed}");
    sim.handle.reset();
    assert!(sim.handle.now().to_string().as_str() > "2026-06", "a reset restores the time of the system");
}

#[tokio::test]
async fn an_account_has_a_clock_of_its_own() {
    let sim = Sim::start().await;
    let (id, _) = sim.sent(&sim.profile()).await;
    let body = json!({"phone_number": PHONE, "verify_profile_id": sim.handle.seed_profile("KEY2", "x")}).to_string();
    let other = sim.try_call(Some("KEY2"), Method::POST, "/v2/verifications/sms", body).await.unwrap().ok();
    let path = format!("/v2/verifications/{}", other["data"]["id"].as_str().unwrap());
    let other_status = async || {
        sim.try_call(Some("KEY2"), Method::GET, &path, String::new()).await.unwrap().ok()["data"]["status"].take()
    };

    sim.post("/_simulator/clock/advance?key=KEY1", json!({"seconds": 301})).await.ok();
    assert_eq!((sim.status(&id).await, other_status().await), ("expired".to_owned(), json!("pending")));
    assert_eq!(frozen(&sim, "/_simulator/clock?key=KEY1").await["frozen"], true);
    assert_eq!(sim.get("/_simulator/clock?key=KEY2").await.ok()["frozen"], false);
    assert_eq!(sim.get("/_simulator/clock").await.ok()["frozen"], false);
    // The clock of an account is relative to that of the simulator.
    sim.post("/_simulator/clock/advance", json!({"seconds": 301})).await.ok();
    assert_eq!(other_status().await, "expired");
    assert_eq!(sim.get("/_simulator/clock?key=KEY1").await.ok()["now"], NOW);
}

#[tokio::test]
async fn a_change_that_is_no_change_or_out_of_range_is_refused() {
    let sim = Sim::start().await;
    for change in [json!({}), json!({"now": "1969-12-31T23:59:59Z"}), json!({"now": "soon"}), json!({"speed": 2})] {
        let refused = sim.patch("/_simulator/clock", change.clone()).await;
        assert!(refused.status.is_client_error(), "{change}");
        assert!(refused.json()["error"].is_string(), "{}", refused.text);
    }
    assert_eq!(sim.get("/_simulator/clock?account=KEY1").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_seed_and_a_frozen_clock_make_two_runs_equal_byte_for_byte() {
    let run = async || {
        let fixtures = json!({"clock": {"now": NOW, "frozen": true}}).to_string();
        let changes = [("seed", "42"), ("request_id_header", "x-request-id")];
        let sim = Sim::with_fixtures(&changes, Fixtures::parse(&fixtures).unwrap()).await;
        let mut stream = TcpStream::connect(sim.addr).await.unwrap();
        let profile = json!({"name": "Shop", "sms": {}}).to_string();
        let send = json!({"phone_number": PHONE, "verify_profile_id": QUICKSTART_PROFILE}).to_string();
        for (request, body) in [
            ("POST /v2/verify_profiles", profile.as_str()),
            ("POST /v2/verifications/sms", &send),
            ("POST /v2/verifications/sms", &send),
            ("GET /v2/verify_profiles", ""),
            ("GET /v2/verifications/by_phone_number/%2B13035551234", ""),
        ] {
            let last = if request.ends_with("1234") { "close" } else { "keep-alive" };
            let head = format!(
                "{request} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer KEY1\r\nconnection: {last}\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(head.as_bytes()).await.unwrap();
        }
        let mut answers = String::new();
        stream.read_to_string(&mut answers).await.unwrap();
        (answers, sim.get("/_simulator/messages").await.text)
    };
    let first = run().await;
    assert_eq!(first.0.matches("HTTP/1.1 200 OK").count(), 5, "{}", first.0);
    assert!(first.0.contains("date: Fri, 02 Jan 2026 03:04:05 GMT"), "{}", first.0);
    assert_eq!(first, run().await);
}
