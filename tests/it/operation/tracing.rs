//! Spans, logs and metrics that the binary exports.

use std::{env, fs, net::SocketAddr, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::{Request, Status};
use tonic_types::StatusExt;
use verify_gateway::pb::{
    CheckVerificationRequest, CheckVerificationResponse, CreateVerificationRequest, CreateVerificationResponse,
    ListTemplatesRequest, check_verification_request::Target,
};

use crate::support::{
    Clients, Collector, Ended, KEY, Origin, PHONE, Process, TOKEN, TestGateway, addr, hex, tenants_file,
};

const PARENT: &str = "b7ad6b7169203331";
/// The trace IDs of a scenario, one for each call.
const RETRIED: &str = "0af7651916cd43dd8448eb211c80319c";
const RECONCILED: &str = "1af7651916cd43dd8448eb211c80319d";
const LOST_CHECK: &str = "2af7651916cd43dd8448eb211c80319e";
const REFUSED: &str = "3af7651916cd43dd8448eb211c80319f";
const TRACES: [(&str, &str); 4] = [
    ("a send that is throttled once", RETRIED),
    ("a send whose answer is lost", RECONCILED),
    ("a check whose fate is not known", LOST_CHECK),
    ("a request that breaks rules", REFUSED),
];

/// `message` with the token, as part of the trace `trace`.
fn traced<T>(trace: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let metadata = request.metadata_mut();
    metadata.insert("traceparent", format!("00-{trace}-{PARENT}-01").parse().unwrap());
    metadata.insert("baggage", "plan=gold,secret=x".parse().unwrap());
    metadata.insert("x-request-id", format!("call-{}", &trace[..1]).parse().unwrap());
    request
}

/// The binary with a simulator as upstream.
struct Served {
    process: Process,
    clients: Clients,
    set_up: TestGateway,
    admin: SocketAddr,
    profile_id: String,
    _folder: TempDir,
}

impl Served {
    /// Starts it with these `telemetry` settings and these variables.
    async fn with(telemetry: &str, variables: &[(&str, &str)]) -> Self {
        // The gateway in this process provides the simulator and prepares the tenant.
        let set_up = TestGateway::start().await;
        let profile_id = set_up.clients().await.sms_profile().await;
        let folder = tempfile::tempdir().unwrap();
        let mut tenants = tenants_file("login", TOKEN, &format!("{{ inline: {KEY} }}"));
        tenants += "    limits: { sends_per_phone_number: { mode: off } }\n";
        fs::write(folder.path().join("tenants.yaml"), tenants).unwrap();
        let config = folder.path().join("gateway.yaml");
        let simulator = &set_up.simulator;
        let text = format!(
            "grpc: {{ listen: '127.0.0.1:0', plaintext: true }}\n\
             admin: {{ listen: '127.0.0.1:0' }}\n\
             upstream: {{ base_url: 'http://{simulator}/v2' }}\n\
             telemetry: {telemetry}\n"
        );
        fs::write(&config, text).unwrap();
        let mut process = Process::with_variables(&["serve", "--config", config.to_str().unwrap()], variables);
        let listening = process.logged(|line| line.contains("listening").then(|| line.to_owned())).await;
        let grpc = addr(&listening).unwrap();
        let admin = addr(listening.split("\"admin\"").nth(1).unwrap()).unwrap();
        let clients = Clients::of(grpc, Some(TOKEN)).await;
        Self { process, clients, set_up, admin, profile_id, _folder: folder }
    }

    async fn send(&mut self, trace: &str) -> Result<tonic::Response<CreateVerificationResponse>, Status> {
        let send = CreateVerificationRequest {
            phone_number: PHONE.into(),
            channel: verify_gateway::pb::Channel::Sms.into(),
            profile_id: self.profile_id.clone(),
            ..CreateVerificationRequest::default()
        };
        self.clients.verifications.create_verification(traced(trace, send)).await
    }

    async fn check(&mut self, trace: &str, code: &str) -> Result<tonic::Response<CheckVerificationResponse>, Status> {
        let target = Some(Target::PhoneNumber(PHONE.into()));
        let check = CheckVerificationRequest {
            target,
            profile_id: self.profile_id.clone(),
            code: code.into(),
            request_id: String::new(),
        };
        self.clients.verifications.check_verification(traced(trace, check)).await
    }

    async fn metrics(&self) -> String {
        reqwest::get(format!("http://{}/metrics", self.admin)).await.unwrap().text().await.unwrap()
    }

    /// Stops it, and asserts that it exits with 0.
    async fn end(self) -> Ended {
        let ended = self.process.end("TERM").await;
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        self.set_up.stop().await;
        ended
    }
}

/// The outputs of a scenario.
struct Left {
    collector: Collector,
    ended: Ended,
    code: String,
    lost: Status,
}

/// Runs the calls of [`TRACES`] through the binary, with the log level `level`.
async fn scenario(level: &str) -> Left {
    let (collector, otlp) = Collector::grpc().await;
    let telemetry = format!(
        "{{ log: {{ format: json, level: {level} }}, \
         otlp: {{ endpoint: 'http://{otlp}', sample_ratio: 0.0, baggage: plan, metrics: true, logs: true }} }}"
    );
    let mut served =
        Served::with(&telemetry, &[("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")]).await;
    served.set_up.fault(json!({"status": 429, "code": "10011", "headers": {"retry-after-ms": "1"}})).await;
    let sent = served.send(RETRIED).await.unwrap();
    assert_eq!(sent.metadata().get("x-request-id").unwrap(), "call-0");
    served.set_up.fault(json!({"method": "POST", "act": "after", "reset": true})).await;
    served.send(RECONCILED).await.unwrap();
    let code = served.set_up.code(PHONE).await;
    served.set_up.fault(json!({"status": 500, "headers": {"x-request-id": "telnyx-1"}})).await;
    let lost = served.check(LOST_CHECK, &code).await.err().unwrap();
    assert!(served.check(REFUSED, "").await.is_err());
    let ended = served.end().await;
    Left { collector, ended, code, lost }
}

#[tokio::test]
async fn a_call_has_one_server_span_and_one_client_span_for_each_attempt() {
    let Left { collector, .. } = scenario("info").await;
    let mut trees = String::new();
    for (what, trace) in TRACES {
        trees.extend(["# ", what, "\n", &collector.tree(trace), "\n"]);
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden/traces.txt");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(golden.parent().unwrap()).unwrap();
        fs::write(&golden, &trees).unwrap();
    }
    assert_eq!(trees, fs::read_to_string(golden).unwrap(), "UPDATE_GOLDEN=1 writes what it should be");
    let parents = collector.spans().iter().filter(|span| hex(&span.parent_span_id) == PARENT).count();
    assert_eq!(parents, TRACES.len(), "each server span continues its caller's trace");
    let resource = collector.resource();
    for attribute in [
        "service.name = verify-gateway",
        "deployment.environment.name = test",
        "service.version = …",
        "telemetry.sdk.name = opentelemetry",
        "telemetry.sdk.language = rust",
        // Each process has its own.
        "service.instance.id = …",
        "host.name = …",
    ] {
        assert!(resource.iter().any(|one| one == attribute), "{attribute} in {resource:?}");
    }
}

#[tokio::test]
async fn no_secret_is_in_a_span_a_metric_or_a_log_at_trace_level() {
    let Left { collector, ended, code, .. } = scenario("trace").await;
    let (spans, logs) = (format!("{:?}", collector.spans()), collector.logs());
    assert!(spans.len() > 1000 && ended.err.len() > 1000 && logs.len() > 1000);
    for secret in [PHONE, &PHONE[1..], KEY, TOKEN, &format!("\"{code}\""), &format!("={code}")] {
        assert!(!spans.contains(secret), "a span holds {secret}");
        assert!(!logs.contains(secret), "an exported log holds {secret}");
        let line = ended.err.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "a log holds {secret}: {line:?}");
    }
}

