//! Load shedding.

use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use verify_gateway::pb::ListTemplatesRequest;

use crate::support::{
    Origin, Refused, TOKEN, TestGateway,
    raw::{EMPTY, LIST_TEMPLATES, post},
};

#[tokio::test]
async fn calls_over_the_limit_are_shed_and_a_cancelled_call_returns_its_permit() {
    let origin = Origin::silent().await;
    let gateway = TestGateway::builder()
        .upstream(origin.addr)
        .config(|config| {
            config.grpc.max_concurrent_calls = 1;
            config.upstream.retry.max_attempts = 1;
        })
        .start()
        .await;
    let mut clients = gateway.clients().await;
    let running = tokio::spawn(async move { clients.templates.list_templates(ListTemplatesRequest::default()).await });
    origin.until(|seen| seen.requests == 1).await;

    let mut clients = gateway.clients().await;
    let refused = Refused::by(clients.templates.list_templates(ListTemplatesRequest::default()).await)
        .is(Code::Unavailable, "GATEWAY_OVERLOADED");
    assert!(refused.retry_after.is_some());
    let mut health = HealthClient::new(gateway.channel().await);
    health.check(HealthCheckRequest::default()).await.unwrap();

    running.abort();
    assert!(running.await.is_err_and(|error| error.is_cancelled()));
    origin.until(|seen| seen.given_up == 1).await;
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("grpc-timeout", "80m")];
    let late = post(&gateway, LIST_TEMPLATES, &headers, EMPTY).await;
    late.is(Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    gateway.stop().await;
}
