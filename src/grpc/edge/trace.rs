//! The server span of a call, by OpenTelemetry's conventions for RPC, its metrics, and the one line of log that it gets.

use std::{collections::HashSet, error::Error as StdError, fmt::Write, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use tokio::time::Instant;
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt;
use tracing::{Instrument, Span, debug, error, field::Empty, info, info_span, warn};

use crate::{
    domain::Caller,
    pb::{self, ErrorReason},
    telemetry::{
        self, Metrics, Sampling, audit,
        metrics::ActiveGuard,
        semconv::{self, legacy},
    },
};

/// The caller's name for a call, and ours in the answer.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The most characters of a name that is taken over.
const MAX_REQUEST_ID: usize = 128;

/// Begins the spans of calls.
pub(super) struct Tracing {
    sampling: Sampling,
    metrics: Metrics,
    /// The rpcs of the contract: a caller must not be able to fill spans and logs with names of its own.
    rpcs: HashSet<&'static str>,
}

/// A call that runs.
pub(super) struct ServerCall {
    call: Arc<telemetry::Call>,
    span: Span,
    legacy_names: bool,
    start: Instant,
    ended: bool,
    _active: ActiveGuard,
}

impl Tracing {
    pub(super) fn new(sampling: Sampling, metrics: Metrics) -> Self {
        Self { sampling, metrics, rpcs: pb::RPCS.into() }
    }

    /// Begins a call. It has a span where its trace is recorded; one that nobody sees would only cost.
    pub(super) fn begin(&self, request: &Request<Body>) -> ServerCall {
        let rpc = self.rpcs.get(request.uri().path().trim_start_matches('/')).copied().unwrap_or("_OTHER");
        let span = self.sampling.span(request.headers(), || {
            info_span!(
                "call",
                otel.name = rpc,
                otel.kind = "server",
                otel.status_code = Empty,
                { semconv::RPC_SYSTEM_NAME } = "grpc",
                { semconv::RPC_METHOD } = rpc,
                { semconv::RPC_RESPONSE_STATUS_CODE } = Empty,
                { semconv::ERROR_TYPE } = Empty,
                { legacy::RPC_SYSTEM } = Empty,
                { legacy::RPC_SERVICE } = Empty,
                { legacy::RPC_GRPC_STATUS_CODE } = Empty,
                request_id = Empty,
                tenant = Empty,
            )
        });
        let call = telemetry::Call::new(rpc, request_id(request.headers()), &span, self.metrics.clone());
        span.record("request_id", call.request_id.as_str());
        let legacy_names = self.sampling.legacy_rpc_names();
        if legacy_names {
            span.record(legacy::RPC_SYSTEM, "grpc");
            span.record(legacy::RPC_SERVICE, rpc.split('/').next());
        }
        ServerCall { call, span, legacy_names, start: Instant::now(), ended: false, _active: self.metrics.call_begun() }
    }
}

/// The caller's name for its call: one that can be shown, and is not too long.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.as_bytes();
    let is_name = (1..=MAX_REQUEST_ID).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic);
    is_name.then(|| id.iter().copied().map(char::from).collect())
}