#[tokio::test]
async fn a_failed_call_is_logged_once_with_the_id_that_its_caller_has() {
    let Left { ended, collector, lost, .. } = scenario("info").await;
    let request = lost.get_error_details().request_info().unwrap().request_id.clone();
    assert_eq!(request, "call-2");
    assert_eq!(lost.metadata().get("x-request-id").unwrap(), "call-2");
    let failures: Vec<&str> =
        ended.err.lines().filter(|line| line.contains("CHECK_OUTCOME_UNKNOWN") && !line.contains("audit")).collect();
    let [line] = failures[..] else { panic!("{failures:?}") };
    let log: Value = serde_json::from_str(line).unwrap();
    let span = collector.trace(LOST_CHECK).remove(0);
    for (name, value) in [
        ("level", "ERROR"),
        ("call_id", "call-2"),
        ("tenant", "login"),
        ("rpc", "verify.v1.VerificationService/CheckVerification"),
        ("code", "UNKNOWN"),
        ("reason", "CHECK_OUTCOME_UNKNOWN"),
        ("upstream_request_id", "telnyx-1"),
        ("trace_id", LOST_CHECK),
        ("span_id", &hex(&span.span_id)),
    ] {
        assert_eq!(log[name], value, "{name} in {line}");
    }
    assert!(log["duration_ms"].is_number());
}

#[tokio::test]
async fn metrics_and_logs_are_exported_if_enabled() {
    let Left { collector, .. } = scenario("info").await;
    let metrics = collector.metrics();
    for name in ["rpc.server.call.duration", "http.client.request.duration", "verify_gateway.sends"] {
        assert!(metrics.iter().any(|metric| metric == name), "{name} in {metrics:?}");
    }
    assert!(collector.logs().contains("CHECK_OUTCOME_UNKNOWN"));
}

