//! Retries, and reconciliation of lost sends. The simulator's outbox counts the messages.

use std::time::Duration;

use serde_json::json;
use tonic::Code;
use verify_gateway::pb::ListTemplatesRequest;

use crate::support::{PHONE, Refused, TestGateway};

#[tokio::test]
async fn a_send_whose_answer_is_lost_is_reconciled_and_not_repeated() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    let html = json!({"status": 200, "act": "after", "body": {"content_type": "text/html", "text": "<html>"}});
    let nothing = json!({"status": 200, "act": "after", "body": {"content_type": "application/json", "text": "{}"}});
    let faults = [
        json!({"status": 500, "act": "after"}),
        json!({"status": 503, "act": "after", "headers": {"retry-after": "0"}}),
        json!({"reset": true, "act": "after"}),
        json!({"truncate": true, "act": "after"}),
        html,
        nothing,
    ];
    for (sent, fault) in faults.into_iter().enumerate() {
        gateway.fault(fault.clone()).await;
        let verification = clients.send(PHONE, &profile_id).await;
        let messages = gateway.messages(PHONE).await;
        assert_eq!(messages.len(), sent + 1, "{fault}");
        assert_eq!(messages[sent]["verification_id"], *verification.id, "{fault}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_throttled_send_is_retried_after_the_requested_wait() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    gateway.fault(json!({"times": 2, "status": 429, "code": "10011", "headers": {"retry-after-ms": "1"}})).await;
    clients.send(PHONE, &profile_id).await;
    assert_eq!(gateway.messages(PHONE).await.len(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn retries_end_at_the_maximum_number_of_attempts() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    gateway.fault(json!({"times": 3, "status": 500})).await;
    Refused::by(clients.templates.list_templates(ListTemplatesRequest::default()).await)
        .is(Code::Unavailable, "UPSTREAM_UNAVAILABLE");
    // All three faults are used up.
    clients.templates.list_templates(ListTemplatesRequest::default()).await.unwrap();
    gateway.stop().await;
}

#[tokio::test]
async fn a_send_that_times_out_is_reconciled() {
    let attempt = |config: &mut verify_gateway::config::Config| {
        config.upstream.attempt_timeout = Duration::from_millis(50);
    };
    let gateway = TestGateway::builder().config(attempt).start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    gateway.fault(json!({"delay_ms": 60_000, "act": "after"})).await;
    clients.send(PHONE, &profile_id).await;
    assert_eq!(gateway.messages(PHONE).await.len(), 1);
    gateway.stop().await;
}
