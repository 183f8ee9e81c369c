//! What every caller meets before its rpc: health, reflection, limits, and requests that are none.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tonic::{
    Code, Request, Status,
    codec::CompressionEncoding,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::{v1, v1alpha};
use verify_gateway::pb::{CreateTemplateRequest, ListTemplatesRequest, template_service_client::TemplateServiceClient};

use crate::support::{Origin, Refused, TOKEN, TestGateway};

async fn connect(gateway: &TestGateway) -> Channel {
    Endpoint::new(format!("http://{}", gateway.addr)).unwrap().connect().await.unwrap()
}

#[tokio::test]
async fn health_is_told_for_the_whole_and_for_each_service_without_a_token() {
    let gateway = TestGateway::start().await;
    let mut health = HealthClient::new(connect(&gateway).await);
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
async fn a_draining_gateway_says_so_to_whoever_watches() {
    let gateway = TestGateway::start().await;
    let mut health = HealthClient::new(connect(&gateway).await);
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    gateway.begin_to_stop();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    drop((watch, health));
    gateway.stop().await;
}

const PUBLIC: [&str; 4] =
    ["grpc.health.v1.Health", "verify.v1.ProfileService", "verify.v1.TemplateService", "verify.v1.VerificationService"];

#[tokio::test]
async fn reflection_lists_the_public_services_in_both_versions_and_can_be_switched_off() {
    let gateway = TestGateway::start().await;
    let list = v1::ServerReflectionRequest {
        message_request: Some(v1::server_reflection_request::MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(connect(&gateway).await);
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
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(connect(&gateway).await);
    let mut answers = client.server_reflection_info(tokio_stream::once(list_alpha)).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let v1alpha::server_reflection_response::MessageResponse::ListServicesResponse(services) = answer else { panic!() };
    let mut names: Vec<_> = services.service.into_iter().map(|service| service.name).collect();
    names.sort();
    assert_eq!(names, PUBLIC);
    drop((answers, client));
    gateway.stop().await;

    let gateway = TestGateway::builder().config(|config| config.grpc.reflection = false).start().await;
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(connect(&gateway).await);
    let refused = client.server_reflection_info(tokio_stream::once(list)).await;
    assert_eq!(refused.err().unwrap().code(), Code::Unimplemented);
    drop(client);
    gateway.stop().await;
}

/// An empty gRPC message.
pub const EMPTY: &[u8] = b"\0\0\0\0\0";

/// Posts `body` as a gRPC message, without tonic's help, and takes the refusal apart. tonic's client would give up by
/// itself where it knows of a deadline, and so now and then before the gateway's answer is there.
pub async fn post(gateway: &TestGateway, path: &str, headers: &[(&str, &str)], body: &'static [u8]) -> Refused {
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Full<Bytes>>();
    let mut request = http::Request::post(format!("http://{}/{path}", gateway.addr))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = client.request(request.body(Full::from(body)).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    body.collect().await.unwrap();
    Refused::by(Status::from_header_map(&parts.headers).map_or(Ok(()), Err))
}

#[tokio::test]
async fn what_is_no_request_has_a_reason_too() {
    let gateway = TestGateway::start().await;
    let bearer = format!("Bearer {TOKEN}");
    let token = ("authorization", bearer.as_str());
    let list = "verify.v1.TemplateService/ListTemplates";
    post(&gateway, "verify.v1.TemplateService/Nothing", &[token], EMPTY).await.is(Code::Unimplemented, "RPC_UNKNOWN");
    post(&gateway, "verify.v2.Nothing/Nothing", &[token], EMPTY).await.is(Code::Unimplemented, "RPC_UNKNOWN");
    post(&gateway, list, &[token], b"\0\0\0\0\x02\xff\xff").await.is(Code::InvalidArgument, "MESSAGE_MALFORMED");
    post(&gateway, list, &[token], b"").await.is(Code::InvalidArgument, "MESSAGE_MALFORMED");
    post(&gateway, list, &[token, ("grpc-timeout", "soon")], EMPTY).await.is(Code::InvalidArgument, "INVALID_REQUEST");
    post(&gateway, list, &[token, token], EMPTY).await.is(Code::Unauthenticated, "CREDENTIALS_INVALID");
    // Without a tenant not even the names of rpcs are told.
    post(&gateway, "verify.v2.Nothing/Nothing", &[], EMPTY).await.is(Code::Unauthenticated, "CREDENTIALS_INVALID");
    gateway.clients().await.templates.list_templates(ListTemplatesRequest::default()).await.unwrap();
    gateway.stop().await;
}

#[tokio::test]
async fn compressed_messages_are_taken_and_bounded_by_what_they_hold() {
    let gateway = TestGateway::start().await;
    let mut client = TemplateServiceClient::new(connect(&gateway).await).send_compressed(CompressionEncoding::Gzip);
    let mut create = async |length: usize| {
        let text = format!("{{{{code}}}}{}", " ".repeat(length));
        let mut request = Request::new(CreateTemplateRequest { text, ..CreateTemplateRequest::default() });
        request.metadata_mut().insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
        client.create_template(request).await
    };
    create(1000).await.unwrap();
    Refused::by(create(1_000_000).await).is(Code::InvalidArgument, "MESSAGE_TOO_LARGE");
    drop(client);
    gateway.stop().await;
}

#[tokio::test]
async fn calls_beyond_the_limit_are_shed_and_a_caller_that_goes_away_gives_its_place_back() {
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
    let mut health = HealthClient::new(connect(&gateway).await);
    health.check(HealthCheckRequest::default()).await.unwrap();

    running.abort();
    assert!(running.await.is_err_and(|error| error.is_cancelled()));
    origin.until(|seen| seen.given_up == 1).await;
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("grpc-timeout", "80m")];
    let late = post(&gateway, "verify.v1.TemplateService/ListTemplates", &headers, EMPTY).await;
    late.is(Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    gateway.stop().await;
}