#[tokio::test]
async fn the_standard_variables_select_otlp_over_http() {
    let (collector, otlp) = Collector::http().await;
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*format!("http://{otlp}")),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-collector-key=k1"),
        ("OTEL_SERVICE_NAME", "codes"),
        ("OTEL_TRACES_SAMPLER", "always_on"),
        ("OTEL_SEMCONV_STABILITY_OPT_IN", "rpc/dup"),
    ];
    let mut served = Served::with("{ log: { format: json } }", &variables).await;
    served.send(RETRIED).await.unwrap();
    served.end().await;
    // This sampler ignores the caller's decision and keeps the caller's trace ID.
    let tree = collector.tree(RETRIED);
    for attribute in ["rpc.system = grpc", "rpc.service = verify.v1.VerificationService", "rpc.grpc.status_code = 0"] {
        assert!(tree.contains(attribute), "{attribute} in\n{tree}");
    }
    assert!(tree.contains("CLIENT POST /verifications/sms"), "{tree}");
    assert!(collector.resource().contains(&"service.name = codes".to_owned()));
    assert!(collector.keys().iter().all(|key| key == "k1") && !collector.keys().is_empty());
}

#[tokio::test]
async fn a_collector_that_is_down_silent_or_refusing_does_not_affect_calls() {
    let [silent, refusing] = [Origin::silent().await, Origin::answering(FORBIDDEN).await];
    for (what, addr) in [("down", Origin::refusing().await), ("silent", silent.addr), ("refusing", refusing.addr)] {
        for protocol in ["grpc", "http/protobuf"] {
            let telemetry = format!(
                "{{ log: {{ format: json }}, otlp: {{ endpoint: 'http://{addr}', protocol: {protocol}, \
                 sample_ratio: 1.0, timeout: 100ms, batch_delay: 1ms, max_queue_size: 2, max_batch_size: 1 }} }}"
            );
            let mut served = Served::with(&telemetry, &[]).await;
            for _ in 0..20 {
                served.send(RETRIED).await.unwrap_or_else(|status| panic!("{what}, {protocol}: {status}"));
            }
            // Failed exports are counted eventually.
            let mut scrapes = 0;
            while !served.metrics().await.contains("verify_gateway_telemetry_spans_lost_total{") {
                scrapes += 1;
                assert!(scrapes < 10_000, "{what}, {protocol}: no lost span is counted");
            }
            served.end().await;
        }
    }
}

const FORBIDDEN: &[u8] = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";

#[tokio::test]
async fn dev_prints_traces_on_the_console() {
    let any = "127.0.0.1:0";
    let mut dev = Process::start(&[
        "dev",
        "--traces",
        "console",
        "--listen",
        any,
        "--simulator-listen",
        any,
        "--admin-listen",
        any,
    ]);
    let mut grpc = None;
    while grpc.is_none() {
        grpc = Some(dev.line().await).filter(|line| line.contains("gRPC")).and_then(|line| addr(&line));
    }
    let mut clients = Clients::of(grpc.unwrap(), Some("demo")).await;
    clients.send(PHONE, "").await;
    let mut shown = String::new();
    while !shown.contains("http.response.status_code = 200") {
        shown += &dev.line().await;
        shown.push('\n');
    }
    let server = shown.find("SERVER verify.v1.VerificationService/CreateVerification").unwrap();
    assert!(server < shown.find("CLIENT POST /verifications/sms").unwrap(), "{shown}");
    dev.end("INT").await;
}

#[tokio::test]
async fn console_traces_that_nobody_reads_are_counted_and_do_not_affect_calls() {
    for (is_closed, cause) in [(true, "export_failed"), (false, "queue_full")] {
        let any = "127.0.0.1:0";
        let listen = ["--listen", any, "--simulator-listen", any, "--admin-listen", any, "--log-level", "off"];
        let mut dev = Process::start(&[&["dev", "--traces", "console"][..], &listen].concat());
        let (mut grpc, mut admin, mut line) = (None, None, String::new());
        while !line.contains("Ctrl-C") {
            line = dev.line().await;
            grpc = grpc.or_else(|| addr(&line).filter(|_| line.contains("gRPC")));
            admin = admin.or_else(|| addr(&line).filter(|_| line.contains("admin")));
        }
        if is_closed {
            dev.close_out();
        }
        let mut clients = Clients::of(grpc.unwrap(), Some("demo")).await;
        let url = format!("http://{}/metrics", admin.unwrap());
        let lost = format!("verify_gateway_telemetry_spans_lost_total{{cause=\"{cause}\"");
        let mut calls = 0;
        while !reqwest::get(&url).await.unwrap().text().await.unwrap().contains(&lost) {
            assert!(calls < 10_000, "{cause}: no lost span is counted");
            for _ in 0..50 {
                clients.templates.list_templates(ListTemplatesRequest::default()).await.unwrap();
                calls += 1;
            }
        }
        assert_eq!(dev.end("INT").await.code, Some(0), "{cause}");
    }
}
