//! Spans and logs of the real binary, as an OTLP collector and a log reader get them.

use std::{
    fs,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};
use verify_gateway::pb::{CheckVerificationRequest, CreateVerificationRequest, check_verification_request::Target};

use crate::support::{Clients, Ended, KEY, PHONE, Process, TOKEN, TestGateway};

/// Keeps what it gets.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Span>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let scopes = request.into_inner().resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        self.0.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn start() -> (Self, SocketAddr) {
        let collector = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let server = tonic::transport::Server::builder().add_service(TraceServiceServer::new(collector.clone()));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        (collector, addr)
    }

    /// The spans of one trace, in the order of their starts.
    fn trace(&self, id: &str) -> Vec<Span> {
        let mut spans = self.0.lock().unwrap().clone();
        spans.retain(|span| hex(&span.trace_id) == id);
        spans.sort_by_key(|span| span.start_time_unix_nano);
        spans
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attribute(span: &Span, name: &str) -> Option<String> {
    let value = span.attributes.iter().find(|attribute| attribute.key == name)?.value.as_ref()?;
    Some(format!("{:?}", value.value.as_ref()?))
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const OTHER_TRACE: &str = "1af7651916cd43dd8448eb211c80319d";
const PARENT: &str = "b7ad6b7169203331";

fn traced<T>(trace: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("traceparent", format!("00-{trace}-{PARENT}-01").parse().unwrap());
    request
}

/// Runs a throttled send and a wrong check through the real binary, with `level` of logs.
async fn scenario(level: &str) -> (Collector, Ended, String) {
    let (collector, otlp) = Collector::start().await;
    // The gateway in this process only serves for its simulator and to set things up.
    let set_up = TestGateway::start().await;
    let profile_id = set_up.clients().await.sms_profile().await;
    let folder = tempfile::tempdir().unwrap();
    let hash = verify_gateway::tenant::TokenHash::of(TOKEN);
    fs::write(
        folder.path().join("tenants.yaml"),
        format!("tenants:\n  - id: login\n    tokens: ['{hash}']\n    telnyx_api_key: {{ inline: {KEY} }}\n"),
    )
    .unwrap();
    let config = folder.path().join("gateway.yaml");
    let simulator = &set_up.simulator;
    fs::write(
        &config,
        format!(
            "grpc: {{ listen: '127.0.0.1:0' }}\n\
             admin: {{ listen: '127.0.0.1:0' }}\n\
             upstream: {{ base_url: '{simulator}/v2' }}\n\
             telemetry:\n  log: {{ format: json, level: {level} }}\n  \
             otlp: {{ endpoint: 'http://{otlp}', sample_ratio: 0.0 }}\n"
        ),
    )
    .unwrap();
    let mut serve = Process::start(&["serve", "--config", config.to_str().unwrap()]);
    let mut clients = Clients::of(serve.logged_addr().await, Some(TOKEN)).await;

    set_up.fault(json!({"status": 429, "code": "10011", "headers": {"retry-after-ms": "1"}})).await;
    let send = CreateVerificationRequest {
        phone_number: PHONE.into(),
        channel: verify_gateway::pb::Channel::Sms.into(),
        profile_id: profile_id.clone(),
        ..CreateVerificationRequest::default()
    };
    clients.verifications.create_verification(traced(TRACE, send)).await.unwrap();
    let code = set_up.code(PHONE).await;
    set_up.fault(json!({"status": 500})).await;
    let check =
        CheckVerificationRequest { target: Some(Target::PhoneNumber(PHONE.into())), profile_id, code: code.clone() };
    let refused = clients.verifications.check_verification(traced(OTHER_TRACE, check)).await;
    assert!(refused.is_err());
    let ended = serve.end("TERM").await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    set_up.stop().await;
    (collector, ended, code)
}

#[tokio::test]
async fn a_call_is_one_server_span_and_a_client_span_for_each_attempt() {
    let (collector, _, _) = scenario("info").await;
    let spans = collector.trace(TRACE);
    let [server, first, second] = &spans[..] else { panic!("{spans:#?}") };
    assert_eq!(server.name, "verify.v1.VerificationService/CreateVerification");
    assert_eq!(server.kind(), SpanKind::Server);
    assert_eq!(hex(&server.parent_span_id), PARENT);
    assert!(attribute(server, "tenant").unwrap().contains("login"));
    for attempt in [first, second] {
        assert_eq!(attempt.name, "POST /verifications/sms");
        assert_eq!(attempt.kind(), SpanKind::Client);
        assert_eq!(attempt.parent_span_id, server.span_id);
    }
    assert_eq!(attribute(first, "http.request.resend_count"), None);
    assert!(attribute(first, "http.response.status_code").unwrap().contains("429"));
    assert!(attribute(second, "http.request.resend_count").unwrap().contains('1'));
    assert!(attribute(second, "http.response.status_code").unwrap().contains("200"));

    let spans = collector.trace(OTHER_TRACE);
    // The last one read the verification, which tells nothing of the check.
    let [server, attempt, _] = &spans[..] else { panic!("{spans:#?}") };
    // The fate of the check is not known: a fault on the server's side.
    assert_eq!(server.status.as_ref().unwrap().code(), StatusCode::Error);
    assert_eq!(attempt.status.as_ref().unwrap().code(), StatusCode::Error);
}

#[tokio::test]
async fn no_secret_reaches_a_span_or_a_log_even_at_the_finest_level() {
    let (collector, ended, code) = scenario("trace").await;
    let spans = format!("{:?}", collector.0.lock().unwrap());
    assert!(spans.len() > 1000 && ended.err.len() > 1000);
    for secret in [PHONE, &PHONE[1..], KEY, TOKEN, &format!("\"{code}\""), &format!("={code}")] {
        assert!(!spans.contains(secret), "a span holds {secret}");
        let line = ended.err.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "a log holds {secret}: {line:?}");
    }
}

#[tokio::test]
async fn a_failed_call_is_logged_once_with_its_reason() {
    let (_, ended, _) = scenario("info").await;
    let failures: Vec<&str> = ended.err.lines().filter(|line| line.contains("CHECK_OUTCOME_UNKNOWN")).collect();
    let [line] = failures[..] else { panic!("{failures:?}") };
    let log: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(log["level"], "ERROR");
    assert!(line.contains("login"), "{line}");
}
