//! The health service.

use tonic::{Code, codec::CompressionEncoding};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use crate::support::TestGateway;

#[tokio::test]
async fn the_gateway_and_each_service_are_serving_and_no_token_is_needed() {
    let gateway = TestGateway::start().await;
    let mut health = HealthClient::new(gateway.channel().await);
    let services =
        ["", "liveness", "verify.v1.ProfileService", "verify.v1.TemplateService", "verify.v1.VerificationService"];
    for service in services {
        let answer = health.check(HealthCheckRequest { service: service.into() }).await.unwrap();
        assert_eq!(answer.into_inner().status(), ServingStatus::Serving, "{service}");
    }
    let unknown = health.check(HealthCheckRequest { service: "nobody".into() }).await;
    assert_eq!(unknown.unwrap_err().code(), Code::NotFound);
    gateway.stop().await;
}

#[tokio::test]
async fn a_compressed_check_and_watch_are_answered() {
    let gateway = TestGateway::start().await;
    let mut health = HealthClient::new(gateway.channel().await).send_compressed(CompressionEncoding::Gzip);
    let answer = health.check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    drop((watch, health));
    gateway.stop().await;
}

#[tokio::test]
async fn a_watcher_learns_that_the_gateway_drains() {
    let gateway = TestGateway::start().await;
    let mut health = HealthClient::new(gateway.channel().await);
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    gateway.begin_to_stop();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    drop((watch, health));
    gateway.stop().await;
}
