//! Messages that are malformed, compressed or too large.

use tonic::{Code, Request, codec::CompressionEncoding};
use verify_gateway::pb::{CreateTemplateRequest, ListTemplatesRequest, template_service_client::TemplateServiceClient};

use crate::support::{
    Refused, TOKEN, TestGateway,
    raw::{EMPTY, LIST_TEMPLATES, post},
};

#[tokio::test]
async fn an_unknown_rpc_and_a_malformed_message_are_refused_with_a_reason() {
    let gateway = TestGateway::start().await;
    let bearer = format!("Bearer {TOKEN}");
    let token = ("authorization", bearer.as_str());
    let list = LIST_TEMPLATES;
    post(&gateway, "verify.v1.TemplateService/Nothing", &[token], EMPTY).await.is(Code::Unimplemented, "RPC_UNKNOWN");
    post(&gateway, "verify.v2.Nothing/Nothing", &[token], EMPTY).await.is(Code::Unimplemented, "RPC_UNKNOWN");
    post(&gateway, list, &[token], b"\0\0\0\0\x02\xff\xff").await.is(Code::InvalidArgument, "MESSAGE_MALFORMED");
    post(&gateway, list, &[token], b"").await.is(Code::InvalidArgument, "MESSAGE_MALFORMED");
    post(&gateway, list, &[token, ("grpc-timeout", "soon")], EMPTY).await.is(Code::InvalidArgument, "INVALID_REQUEST");
    post(&gateway, list, &[token, token], EMPTY).await.is(Code::Unauthenticated, "CREDENTIALS_INVALID");
    // Load balancers probe so, without credentials.
    post(&gateway, "verify.v2.Nothing/Nothing", &[], EMPTY).await.is(Code::Unimplemented, "RPC_UNKNOWN");
    post(&gateway, "AWS.ALB/healthcheck", &[], b"").await.is(Code::Unimplemented, "RPC_UNKNOWN");
    gateway.clients().await.templates.list_templates(ListTemplatesRequest::default()).await.unwrap();
    gateway.stop().await;
}

#[tokio::test]
async fn a_compressed_message_is_accepted_up_to_the_limit_of_its_decompressed_size() {
    let gateway = TestGateway::start().await;
    let mut client = TemplateServiceClient::new(gateway.channel().await).send_compressed(CompressionEncoding::Gzip);
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
async fn a_message_of_10_mb_is_refused_and_the_next_one_is_served() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let huge = CreateTemplateRequest { text: "x".repeat(10_000_000), ..CreateTemplateRequest::default() };
    Refused::by(clients.templates.create_template(huge).await).is(Code::InvalidArgument, "MESSAGE_TOO_LARGE");
    clients.templates.list_templates(ListTemplatesRequest::default()).await.unwrap();
    gateway.stop().await;
}
