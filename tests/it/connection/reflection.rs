//! Server reflection.

use tonic::Code;
use tonic_reflection::pb::{v1, v1alpha};

use crate::support::TestGateway;

const PUBLIC: [&str; 5] = [
    "grpc.health.v1.Health",
    "verify.v1.EventService",
    "verify.v1.ProfileService",
    "verify.v1.TemplateService",
    "verify.v1.VerificationService",
];

#[tokio::test]
async fn reflection_lists_the_public_services_in_both_versions_and_can_be_disabled() {
    let gateway = TestGateway::start().await;
    let list = v1::ServerReflectionRequest {
        message_request: Some(v1::server_reflection_request::MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(gateway.channel().await);
    let mut answers = client.server_reflection_info(tokio_stream::once(list.clone())).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let v1::server_reflection_response::MessageResponse::ListServicesResponse(services) = answer else { panic!() };
    let mut names: Vec<_> = services.service.into_iter().map(|service| service.name).collect();
    names.sort();
    assert_eq!(names, PUBLIC);

    let list_alpha = v1alpha::ServerReflectionRequest {
        message_request: Some(v1alpha::server_reflection_request::MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(gateway.channel().await);
    let mut answers = client.server_reflection_info(tokio_stream::once(list_alpha)).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let v1alpha::server_reflection_response::MessageResponse::ListServicesResponse(services) = answer else { panic!() };
    let mut names: Vec<_> = services.service.into_iter().map(|service| service.name).collect();
    names.sort();
    assert_eq!(names, PUBLIC);
    drop((answers, client));
    gateway.stop().await;

    let gateway = TestGateway::builder().config(|config| config.grpc.reflection = false).start().await;
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(gateway.channel().await);
    let refused = client.server_reflection_info(tokio_stream::once(list)).await;
    assert_eq!(refused.err().unwrap().code(), Code::Unimplemented);
    drop(client);
    gateway.stop().await;
}
