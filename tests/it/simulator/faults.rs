//! Faults.

use std::io::ErrorKind;

use http::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use verify_gateway::simulator::{Act, Delay, Fault};

use super::{ENCODED, PHONE, Sim};

async fn fault(sim: &Sim, fault: Value) {
    sim.post("/_simulator/faults", fault).await.ok();
}

/// A send over a new connection: the bytes that come back, and how the connection ends.
async fn raw_send(sim: &Sim, profile: &str, phone: &str) -> (String, Result<usize, ErrorKind>) {
    let body = json!({"phone_number": phone, "verify_profile_id": profile}).to_string();
    let head = format!(
        "POST /v2/verifications/sms HTTP/1.1\r\nhost: x\r\nauthorization: Bearer KEY1\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(sim.addr).await.unwrap();
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer).await.map_err(|error| error.kind());
    (String::from_utf8(answer).unwrap(), end)
}

#[tokio::test]
async fn a_fault_before_acting_leaves_nothing_behind_and_is_used_up() {
    let sim = Sim::start().await;
    let profile = sim.profile();
    fault(&sim, json!({"status": 500, "times": 2})).await;
    for _ in 0..2 {
        assert_eq!(sim.send(&profile, json!({})).await.refusal(), (500, "10007".into()));
    }
    assert_eq!(sim.handle.messages().len(), 0);
    sim.send(&profile, json!({})).await.ok();
    assert_eq!(sim.handle.messages().len(), 1);
}

#[tokio::test]
async fn a_fault_after_acting_spoils_the_answer_only() {
    let sim = Sim::start().await;
    let profile = sim.profile();
    fault(&sim, json!({"status": 504, "act": "after"})).await;
    assert_eq!(sim.send(&profile, json!({})).await.refusal(), (504, "10008".into()));
    assert_eq!(sim.handle.messages().len(), 1);
}

#[tokio::test]
async fn faults_happen_in_their_order_to_the_calls_that_they_name() {
    let sim = Sim::start().await;
    let profile = sim.profile();
    fault(&sim, json!({"status": 501, "method": "get", "path": "/verify_profiles"})).await;
    fault(&sim, json!({"status": 502, "phone": PHONE})).await;
    fault(&sim, json!({"status": 503, "phone": PHONE})).await;
    fault(&sim, json!({"status": 504, "key": "KEY2"})).await;
    assert_eq!(sim.send(&profile, json!({"phone_number": "+13035559999"})).await.status, 200);
    assert_eq!(sim.send(&profile, json!({})).await.status, 502);
    let by_phone = sim.get(&format!("/v2/verifications/by_phone_number/{ENCODED}")).await;
    assert_eq!(by_phone.status, 503);
    assert_eq!(sim.send(&profile, json!({})).await.status, 200);
    assert_eq!(sim.get("/v2/verify_profiles").await.status, 501);
    assert_eq!(sim.get("/v2/verify_profiles").await.status, 200);
    let other = sim.try_call(Some("KEY2"), Method::GET, "/v2/verify_profiles", String::new()).await.unwrap();
    assert_eq!(other.status, 504);
}

#[tokio::test]
async fn a_fault_sets_code_detail_and_headers() {
    let sim = Sim::start().await;
    let headers = json!({"retry-after": "7", "x-ratelimit-reset": "7"});
    fault(&sim, json!({"status": 429, "code": "40333", "detail": "Enough.", "headers": headers})).await;
    let answer = sim.get("/v2/verify_profiles").await;
    assert_eq!(answer.refusal(), (429, "40333".into()));
    assert_eq!(answer.json()["errors"][0]["detail"], "Enough.");
    assert_eq!(answer.header("retry-after"), Some("7"));
    assert_eq!(answer.header("x-ratelimit-reset"), Some("7"));
}

#[tokio::test]
async fn a_key_is_declared_bad() {
    let sim = Sim::start().await;
    fault(&sim, json!({"status": 401, "key": "KEY1", "times": 2})).await;
    for _ in 0..2 {
        assert_eq!(sim.get("/v2/verify_profiles").await.refusal(), (401, "10009".into()));
    }
    assert_eq!(sim.get("/v2/verify_profiles").await.status, 200);
}

