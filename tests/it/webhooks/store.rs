//! Webhooks while the store is away, and at two replicas.

use jiff::Timestamp;
use verify_gateway::domain::Permissions;

use crate::support::{
    TestGateway,
    redis::Redis,
    webhooks::{WEBHOOK_TOKEN, WebhookSigner, account_of, delivery, with_webhooks},
};

async fn replica(server: &Redis, signer: &WebhookSigner) -> TestGateway {
    let directory = account_of(vec![signer.key()], [Permissions::all(), Permissions::default()]);
    let builder = TestGateway::builder().config(|config| {
        with_webhooks(config);
        config.store = server.store();
    });
    builder.tenants(directory).start().await
}

async fn deliveries(gateway: &TestGateway) -> usize {
    let (_, text) = gateway.admin("/metrics").await;
    text.lines().filter(|line| line.starts_with("verify_gateway_deliveries_total{")).count()
}

#[tokio::test]
async fn a_webhook_counts_at_one_replica_only() {
    let Some(server) = Redis::start().await else { return };
    let signer = WebhookSigner::new(1);
    let (one, other) = (replica(&server, &signer).await, replica(&server, &signer).await);
    let now = Timestamp::now().as_second();
    let event = delivery("v1", "p", "delivered");
    for gateway in [&one, &other] {
        assert_eq!(signer.post(gateway.webhooks, WEBHOOK_TOKEN, now, &event).await, 200);
    }
    assert_eq!((deliveries(&one).await, deliveries(&other).await), (1, 0));
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn what_the_store_can_not_take_is_refused_and_its_repetition_counts_once() {
    let Some(mut server) = Redis::start().await else { return };
    let signer = WebhookSigner::new(1);
    let gateway = replica(&server, &signer).await;
    let (now, event) = (Timestamp::now().as_second(), delivery("v1", "p", "delivered"));
    assert_eq!(signer.post(gateway.webhooks, WEBHOOK_TOKEN, now, &delivery("v0", "p", "sent")).await, 200);
    server.kill().await;
    assert_eq!(signer.post(gateway.webhooks, WEBHOOK_TOKEN, now, &event).await, 503);
    server.revive().await;
    while signer.post(gateway.webhooks, WEBHOOK_TOKEN, now, &event).await != 200 {}
    assert_eq!(signer.post(gateway.webhooks, WEBHOOK_TOKEN, now, &event).await, 200);
    let (_, text) = gateway.admin("/metrics").await;
    let count =
        text.lines().find(|line| line.starts_with("verify_gateway_deliveries_total{") && line.contains("delivered"));
    assert!(count.is_some_and(|line| line.ends_with(" 1")), "{count:?}");
    gateway.stop().await;
}
