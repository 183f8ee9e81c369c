//! Attempts: failures, the second URL, duplicates and order.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Receiver, deliveries, frozen};

/// A verification has one webhook until this time has passed.
const ONE: [(&str, &str); 1] = [("delivered_after_secs", "3000")];

fn statuses(delivery: &Value) -> Vec<(String, u64)> {
    let attempts = delivery["attempts"].as_array().unwrap();
    let answer = |attempt: &Value| attempt["http"]["response"]["status"].as_u64().unwrap_or(0);
    attempts.iter().map(|attempt| (attempt["status"].as_str().unwrap().to_owned(), answer(attempt))).collect()
}

#[tokio::test]
async fn a_url_that_fails_is_tried_again_later_and_later_and_then_the_other() {
    let mut receiver = Receiver::start(&[500, 302, 404, 503]).await;
    let urls = [format!("{}/first", receiver.url), format!("{}/second", receiver.url)];
    let (sim, profile) = frozen(&ONE, &[&urls[0], &urls[1]]).await;
    sim.send(&profile, json!({})).await.ok();
    // The seconds before each attempt, and its URL.
    for (attempt, (after, path)) in
        [(0, "/first"), (1, "/first"), (2, "/first"), (0, "/second"), (1, "/second")].iter().enumerate()
    {
        if *after > 0 {
            deliveries(&sim, &format!("attempts={attempt}")).await;
            assert!(receiver.hooks.is_empty(), "{attempt}");
            sim.handle.advance(Duration::from_secs(*after));
        }
        let hook = receiver.next().await;
        assert_eq!(hook.path, *path);
        let json = hook.json();
        assert_eq!(json["meta"], json!({"attempt": attempt + 1, "delivered_to": format!("{}{path}", receiver.url)}));
    }
    let delivery = deliveries(&sim, "status=delivered").await.remove(0);
    let expected = [("delivered", 200), ("failed", 503), ("failed", 404), ("failed", 302), ("failed", 500)];
    assert_eq!(statuses(&delivery), expected.map(|(status, code)| (status.to_owned(), code)));
}

#[tokio::test]
async fn a_delivery_fails_after_the_attempts_of_all_urls() {
    let receiver = Receiver::start(&[500; 4]).await;
    let settings = [ONE[0], ("webhook_attempts", "2"), ("webhook_backoff_ms", "0")];
    let (sim, profile) = frozen(&settings, &[&receiver.url, &receiver.url]).await;
    sim.send(&profile, json!({})).await.ok();
    let failed = deliveries(&sim, "status=failed").await;
    assert_eq!(statuses(&failed[0]).len(), 4);
    assert!(failed[0]["finished_at"].is_string());
}

#[tokio::test]
async fn webhook_success_says_which_statuses_acknowledge() {
    for (value, script, expected) in
        [("200", [204, 200], 2), ("2xx", [204, 200], 1), ("2xx", [301, 299], 2), ("200", [201, 200], 2)]
    {
        let receiver = Receiver::start(&script).await;
        let settings = [ONE[0], ("webhook_success", value), ("webhook_backoff_ms", "0")];
        let (sim, profile) = frozen(&settings, &[&receiver.url]).await;
        sim.send(&profile, json!({})).await.ok();
        let delivered = deliveries(&sim, "status=delivered").await;
        assert_eq!(statuses(&delivered[0]).len(), expected, "{value} {script:?}");
    }
}

#[tokio::test]
async fn an_attempt_without_an_answer_says_why() {
    let silent = crate::support::Origin::silent().await;
    let closed = crate::support::Origin::refusing().await;
    let urls = [format!("http://{}", silent.addr), format!("http://{closed}"), "http://".to_owned()];
    for (url, cause) in urls.iter().zip(["no answer within 20 ms", "refused", "empty host"]) {
        let settings = [ONE[0], ("webhook_attempts", "1"), ("webhook_timeout_ms", "20")];
        let (sim, profile) = frozen(&settings, &[url]).await;
        sim.send(&profile, json!({})).await.ok();
        let failed = deliveries(&sim, "status=failed").await;
        let detail = failed[0]["attempts"][0]["detail"].as_str().unwrap();
        assert!(detail.contains(cause), "{url}: {detail}");
        assert!(failed[0]["attempts"][0]["http"].get("response").is_none());
    }
}