#[tokio::test]
async fn a_body_can_be_anything() {
    let sim = Sim::start().await;
    fault(&sim, json!({"body": {"content_type": "text/html", "text": "<p>"}})).await;
    fault(&sim, json!({"status": 502, "body": {"content_type": "text/plain", "text": "bad gateway"}})).await;
    let html = sim.get("/v2/verify_profiles").await;
    assert_eq!(
        (html.status.as_u16(), html.text.as_str(), html.header("content-type")),
        (200, "<p>", Some("text/html"))
    );
    let plain = sim.get("/v2/verify_profiles").await;
    assert_eq!((plain.status.as_u16(), plain.text.as_str()), (502, "bad gateway"));
}

#[tokio::test]
async fn a_reset_gives_no_answer_whether_it_comes_before_or_after_acting() {
    let sim = Sim::start().await;
    let profile = sim.profile();
    for (act, sent) in [("before", 0), ("after", 1)] {
        fault(&sim, json!({"reset": true, "act": act})).await;
        assert_eq!(raw_send(&sim, &profile, PHONE).await, (String::new(), Err(ErrorKind::ConnectionReset)), "{act}");
        assert_eq!(sim.handle.messages().len(), sent, "{act}");
    }
}

#[tokio::test]
async fn a_truncated_answer_ends_before_its_announced_length() {
    let sim = Sim::start().await;
    let profile = sim.profile();
    fault(&sim, json!({"truncate": true, "act": "after"})).await;
    let (answer, _) = raw_send(&sim, &profile, PHONE).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert_eq!(body.len(), length.parse::<usize>().unwrap() / 2);
    assert!(body.starts_with(r#"{"data":{"id":"#), "{body}");
    assert_eq!(sim.handle.messages().len(), 1);
}

#[tokio::test]
async fn a_delay_before_acting_acts_later_and_one_after_acts_at_once() {
    let sim = Sim::start().await;
    let profile = sim.profile();
    for (act, sent_meanwhile) in [(Act::Before, 0), (Act::After, 1)] {
        let before = sim.handle.messages().len();
        let delay = Fault { delay_ms: Some(Delay::Fixed(60_000)), act, ..Fault::default() };
        sim.handle.set_fault(delay).unwrap();
        // The fault is used at once, and the operation takes effect while the answer is delayed.
        let meanwhile = async {
            while !sim.handle.faults().is_empty() || sim.handle.messages().len() < before + sent_meanwhile {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = sim.send(&profile, json!({})) => panic!("answered after no delay"),
            () = meanwhile => {}
        }
        assert_eq!(sim.handle.messages().len(), before + sent_meanwhile, "{act:?}");
    }
}

#[tokio::test]
async fn faults_are_listed_without_their_keys_and_taken_away() {
    let sim = Sim::start().await;
    fault(&sim, json!({"status": 500, "key": "KEY1", "times": 3})).await;
    let listed = sim.get("/_simulator/faults").await;
    assert!(!listed.text.contains("KEY1"), "{}", listed.text);
    assert_eq!(listed.ok()[0]["times"], 3);
    assert_eq!(sim.delete("/_simulator/faults").await.status, 204);
    assert_eq!(sim.get("/_simulator/faults").await.ok(), json!([]));
    assert_eq!(sim.get("/v2/verify_profiles").await.status, 200);
}

#[tokio::test]
async fn a_fault_has_an_id_and_counts_its_hits() {
    let sim = Sim::start().await;
    let made = sim.post("/_simulator/faults", json!({"status": 500, "times": 2})).await.ok();
    assert_eq!((&made["id"], &made["times"], &made["hits"]), (&json!("fault-1"), &json!(2), &json!(0)));
    let named = sim.post("/_simulator/faults", json!({"id": "down", "status": 503, "path": "/x"})).await.ok();
    assert_eq!(sim.get("/_simulator/faults").await.ok(), json!([made, named]));

    assert_eq!(sim.get("/v2/verify_profiles").await.status, 500);
    let hit = sim.get("/_simulator/faults/fault-1").await.ok();
    assert_eq!((&hit["times"], &hit["hits"]), (&json!(1), &json!(1)));
    assert_eq!(sim.get("/v2/verify_profiles").await.status, 500);
    let used = sim.get("/_simulator/faults/fault-1").await.ok();
    assert_eq!((&used["times"], &used["hits"]), (&Value::Null, &json!(2)), "it is used up, and can be read");
    assert_eq!(sim.get("/_simulator/faults").await.ok(), json!([named]), "and is listed no more");

    let replaced = sim.post("/_simulator/faults", json!({"id": "down", "status": 502})).await.ok();
    assert_eq!(sim.get("/_simulator/faults").await.ok(), json!([replaced]));
    assert_eq!(sim.delete("/_simulator/faults/down").await.status, 204);
    assert_eq!(sim.delete("/_simulator/faults/fault-1").await.status, 204, "also one that is used up");
    for path in ["/_simulator/faults/down", "/_simulator/faults/fault-1"] {
        assert_eq!((sim.get(path).await.status.as_u16(), sim.delete(path).await.status.as_u16()), (404, 404));
    }
    assert_eq!(sim.get("/v2/verify_profiles").await.status, 200);
}

#[tokio::test]
async fn an_unlimited_fault_happens_until_it_is_removed() {
    let sim = Sim::start().await;
    fault(&sim, json!({"id": "down", "status": 503, "unlimited": true})).await;
    for _ in 0..5 {
        assert_eq!(sim.get("/v2/verify_profiles").await.status, 503);
    }
    assert_eq!(sim.get("/_simulator/faults/down").await.ok()["hits"], 5);
    sim.delete("/_simulator/faults/down").await;
    assert_eq!(sim.get("/v2/verify_profiles").await.status, 200);
}

#[tokio::test]
async fn a_fault_with_a_probability_happens_to_a_share_and_lets_the_next_one_happen() {
    let sim = Sim::with(&[("seed", "1")]).await;
    fault(&sim, json!({"id": "rare", "status": 503, "unlimited": true, "probability": 0.25})).await;
    fault(&sim, json!({"id": "else", "status": 502, "unlimited": true})).await;
    for _ in 0..200 {
        sim.get("/v2/verify_profiles").await;
    }
    let hits = async |id: &str| sim.get(&format!("/_simulator/faults/{id}")).await.ok()["hits"].as_u64().unwrap();
    let (rare, other) = (hits("rare").await, hits("else").await);
    assert!((35..65).contains(&rare), "{rare}");
    assert_eq!(rare + other, 200);
}

#[tokio::test]
async fn a_fault_that_makes_no_sense_is_refused() {
    let sim = Sim::start().await;
    for bad in [
        json!({}),
        json!({"times": 1}),
        json!({"status": 500, "times": 0}),
        json!({"status": 99}),
        json!({"status": 600}),
        json!({"status": 500, "path": "verifications"}),
        json!({"status": 500, "method": "G T"}),
        json!({"status": 500, "headers": {"a b": "c"}}),
        json!({"status": 500, "headers": {"content-length": "1"}}),
        json!({"status": 500, "headers": {"Connection": "close"}}),
        json!({"body": {"content_type": "a\nb", "text": ""}}),
        json!({"status": 500, "act": "during"}),
        json!({"status": 500, "unknown": 1}),
        json!({"status": 500, "id": ""}),
        json!({"status": 500, "probability": 0}),
        json!({"status": 500, "probability": 1.5}),
        json!({"delay_ms": -1}),
        json!({"delay_ms": {"min": 2, "max": 1}}),
        json!({"delay_ms": {"median": 2, "p99": 1}}),
    ] {
        assert!(sim.post("/_simulator/faults", bad.clone()).await.status.is_client_error(), "{bad}");
    }
    assert_eq!(sim.get("/_simulator/faults").await.ok(), json!([]));
}

#[tokio::test]
async fn headers_alone_are_a_fault_and_a_delay_keeps_them() {
    let sim = Sim::start().await;
    for effect in [json!({"headers": {"x-extra": "1"}}), json!({"headers": {"x-extra": "1"}, "delay_ms": 1})] {
        fault(&sim, effect).await;
        let answer = sim.get("/v2/verify_profiles").await;
        assert_eq!((answer.status.as_u16(), answer.header("x-extra")), (200, Some("1")));
        assert_eq!(sim.get("/v2/verify_profiles").await.header("x-extra"), None);
    }
}

#[tokio::test]
async fn the_path_of_a_fault_may_begin_with_the_version() {
    let sim = Sim::start().await;
    fault(&sim, json!({"status": 501, "path": "/v2/verify_profiles"})).await;
    fault(&sim, json!({"status": 502, "path": "/v2"})).await;
    assert_eq!(sim.get("/v2/verify_profiles").await.status, 501);
    assert_eq!(sim.get("/v2/verifications/x").await.status, 502);
    assert_eq!(sim.get("/v2/verify_profiles").await.status, 200);
}
