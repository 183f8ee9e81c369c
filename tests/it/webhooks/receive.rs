//! What is accepted, and what the sender learns.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use verify_gateway::{
    clock::Clock,
    domain::{Allowed, Permissions},
};

use crate::support::{
    TestGateway,
    webhooks::{WEBHOOK_TOKEN, WebhookSigner, account_of, delivery, post, with_webhooks},
};

const NOW: i64 = 1_700_000_000;

/// A gateway whose clock stands at [`NOW`], and that takes webhooks of `signers`. Profile `a` is of both tenants, `l` of
/// `login` alone.
async fn gateway(signers: &[&WebhookSigner]) -> TestGateway {
    let profiles = |ids: &[&str]| Permissions {
        profiles: Allowed::Only(ids.iter().map(|id| (*id).to_owned()).collect()),
        ..Permissions::all()
    };
    let directory =
        account_of(signers.iter().map(|signer| signer.key()).collect(), [profiles(&["a", "l"]), profiles(&["a"])]);
    let clock = Clock::standing_at(jiff::Timestamp::from_second(NOW).unwrap());
    TestGateway::builder().config(with_webhooks).clock(clock).tenants(directory).start().await
}

/// The values of a metric, by its labels.
async fn series(gateway: &TestGateway, name: &str) -> Vec<String> {
    let (_, text) = gateway.admin("/metrics").await;
    let lines = text.lines().filter_map(|line| line.strip_prefix(name));
    let mut lines: Vec<_> = lines.map(|line| line.replace("otel_scope_name=\"verify_gateway\",", "")).collect();
    lines.sort();
    lines
}

/// How many webhooks ended so.
async fn ended(gateway: &TestGateway, outcome: &str) -> usize {
    let label = format!("outcome=\"{outcome}\"");
    let lines = series(gateway, "verify_gateway_webhooks_total{").await;
    let line = lines.iter().find(|line| line.contains(&label));
    line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn only_what_a_key_of_the_account_signed_in_time_is_accepted() {
    let (old, new, foreign) = (WebhookSigner::new(1), WebhookSigner::new(2), WebhookSigner::new(3));
    let gateway = gateway(&[&old, &new]).await;
    let event = |id: i64| delivery(&format!("v{id}"), "a", "sent");
    for (signer, at, status) in [
        (&old, NOW, 200),
        (&new, NOW + 300, 200),
        (&new, NOW - 300, 200),
        (&new, NOW - 301, 401),
        (&new, NOW + 301, 401),
        (&foreign, NOW, 401),
    ] {
        assert_eq!(signer.post(gateway.webhooks, WEBHOOK_TOKEN, at, &event(at)).await, status, "{at}");
    }
    assert_eq!(old.post(gateway.webhooks, "fedcba9876543210", NOW, &event(0)).await, 401);
    let expected = [("stale", 2), ("bad_signature", 1), ("unknown_account", 1)];
    for (outcome, count) in expected {
        assert_eq!(ended(&gateway, outcome).await, count, "{outcome}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn other_paths_methods_and_sizes_are_refused() {
    let signer = WebhookSigner::new(1);
    let gateway = gateway(&[&signer]).await;
    let body = delivery("v1", "a", "sent").to_string().into_bytes();
    let headers = signer.headers(NOW, &body);
    for path in ["/", "/webhooks", "/webhooks/0123456789abcdef/", "/v2/webhooks/0123456789abcdef"] {
        assert_eq!(post(gateway.webhooks, path, headers.clone(), body.clone()).await, 404, "{path}");
    }
    let url = format!("http://{}/webhooks/{WEBHOOK_TOKEN}", gateway.webhooks);
    assert_eq!(reqwest::get(&url).await.unwrap().status(), 404);

    let path = format!("/webhooks/{WEBHOOK_TOKEN}");
    let padded = |size: usize| [&body[..], &vec![b' '; size - body.len()]].concat();
    for (size, status) in [(64 << 10, 200), ((64 << 10) + 1, 413)] {
        let body = padded(size);
        assert_eq!(post(gateway.webhooks, &path, signer.headers(NOW, &body), body).await, status, "{size}");
    }
    // Without a length the size shows only while the body arrives.
    let chunks = futures_util::stream::iter((0..80).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1 << 10])));
    let request = reqwest::Client::new().post(&url).headers(signer.headers(NOW, b""));
    let stream = reqwest::Body::wrap(http_body_util::StreamBody::new(futures_util::StreamExt::map(chunks, |chunk| {
        chunk.map(|chunk| hyper::body::Frame::data(bytes::Bytes::from(chunk)))
    })));
    assert_eq!(request.body(stream).send().await.unwrap().status(), 413);
    gateway.stop().await;
}

