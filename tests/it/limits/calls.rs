//! Limits on calls.

use std::time::Duration;

use tonic::Status;
use verify_gateway::{
    domain::{Limit, LimitRate, Limits},
    pb::ListTemplatesRequest,
};

use super::{gateway, hits, observed, passes_after_its_wait, refused};
use crate::support::{Clients, OTHER_TOKEN, Origin, PHONE, TestGateway};

const OF_SECOND: (&str, &str) = ("REQUEST_LIMIT_REACHED", "limits.requests_per_second");
const AT_ONCE: (&str, &str) = ("CONCURRENCY_LIMIT_REACHED", "limits.concurrent_calls");

async fn call(clients: &Clients) -> Result<(), Status> {
    clients.clone().templates.list_templates(ListTemplatesRequest::default()).await.map(drop)
}

#[tokio::test]
async fn calls_are_limited_to_a_rate_and_a_burst() {
    let limits =
        Limits { requests_per_second: Some(Limit::enforced(LimitRate { max: 4, burst: 3 })), ..Limits::none() };
    let gateway = gateway(limits).await;
    let clients = gateway.clients().await;
    for _ in 0..3 {
        call(&clients).await.unwrap();
    }
    for _ in 0..5 {
        let wait = passes_after_its_wait(&gateway, OF_SECOND, async || call(&clients).await).await;
        assert_eq!(wait, Duration::from_millis(250));
    }
    gateway.clock.advance(Duration::from_hours(1));
    for _ in 0..3 {
        call(&clients).await.unwrap();
    }
    refused(call(&clients).await, OF_SECOND.0, OF_SECOND.1);
    // Other tenants are not affected, and health checks are not limited.
    call(&gateway.clients_with(Some(OTHER_TOKEN)).await).await.unwrap();
    gateway.stop().await;
}

#[tokio::test]
async fn concurrent_calls_are_limited() {
    let origin = Origin::holding(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
    let limits = Limits { concurrent_calls: Some(Limit::enforced(2)), ..Limits::none() };
    let gateway = TestGateway::builder().upstream(origin.addr).login(|login| login.limits = limits).start().await;
    let clients = gateway.clients().await;
    let running: Vec<_> = (0..2)
        .map(|at| {
            let mut clients = clients.clone();
            tokio::spawn(async move { clients.try_send(&format!("+1303555123{at}"), "p-1").await })
        })
        .collect();
    origin.until(|seen| seen.requests == 2).await;
    // The end of a running call can not be predicted, so there is no wait.
    assert_eq!(refused(call(&clients).await, AT_ONCE.0, AT_ONCE.1), None);
    assert_eq!(refused(clients.clone().try_send(PHONE, "p-1").await, AT_ONCE.0, AT_ONCE.1), None);
    assert_eq!(hits(&gateway, AT_ONCE.1, "enforced").await, 2);
    origin.release();
    for call in running {
        let _ = call.await.unwrap();
    }
    // Their permits are returned. The outcome of the call does not matter here.
    let reason = crate::support::Refused::by(call(&clients).await).reason;
    assert_ne!(reason, AT_ONCE.0);
    gateway.stop().await;
}

#[tokio::test]
async fn calls_over_a_limit_in_observe_mode_pass() {
    let limits = Limits {
        requests_per_second: Some(observed(LimitRate { max: 1, burst: 1 })),
        concurrent_calls: Some(observed(1)),
        ..Limits::none()
    };
    let gateway = gateway(limits).await;
    let clients = gateway.clients().await;
    for _ in 0..3 {
        call(&clients).await.unwrap();
    }
    assert_eq!(hits(&gateway, OF_SECOND.1, "observed").await, 2);
    gateway.stop().await;
}