#[tokio::test]
async fn webhooks_go_to_the_listed_hosts_only() {
    for (hosts, status) in [("example.com, 127.0.0.1", "delivered"), ("example.com", "failed")] {
        let receiver = Receiver::start(&[]).await;
        let settings = [ONE[0], ("webhook_attempts", "1"), ("webhook_hosts", hosts)];
        let (sim, profile) = frozen(&settings, &[&receiver.url]).await;
        sim.send(&profile, json!({})).await.ok();
        assert_eq!(deliveries(&sim, &format!("status={status}")).await.len(), 1);
        assert_eq!(receiver.hooks.len(), usize::from(status == "delivered"));
    }
}

#[tokio::test]
async fn duplicates_come_after_an_acknowledgement() {
    let mut receiver = Receiver::start(&[500]).await;
    let settings = [ONE[0], ("webhook_duplicates", "2"), ("webhook_backoff_ms", "0")];
    let (sim, profile) = frozen(&settings, &[&receiver.url]).await;
    sim.send(&profile, json!({})).await.ok();
    let delivered = deliveries(&sim, "status=delivered").await;
    assert_eq!(statuses(&delivered[0]).len(), 4, "one failure, one success and two duplicates");
    let first = receiver.next().await.json();
    for attempt in 2..=4 {
        let hook = receiver.next().await.json();
        assert_eq!(hook["data"], first["data"]);
        assert_eq!(hook["meta"]["attempt"], attempt);
    }
}

#[tokio::test]
async fn webhooks_of_a_verification_come_in_order_or_overtake_each_other() {
    let mut receiver = Receiver::start(&[500]).await;
    let (sim, profile) = frozen(&[("delivered_after_secs", "0")], &[&receiver.url]).await;
    sim.send(&profile, json!({})).await.ok();
    assert_eq!(receiver.event().await.0, "verify.sent");
    deliveries(&sim, "attempts=1").await;
    assert!(receiver.hooks.is_empty(), "the next webhook waits until this one has ended");
    sim.handle.advance(Duration::from_secs(1));
    assert_eq!(receiver.event().await.0, "verify.sent");
    assert_eq!(receiver.event().await.0, "verify.delivered");

    let mut receiver = Receiver::start(&[]).await;
    let settings = [("delivered_after_secs", "0"), ("webhook_order", "shuffled"), ("seed", "1")];
    let (sim, profile) = frozen(&settings, &[&receiver.url]).await;
    let mut firsts = std::collections::BTreeSet::new();
    for _ in 0..20 {
        sim.send(&profile, json!({})).await.ok();
        let mut events = Vec::new();
        while events.len() < 2 {
            sim.handle.advance(Duration::from_millis(2500));
            sim.handle.advance(Duration::from_millis(2500));
            events.push(receiver.event().await.0);
        }
        firsts.insert(events.remove(0));
    }
    assert_eq!(firsts.len(), 2, "{firsts:?}");
}

#[tokio::test]
async fn a_reset_ends_the_webhooks_of_its_account() {
    let mut receiver = Receiver::start(&[]).await;
    let (sim, profile) = frozen(&[], &[&receiver.url]).await;
    sim.send(&profile, json!({})).await.ok();
    assert_eq!(receiver.event().await.0, "verify.sent");
    sim.post("/_simulator/reset?key=KEY2", Value::Null).await;
    assert_eq!(sim.get("/_simulator/webhooks?key=KEY1").await.ok().as_array().unwrap().len(), 1);
    sim.post("/_simulator/reset?key=KEY1", Value::Null).await;
    assert_eq!(sim.get("/_simulator/webhooks").await.ok(), json!([]));
    sim.handle.advance(Duration::from_mins(1));
    assert!(receiver.hooks.is_empty());
}