impl ServerCall {
    /// Does `work` as part of this call: inside its span, and under its name.
    pub(super) async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        Arc::clone(&self.call).run(work.instrument(self.span.clone())).await
    }

    /// Notes whose call it is.
    pub(super) fn is_of(&self, Caller { tenant, identity }: &Caller) {
        self.span.record("tenant", tenant.id.as_str());
        let _ = self.call.tenant.set(tenant.id.clone());
        let _ = self.call.identity.set(identity.name.clone());
    }

    /// Ends the call: its span gets its status, the log its line, and the answer its name.
    pub(super) fn end(mut self, response: &mut Response<Body>) {
        self.ended = true;
        let Self { call, span, start, .. } = &self;
        if let Ok(id) = HeaderValue::from_str(&call.request_id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        let (rpc, tenant, took) = (call.rpc, call.tenant.get(), start.elapsed());
        let status = failure(response);
        let code = status.as_ref().map_or(Code::Ok, Status::code);
        let info = status.as_ref().and_then(StatusExt::get_details_error_info);
        let rule = info.as_ref().and_then(|info| info.metadata.get("rule").cloned());
        let reason = info.and_then(|info| ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason)));
        let reason = reason.map(|reason| reason.as_str_name().trim_start_matches("ERROR_REASON_"));

        call.metrics.call_ended(rpc, code_name(code), reason, tenant, took);
        if let (Some("UPSTREAM_KEY_REFUSED"), Some(tenant)) = (reason, tenant) {
            call.metrics.key_refused(tenant);
        }
        span.record(semconv::RPC_RESPONSE_STATUS_CODE, code_name(code));
        if self.legacy_names {
            span.record(legacy::RPC_GRPC_STATUS_CODE, i32::from(code));
        }
        if let Some(reason) = reason {
            span.record(semconv::ERROR_TYPE, reason);
        }
        if is_fault_of_server(code) {
            span.record("otel.status_code", "ERROR");
        }
        let cause = status.as_ref().filter(|_| code == Code::Unauthenticated).map(sources);
        let (rule, cause) = (rule.as_deref(), cause.as_deref());
        Arc::clone(call).run_now(|| {
            self.log(code, reason, status.as_ref());
            audit::ended(call, audit::CallEnd { reason, rule, cause, ..how_it_ended(code) });
        });
    }

    fn log(&self, code: Code, reason: Option<&'static str>, status: Option<&Status>) {
        let _in_span = self.span.enter();
        // In microseconds at the finest: what is beyond is noise.
        let duration_ms = (self.start.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        let Some(status) = status else {
            debug!(duration_ms, "done");
            return;
        };
        let (name, source, upstream_request_id) = (code_name(code), sources(status), self.call.upstream_request_id());
        match (code, reason) {
            // A key that Telnyx refuses fails all of the tenant's calls, and only operators can help.
            (Code::Unknown | Code::Internal | Code::DataLoss, _) | (_, Some("UPSTREAM_KEY_REFUSED")) => {
                error!(code = name, reason, duration_ms, source, upstream_request_id, "failed");
            }
            (Code::Unavailable | Code::DeadlineExceeded, _) => {
                warn!(code = name, reason, duration_ms, source, upstream_request_id, "failed");
            }
            _ => info!(code = name, reason, duration_ms, source, upstream_request_id, "refused"),
        }
    }
}

impl Drop for ServerCall {
    /// A caller that goes away drops its call. What it has begun may still happen.
    fn drop(&mut self) {
        if !self.ended {
            let end = audit::CallEnd { outcome: "abandoned", ..audit::CallEnd::default() };
            Arc::clone(&self.call).run_now(|| audit::ended(&self.call, end));
        }
    }
}

/// What an end with `code` is to an audit.
const fn how_it_ended(code: Code) -> audit::CallEnd<'static> {
    let (outcome, denied) = match code {
        Code::Ok => ("ok", false),
        Code::Unauthenticated | Code::PermissionDenied => ("denied", true),
        Code::Unknown => ("unknown", false),
        _ => ("failed", false),
    };
    audit::CallEnd { outcome, denied, reason: None, rule: None, cause: None }
}

/// Whether the conventions count `code` as the server's fault; all others are the caller's.
const fn is_fault_of_server(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// The status of a call that failed, with its source where a handler gave one.
fn failure(response: &Response<Body>) -> Option<Status> {
    let status = response.extensions().get::<Status>().cloned();
    status.or_else(|| Status::from_header_map(response.headers())).filter(|status| status.code() != Code::Ok)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_name_is_taken_over_only_if_it_can_be_shown() {
        let read = |value: &[u8]| {
            let value = HeaderValue::from_bytes(value).unwrap();
            request_id(&HeaderMap::from_iter([(REQUEST_ID, value)]))
        };
        assert_eq!(read(b"order-17/a").as_deref(), Some("order-17/a"));
        assert_eq!(read("x".repeat(128).as_bytes()).map(|id| id.len()), Some(128));
        for refused in [&b""[..], b"a b", b"a\tb", b"\xff", "x".repeat(129).as_bytes()] {
            assert_eq!(read(refused), None);
        }
    }
}
