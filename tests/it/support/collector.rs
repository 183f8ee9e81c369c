//! An OTLP collector that keeps what it receives.

use std::{
    fmt::Write,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{
            ExportLogsServiceRequest, ExportLogsServiceResponse,
            logs_service_server::{LogsService, LogsServiceServer},
        },
        metrics::v1::{
            ExportMetricsServiceRequest, ExportMetricsServiceResponse,
            metrics_service_server::{MetricsService, MetricsServiceServer},
        },
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse,
            trace_service_server::{TraceService, TraceServiceServer},
        },
    },
    common::v1::{KeyValue, any_value::Value},
    logs::v1::LogRecord,
    metrics::v1::Metric,
    trace::v1::{Span, span::SpanKind, status::StatusCode as SpanStatus},
};
use prost::Message;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// An OTLP collector that keeps what it receives.
#[derive(Clone, Default)]
pub struct Collector(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    spans: Vec<Span>,
    resource: Vec<KeyValue>,
    metrics: Vec<Metric>,
    logs: Vec<LogRecord>,
    headers: Vec<String>,
}

impl Collector {
    /// Accepts OTLP over gRPC.
    pub async fn grpc() -> (Self, SocketAddr) {
        let (collector, listener, addr) = Self::bind().await;
        let server = tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(collector.clone()))
            .add_service(MetricsServiceServer::new(collector.clone()))
            .add_service(LogsServiceServer::new(collector.clone()));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        (collector, addr)
    }

    /// Accepts OTLP traces in protobuf over HTTP.
    pub async fn http() -> (Self, SocketAddr) {
        let (collector, listener, addr) = Self::bind().await;
        let traces = |State(collector): State<Self>, headers: axum::http::HeaderMap, body: Bytes| async move {
            let key = headers.get("x-collector-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
            collector.0.lock().unwrap().headers.push(key.to_owned());
            collector.keep(ExportTraceServiceRequest::decode(body).unwrap());
            StatusCode::OK
        };
        let router = Router::new().route("/v1/traces", post(traces)).with_state(collector.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (collector, addr)
    }

    async fn bind() -> (Self, TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        (Self::default(), listener, addr)
    }

    fn keep(&self, request: ExportTraceServiceRequest) {
        let mut kept = self.0.lock().unwrap();
        for of_resource in request.resource_spans {
            kept.resource = of_resource.resource.unwrap_or_default().attributes;
            kept.spans.extend(of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }

    /// The spans of one trace, ordered by their start.
    pub fn trace(&self, id: &str) -> Vec<Span> {
        let mut spans = self.0.lock().unwrap().spans.clone();
        spans.retain(|span| hex(&span.trace_id) == id);
        spans.sort_by_key(|span| span.start_time_unix_nano);
        spans
    }

    /// One trace as a readable tree.
    pub fn tree(&self, id: &str) -> String {
        let (spans, mut text) = (self.trace(id), String::new());
        let known = |id: &[u8]| spans.iter().any(|span| span.span_id == id);
        for root in spans.iter().filter(|span| !known(&span.parent_span_id)) {
            branch(&mut text, root, &spans, 0);
        }
        text
    }

    /// All spans.
    pub fn spans(&self) -> Vec<Span> {
        self.0.lock().unwrap().spans.clone()
    }

    /// The attributes of the resource.
    pub fn resource(&self) -> Vec<String> {
        self.0.lock().unwrap().resource.iter().map(written).collect()
    }

    /// The names of the metrics.
    pub fn metrics(&self) -> Vec<String> {
        self.0.lock().unwrap().metrics.iter().map(|metric| metric.name.clone()).collect()
    }

    /// The metrics as text.
    pub fn all_metrics(&self) -> String {
        format!("{:?}", self.0.lock().unwrap().metrics)
    }

    /// The logs as text.
    pub fn logs(&self) -> String {
        format!("{:?}", self.0.lock().unwrap().logs)
    }

    /// The header `x-collector-key` of every request.
    pub fn keys(&self) -> Vec<String> {
        self.0.lock().unwrap().headers.clone()
    }
}

fn branch(text: &mut String, span: &Span, spans: &[Span], depth: usize) {
    let indent = "  ".repeat(depth);
    let kind = match span.kind() {
        SpanKind::Server => "SERVER",
        SpanKind::Client => "CLIENT",
        _ => "INTERNAL",
    };
    let status = match span.status.as_ref().map(opentelemetry_proto::tonic::trace::v1::Status::code) {
        Some(SpanStatus::Error) => " ERROR",
        Some(SpanStatus::Ok) => " OK",
        _ => "",
    };
    writeln!(text, "{indent}{kind} {}{status}", span.name).unwrap();
    let mut attributes: Vec<String> = span.attributes.iter().map(written).collect();
    attributes.sort();
    for attribute in attributes {
        writeln!(text, "{indent}  . {attribute}").unwrap();
    }
    for link in &span.links {
        writeln!(text, "{indent}  link {}", hex(&link.trace_id)).unwrap();
    }
    for child in spans.iter().filter(|child| child.parent_span_id == span.span_id) {
        branch(text, child, spans, depth + 1);
    }
}

/// An attribute. A value that differs between runs is replaced by a placeholder.
fn written(attribute: &KeyValue) -> String {
    let value = match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(is)) => is.to_string(),
        other => format!("{other:?}"),
    };
    match attribute.key.as_str() {
        key @ ("server.port" | "telnyx.request_id" | "service.version" | "service.instance.id" | "host.name") => {
            format!("{key} = …")
        }
        key => format!("{key} = {value}"),
    }
}

/// `bytes` as text.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.keep(request.into_inner());
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let scopes = request.into_inner().resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
        self.0.lock().unwrap().metrics.extend(scopes.flat_map(|scope| scope.metrics));
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Collector {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let scopes = request.into_inner().resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
        self.0.lock().unwrap().logs.extend(scopes.flat_map(|scope| scope.log_records));
        Ok(Response::new(Default::default()))
    }
}
