//! Reads of verifications whose webhooks stay silent.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{advance, pause, resume, timeout};
use verify_gateway::{
    domain::Permissions,
    pb::{CheckOutcome, EventType},
};

use super::{BOUND, next_type, watch, with_events};
use crate::support::{
    PHONE, TestGateway,
    webhooks::{WEBHOOK_TOKEN, WebhookSigner, account_of, delivery},
};

async fn gateway(max_reads: u32) -> TestGateway {
    let directory = account_of(vec![WebhookSigner::new(1).key()], [Permissions::all(), Permissions::default()]);
    let builder = TestGateway::builder().tenants(directory).config(|config| {
        with_events(config);
        config.events.max_reads = max_reads;
    });
    builder.start().await
}

async fn post(gateway: &TestGateway, id: &str, profile: &str, status: &str) {
    let (signer, now) = (WebhookSigner::new(1), Timestamp::now().as_second());
    assert_eq!(signer.post(gateway.webhooks, WEBHOOK_TOKEN, now, &delivery(id, profile, status)).await, 200);
}

/// Somebody else gives the right answer, so no event says it.
async fn accept(gateway: &TestGateway, id: &str) {
    let other = TestGateway::builder().upstream(gateway.simulator).start().await;
    let code = gateway.code(PHONE).await;
    assert_eq!(other.clients().await.check(id, &code).await, CheckOutcome::Accepted);
    other.stop().await;
}

async fn pass(seconds: u64) {
    pause();
    advance(Duration::from_secs(seconds)).await;
    resume();
}

#[tokio::test]
async fn a_watched_verification_is_read_and_its_end_is_one_event() {
    let gateway = gateway(1).await;
    let mut clients = gateway.clients().await;
    let profile = clients.sms_profile().await;
    let id = clients.send(PHONE, &profile).await.id;
    let mut watches = [watch(&mut clients, &id).await, watch(&mut clients, &id).await];
    for watch in &mut watches {
        assert_eq!(next_type(watch).await, Some(EventType::Created));
    }
    accept(&gateway, &id).await;
    pass(6).await;
    for watch in &mut watches {
        for expected in [Some(EventType::Accepted), None] {
            assert_eq!(timeout(BOUND, next_type(watch)).await.expect("an event in time"), expected);
        }
    }
    gateway.stop().await;
}

#[tokio::test]
async fn it_is_not_read_while_webhooks_of_its_profile_come() {
    for (has_webhook, max_reads, is_read) in [(false, 1, true), (true, 1, false), (false, 0, false)] {
        let gateway = gateway(max_reads).await;
        let mut clients = gateway.clients().await;
        let profile = clients.sms_profile().await;
        let id = clients.send(PHONE, &profile).await.id;
        let mut watched = watch(&mut clients, &id).await;
        assert_eq!(next_type(&mut watched).await, Some(EventType::Created));
        if has_webhook {
            post(&gateway, "another", &profile, "sent").await;
        }
        accept(&gateway, &id).await;
        pass(130).await;
        if !is_read {
            // A read would show that it is over, and this would be late.
            post(&gateway, &id, &profile, "delivered").await;
        }
        let expected = if is_read { EventType::Accepted } else { EventType::Delivered };
        assert_eq!(timeout(BOUND, next_type(&mut watched)).await.expect("an event in time"), Some(expected));
        gateway.stop().await;
    }
}