#[tokio::test]
async fn each_header_must_be_there_once() {
    let signer = WebhookSigner::new(1);
    let gateway = gateway(&[&signer]).await;
    let body = delivery("v1", "a", "sent").to_string().into_bytes();
    let path = format!("/webhooks/{WEBHOOK_TOKEN}");
    for name in ["telnyx-timestamp", "telnyx-signature-ed25519"] {
        let (mut without, mut twice) = (signer.headers(NOW, &body), signer.headers(NOW, &body));
        let value = without.remove(name).unwrap();
        twice.append(name, value);
        for headers in [without, twice] {
            assert_eq!(post(gateway.webhooks, &path, headers, body.clone()).await, 401, "{name}");
        }
    }
    gateway.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_given_up_in_time() {
    let signer = WebhookSigner::new(1);
    let gateway = gateway(&[&signer]).await;
    let body = delivery("v1", "a", "sent").to_string().into_bytes();
    let headers: String = signer
        .headers(NOW, &body)
        .iter()
        .map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap()))
        .collect();
    let head = format!(
        "POST /webhooks/{WEBHOOK_TOKEN} HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    let began = tokio::time::Instant::now();
    let mut stream = tokio::net::TcpStream::connect(gateway.webhooks).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 503");
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn each_state_of_a_verification_counts_once_and_never_goes_back() {
    let signer = WebhookSigner::new(1);
    let gateway = gateway(&[&signer]).await;
    // Late, repeated, and after what comes later.
    for status in ["sent", "sent", "delivered", "delivery_failed", "sent", "delivered", "delivery_unconfirmed"] {
        assert_eq!(signer.post(gateway.webhooks, WEBHOOK_TOKEN, NOW, &delivery("v1", "l", status)).await, 200);
    }
    assert_eq!(signer.post(gateway.webhooks, WEBHOOK_TOKEN, NOW, &delivery("v2", "l", "sending_failed")).await, 200);
    let labels = |state| format!(r#"channel="sms",country="US",state="{state}"}} 1"#);
    let expected = ["delivered", "sending_failed", "sent"].map(labels);
    assert_eq!(series(&gateway, "verify_gateway_deliveries_total{").await, expected);
    assert_eq!(ended(&gateway, "repeated").await, 3);
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_not_understood_is_answered_and_counted() {
    let signer = WebhookSigner::new(1);
    let gateway = gateway(&[&signer]).await;
    let keypad = json!({"data": {"event_type": "verification.complete",
        "payload": {"id": "k1", "phone_number": "+13035551234", "status": "accepted", "type": "dtmf_confirm", "verify_profile_id": "l"}}});
    let unknown = json!({"data": {"event_type": "whatsapp.message.seen", "id": "e1", "payload": {"id": "w1", "profile_id": "l"}}});
    for (event, outcome) in [
        (keypad.clone(), "accepted"),
        (keypad, "repeated"),
        (unknown, "unknown_event"),
        (delivery("v1", "nobody's", "sent"), "unowned"),
        (json!({"data": {"event_type": "call.initiated", "payload": {}}}), "unreadable"),
        (json!([1]), "unreadable"),
        (Value::Null, "unreadable"),
    ] {
        let before = ended(&gateway, outcome).await;
        assert_eq!(signer.post(gateway.webhooks, WEBHOOK_TOKEN, NOW, &event).await, 200, "{event}");
        assert_eq!(ended(&gateway, outcome).await, before + 1, "{event}");
    }
    // TeXML is signed too, and is no JSON.
    let body = b"<Response/>\xff".to_vec();
    let path = format!("/webhooks/{WEBHOOK_TOKEN}");
    assert_eq!(post(gateway.webhooks, &path, signer.headers(NOW, &body), body).await, 200);
    gateway.stop().await;
}
