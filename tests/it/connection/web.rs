//! gRPC-Web over HTTP/1.1 and HTTP/2.

use std::{collections::HashMap, net::SocketAddr, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use prost::Message;
use reqwest::{
    Client, Response, StatusCode, Version,
    header::{HeaderMap, HeaderValue},
};
use tonic::{
    Code, Status,
    body::Body,
    metadata::MetadataMap,
    transport::{Channel, Endpoint},
};
use tonic_web::{GrpcWebCall, GrpcWebClientLayer};
use tower::{Layer, ServiceExt};
use verify_gateway::{
    config::{Config, WebConfig},
    pb::{
        Channel as Via, CheckOutcome, CheckVerificationRequest, CheckVerificationResponse, CreateVerificationRequest,
        CreateVerificationResponse, ListTemplatesRequest, ListTemplatesResponse, check_verification_request::Target,
        template_service_client::TemplateServiceClient,
    },
};

use crate::support::{
    Origin, PHONE, Refused, TOKEN, TestGateway,
    authority::{Authority, SERVER, over, shake_hands},
    peer::Peer,
};

const PAGE: &str = "https://office.example";
const LIST: &str = "verify.v1.TemplateService/ListTemplates";
const SOON: Duration = Duration::from_millis(50);

fn web(config: &mut Config) {
    config.grpc.web.enabled = true;
    config.grpc.web.allowed_origins = vec![WebConfig::origin(PAGE).unwrap()];
}

/// A gateway that allows gRPC-Web from the origin [`PAGE`].
async fn gateway(change: impl FnOnce(&mut Config)) -> TestGateway {
    TestGateway::builder()
        .config(|config| {
            web(config);
            change(config);
        })
        .start()
        .await
}

/// A message in its frame.
fn framed(message: &impl Message) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(message.encoded_len()).unwrap().to_be_bytes());
    message.encode(&mut frame).unwrap();
    frame
}

/// A gRPC-Web call with the header `origin`.
async fn post(url: &str, origin: &str, token: Option<&str>, rpc: &str, message: &impl Message) -> Response {
    let mut request = Client::new()
        .post(format!("{url}/{rpc}"))
        .header("origin", origin)
        .header("content-type", "application/grpc-web+proto")
        .header("x-grpc-web", "1")
        .body(framed(message));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.send().await.unwrap()
}

/// The message and the status of a gRPC-Web response.
async fn read<M: Message + Default>(response: Response) -> Result<M, Status> {
    assert_eq!(response.status(), 200);
    let headers = response.headers().clone();
    if let Some(status) = Status::from_header_map(&headers) {
        return Err(status);
    }
    let body = response.bytes().await.unwrap();
    let body = if headers["content-type"] == "application/grpc-web-text+proto" {
        // Each chunk is padded on its own.
        let text = std::str::from_utf8(&body).unwrap();
        text.split_inclusive('=').flat_map(|piece| BASE64_STANDARD.decode(piece).unwrap()).collect()
    } else {
        body.to_vec()
    };
    let (mut message, mut rest, mut trailers) = (None, &body[..], HeaderMap::new());
    while let [flags, a, b, c, d, more @ ..] = rest {
        let (frame, after) = more.split_at(u32::from_be_bytes([*a, *b, *c, *d]) as usize);
        if flags & 0x80 == 0 {
            message = Some(M::decode(frame).unwrap());
        } else {
            for line in std::str::from_utf8(frame).unwrap().lines() {
                let (name, value) = line.split_once(':').unwrap();
                trailers.insert(name.parse::<reqwest::header::HeaderName>().unwrap(), value.parse().unwrap());
            }
        }
        rest = after;
    }
    match Status::from_header_map(&trailers).expect("a status") {
        status if status.code() == Code::Ok => Ok(message.expect("a message")),
        status => Err(status),
    }
}

fn url(gateway: &TestGateway) -> String {
    format!("http://{}", gateway.addr)
}

