//! The server span of a call, by OpenTelemetry's conventions for RPC, and the one line of log that a call gets.

use std::{collections::HashSet, error::Error as StdError, fmt::Write, sync::Arc};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tokio::time::Instant;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tracing::{Instrument, Level, Span, event, field::Empty, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::is_open;
use crate::pb;

/// What the layer needs to know.
pub(in crate::grpc) struct Trace {
    propagator: TraceContextPropagator,
    /// The rpcs of the contract: a caller must not be able to fill spans and logs with names of its own.
    rpcs: HashSet<String>,
}

impl Trace {
    pub(in crate::grpc) fn new() -> Self {
        let rpcs = pb::rpcs().map(|rpc| format!("{}/{}", rpc.service, rpc.method)).collect();
        Self { propagator: TraceContextPropagator::new(), rpcs }
    }

    fn begin(&self, rpc: &str, headers: &HeaderMap) -> Span {
        let span = info_span!(
            "call",
            otel.name = rpc,
            otel.kind = "server",
            otel.status_code = Empty,
            rpc.system.name = "grpc",
            rpc.method = rpc,
            rpc.response.status_code = Empty,
            error.r#type = Empty,
            tenant = Empty,
        );
        if headers.contains_key("traceparent") {
            // It fails where the span is off or already entered: there is nothing to link then.
            let _ = span.set_parent(self.propagator.extract(&Headers(headers)));
        }
        span
    }
}

/// Runs a call inside its span and logs how it ended. Health and reflection would only be noise.
pub(in crate::grpc) async fn trace(State(trace): State<Arc<Trace>>, request: Request, next: Next) -> Response {
    if is_open(&request) {
        return next.run(request).await;
    }
    let path = request.uri().path().trim_start_matches('/');
    let span = trace.begin(trace.rpcs.get(path).map_or("_OTHER", String::as_str), request.headers());
    let start = Instant::now();
    async move {
        let response = next.run(request).await;
        let duration_ms = start.elapsed().as_secs_f64() * 1e3;
        match refusal(&response) {
            None => {
                Span::current().record("rpc.response.status_code", "OK");
                event!(Level::DEBUG, duration_ms, "done");
            }
            Some(status) => log_failure(&status, duration_ms),
        }
        response
    }
    .instrument(span)
    .await
}

/// The status of a call that failed, with its source where a handler gave one.
fn refusal(response: &Response) -> Option<Status> {
    let status = response.extensions().get::<Status>().cloned();
    status.or_else(|| Status::from_header_map(response.headers())).filter(|status| status.code() != Code::Ok)
}

fn log_failure(status: &Status, duration_ms: f64) {
    let info = status.get_details_error_info();
    let reason = info.as_ref().map_or("", |info| info.reason.as_str());
    let code = code_name(status.code());
    let span = Span::current();
    span.record("rpc.response.status_code", code);
    span.record("error.type", reason);

    // The conventions count these as faults of the server; all others are the caller's.
    let ours = matches!(
        status.code(),
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    );
    if ours {
        span.record("otel.status_code", "ERROR");
    }
    let source = sources(status);
    match (status.code(), reason) {
        // A key that Telnyx refuses fails all of the tenant's calls, and only operators can help.
        (Code::Unknown | Code::Internal | Code::DataLoss, _) | (_, "UPSTREAM_KEY_REFUSED") => {
            event!(Level::ERROR, code, reason, duration_ms, source, "failed");
        }
        (Code::Unavailable | Code::DeadlineExceeded, _) => {
            event!(Level::WARN, code, reason, duration_ms, source, "failed");
        }
        _ => event!(Level::INFO, code, reason, duration_ms, source, "refused"),
    }
}

/// The causes of a failure, each after the one that it caused.
fn sources(status: &Status) -> String {
    let mut text = String::new();
    let mut source = status.source();
    while let Some(error) = source {
        let separator = if text.is_empty() { "" } else { ": " };
        write!(text, "{separator}{error}").expect("a string takes all");
        source = error.source();
    }
    text
}

/// The code as the specification writes it.
const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// Reads a trace context from the metadata of a call.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}