#[tokio::test]
async fn a_page_sends_and_checks_a_code_over_http_1() {
    let gateway = gateway(|_| ()).await;
    let profile_id = gateway.clients().await.sms_profile().await;
    let request = CreateVerificationRequest {
        phone_number: PHONE.into(),
        channel: Via::Sms.into(),
        profile_id,
        request_id: "5f0c0d4e-7d5e-4a59-9c8b-4b3d2a1f0e9d".into(),
        ..Default::default()
    };
    let rpc = "verify.v1.VerificationService/CreateVerification";
    let first = post(&url(&gateway), PAGE, Some(TOKEN), rpc, &request).await;
    assert_eq!(first.version(), Version::HTTP_11);
    assert!(first.headers().contains_key("x-request-id") && !first.headers().contains_key("replayed"));
    let sent: CreateVerificationResponse = read(first).await.unwrap();
    let again = post(&url(&gateway), PAGE, Some(TOKEN), rpc, &request).await;
    assert_eq!(again.headers()["replayed"], "true");

    for (code, outcome) in
        [("000000", CheckOutcome::Rejected), (gateway.code(PHONE).await.as_str(), CheckOutcome::Accepted)]
    {
        let check = CheckVerificationRequest {
            target: Some(Target::VerificationId(sent.verification.as_ref().unwrap().id.clone())),
            code: code.into(),
            ..Default::default()
        };
        let rpc = "verify.v1.VerificationService/CheckVerification";
        let checked: CheckVerificationResponse =
            read(post(&url(&gateway), PAGE, Some(TOKEN), rpc, &check).await).await.unwrap();
        assert_eq!(checked.outcome(), outcome);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_page_gets_errors_with_their_reasons() {
    let gateway = gateway(|config| config.grpc.max_message_size = 1 << 10).await;
    let large = CreateVerificationRequest { phone_number: "1".repeat(2 << 10), ..Default::default() };
    let send = "verify.v1.VerificationService/CreateVerification";
    let bad = CreateVerificationRequest { phone_number: "1".into(), ..Default::default() };
    for (token, rpc, message, code, reason) in [
        (None, send, &bad, Code::Unauthenticated, "CREDENTIALS_INVALID"),
        (Some(TOKEN), send, &bad, Code::InvalidArgument, "INVALID_REQUEST"),
        (Some(TOKEN), send, &large, Code::InvalidArgument, "MESSAGE_TOO_LARGE"),
        (Some(TOKEN), "verify.v1.VerificationService/Fly", &bad, Code::Unimplemented, "RPC_UNKNOWN"),
    ] {
        let response = post(&url(&gateway), PAGE, token, rpc, message).await;
        let headers = response.headers().clone();
        assert_eq!(headers["access-control-allow-origin"], PAGE);
        for exposed in ["grpc-status", "grpc-message", "grpc-status-details-bin", "x-request-id"] {
            assert!(headers["access-control-expose-headers"].to_str().unwrap().contains(exposed), "{exposed}");
        }
        let refused = Refused::by(read::<CreateVerificationResponse>(response).await).is(code, reason);
        assert_eq!(refused.fields.is_empty(), reason != "INVALID_REQUEST");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn grpc_web_text_is_supported() {
    let gateway = gateway(|_| ()).await;
    let request = Client::new()
        .post(format!("{}/{LIST}", url(&gateway)))
        .header("content-type", "application/grpc-web-text")
        .header("accept", "application/grpc-web-text")
        .header("authorization", format!("Bearer {TOKEN}"))
        .body(BASE64_STANDARD.encode(framed(&ListTemplatesRequest::default())));
    let answer: ListTemplatesResponse = read(request.send().await.unwrap()).await.unwrap();
    assert!(!answer.templates.is_empty());
    gateway.stop().await;
}

/// The response to a CORS preflight request of `origin`.
async fn preflight(addr: SocketAddr, origin: &str) -> (StatusCode, HashMap<String, HeaderValue>) {
    let request = Client::new()
        .request(reqwest::Method::OPTIONS, format!("http://{addr}/{LIST}"))
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type,x-grpc-web");
    let response = request.send().await.unwrap();
    let headers = response.headers().iter();
    let cors = headers.filter(|(name, _)| name.as_str().starts_with("access-control-"));
    (response.status(), cors.map(|(name, value)| (name.to_string(), value.clone())).collect())
}

#[tokio::test]
async fn a_page_of_another_origin_gets_no_answer() {
    let gateway = gateway(|_| ()).await;
    let (status, headers) = preflight(gateway.addr, PAGE).await;
    assert_eq!(status, 204);
    assert_eq!(headers["access-control-allow-origin"], PAGE);
    assert_eq!(headers["access-control-allow-methods"], "POST");
    for header in ["authorization", "content-type", "x-grpc-web", "x-user-agent", "grpc-timeout", "x-request-id"] {
        let allowed = headers["access-control-allow-headers"].to_str().unwrap();
        assert!(allowed.split(", ").any(|one| one == header), "{header}");
    }
    // Credentials such as cookies are never allowed.
    assert!(!headers.contains_key("access-control-allow-credentials"));
    for other in ["https://office.example:8443", "http://office.example", "https://evil.example", "null", "*", ""] {
        assert_eq!(preflight(gateway.addr, other).await, (StatusCode::NO_CONTENT, HashMap::new()), "{other}");
        let response = post(&url(&gateway), other, Some(TOKEN), LIST, &ListTemplatesRequest::default()).await;
        assert!(!response.headers().keys().any(|name| name.as_str().starts_with("access-control-")), "{other}");
        assert_eq!(response.headers()["vary"], "origin");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_request_that_is_no_grpc_call_is_refused() {
    let gateway = gateway(|_| ()).await;
    let get = reqwest::get(url(&gateway)).await.unwrap();
    assert_eq!(get.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let wrong = Client::new().put(format!("{}/{LIST}", url(&gateway))).header("content-type", "application/grpc-web");
    assert_eq!(wrong.send().await.unwrap().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    // gRPC needs trailers.
    let grpc = Client::new().post(format!("{}/{LIST}", url(&gateway))).header("content-type", "application/grpc");
    assert_eq!(grpc.send().await.unwrap().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    gateway.stop().await;
}

async fn list_by_web(channel: Channel) -> Result<usize, Status> {
    let channel = channel.map_request(|request: http::Request<GrpcWebCall<Body>>| request.map(Body::new));
    let mut client = TemplateServiceClient::new(GrpcWebClientLayer::new().layer(channel));
    let bearer = MetadataMap::from_headers(HeaderMap::from_iter([(
        "authorization".parse().unwrap(),
        format!("Bearer {TOKEN}").parse().unwrap(),
    )]));
    let request = tonic::Request::from_parts(bearer, Default::default(), ListTemplatesRequest::default());
    Ok(client.list_templates(request).await?.into_inner().templates.len())
}

#[tokio::test]
async fn grpc_web_works_over_http_2_beside_grpc() {
    let gateway = gateway(|_| ()).await;
    let channel = Endpoint::new(url(&gateway)).unwrap().connect().await.unwrap();
    assert!(list_by_web(channel).await.unwrap() > 0);
    gateway.clients().await.templates.list_templates(ListTemplatesRequest::default()).await.unwrap();
    gateway.stop().await;
}

#[tokio::test]
async fn tls_negotiates_http_1_or_http_2() {
    let authority = Authority::new();
    let (folder, pair) = (tempfile::tempdir().unwrap(), authority.server());
    let [certificate_file, key_file] = ["tls.crt", "tls.key"].map(|file| folder.path().join(file));
    std::fs::write(&certificate_file, pair.certificate).unwrap();
    std::fs::write(&key_file, pair.key).unwrap();
    let gateway = gateway(|config| {
        config.grpc.tls.certificate_file = Some(certificate_file);
        config.grpc.tls.key_file = Some(key_file);
    })
    .await;
    let client = |offered: &[&str]| {
        let mut client = authority.trusted_by(None, &[&rustls::version::TLS13]);
        client.alpn_protocols = offered.iter().map(|one| one.as_bytes().to_vec()).collect();
        client
    };
    let stream = shake_hands(gateway.addr, client(&["h2", "http/1.1"])).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    assert!(list_by_web(over(stream).await.unwrap()).await.unwrap() > 0);
    assert!(shake_hands(gateway.addr, client(&[])).await.is_err());
    assert!(shake_hands(gateway.addr, client(&["spdy/3"])).await.is_err());

    let roots = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    let browser = Client::builder().tls_certs_only([roots]).resolve(SERVER, gateway.addr).http1_only().build().unwrap();
    let request = browser
        .post(format!("https://{SERVER}:{}/{LIST}", gateway.addr.port()))
        .header("content-type", "application/grpc-web+proto")
        .header("authorization", format!("Bearer {TOKEN}"))
        .body(framed(&ListTemplatesRequest::default()));
    let answer: ListTemplatesResponse = read(request.send().await.unwrap()).await.unwrap();
    assert!(!answer.templates.is_empty());
    gateway.stop().await;
}

/// The head of a request on HTTP/1.1, without the empty line at its end.
const HEAD: &str = "POST / HTTP/1.1\r\nhost: gateway\r\ncontent-length: 0\r\n";

#[tokio::test]
async fn an_endless_head_and_a_silent_connection_are_closed() {
    let gateway = gateway(|config| {
        config.grpc.handshake_timeout = Duration::from_hours(1);
        config.grpc.keepalive_interval = SOON;
    })
    .await;
    let mut slow = Peer::silent(gateway.addr).await;
    slow.write(HEAD.as_bytes()).await;
    slow.closed_without_answers().await;
    // One request, and then silence.
    let mut used = Peer::silent(gateway.addr).await;
    used.write(format!("{HEAD}\r\n").as_bytes()).await;
    used.closed_without_answers().await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let gateway = gateway(|_| ()).await;
    let large = Client::new().get(url(&gateway)).header("a", "a".repeat(70 << 10)).send().await.unwrap();
    assert_eq!(large.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    gateway.stop().await;
}

#[tokio::test]
async fn a_draining_gateway_finishes_running_grpc_web_calls() {
    const TEMPLATES: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"data\":[]}";
    let origin = Origin::holding(TEMPLATES).await;
    let gateway = TestGateway::builder()
        .upstream(origin.addr)
        .config(|config| {
            web(config);
            config.shutdown.grace_period = Duration::from_hours(1);
        })
        .start()
        .await;
    let url = url(&gateway);
    let call = tokio::spawn(async move {
        read::<ListTemplatesResponse>(post(&url, PAGE, Some(TOKEN), LIST, &ListTemplatesRequest::default()).await).await
    });
    origin.until(|seen| seen.requests == 1).await;
    gateway.begin_to_stop();
    origin.release();
    call.await.unwrap().unwrap();
    // Without the drain, the connection would be kept alive.
    gateway.stop().await;
}

#[tokio::test]
async fn a_grpc_web_call_that_does_not_end_is_aborted_after_the_grace_period() {
    let origin = Origin::silent().await;
    let gateway = TestGateway::builder()
        .upstream(origin.addr)
        .config(|config| {
            web(config);
            config.shutdown.grace_period = SOON;
        })
        .start()
        .await;
    let url = url(&gateway);
    let call = tokio::spawn(async move {
        let request = Client::new()
            .post(format!("{url}/{LIST}"))
            .header("content-type", "application/grpc-web+proto")
            .header("authorization", format!("Bearer {TOKEN}"))
            .body(framed(&ListTemplatesRequest::default()));
        request.send().await
    });
    origin.until(|seen| seen.requests == 1).await;
    gateway.stop().await;
    assert!(call.await.unwrap().is_err());
    origin.until(|seen| seen.given_up == 1).await;
}

#[tokio::test]
async fn http_1_is_refused_unless_grpc_web_is_enabled() {
    let gateway = TestGateway::start().await;
    assert!(reqwest::get(url(&gateway)).await.is_err());
    gateway.stop().await;
}
