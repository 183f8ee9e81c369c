//! The server span of a call, by OpenTelemetry's conventions for RPC, and the one line of log that a call gets.

use std::{collections::HashSet, error::Error as StdError, fmt::Write, sync::OnceLock};

use http::{Request, Response};
use tokio::time::Instant;
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt;
use tracing::{Span, debug, error, field::Empty, info, info_span, warn};

use crate::{domain::TenantId, pb, telemetry::Sampling};

/// Begins the spans of calls.
pub(super) struct Tracing {
    sampling: Sampling,
    /// The rpcs of the contract: a caller must not be able to fill spans and logs with names of its own.
    rpcs: HashSet<&'static str>,
}

/// A call that runs.
pub(super) struct Call {
    rpc: &'static str,
    span: Span,
    start: Instant,
    tenant: OnceLock<TenantId>,
}

impl Tracing {
    pub(super) fn new(sampling: Sampling) -> Self {
        Self { sampling, rpcs: pb::RPCS.into() }
    }

    /// Begins a call. It has a span where its trace is recorded; one that nobody sees would only cost.
    pub(super) fn begin(&self, request: &Request<Body>) -> Call {
        let rpc = self.rpcs.get(request.uri().path().trim_start_matches('/')).copied().unwrap_or("_OTHER");
        let span = self.sampling.span(request.headers(), || {
            info_span!(
                "call",
                otel.name = rpc,
                otel.kind = "server",
                otel.status_code = Empty,
                rpc.system.name = "grpc",
                rpc.method = rpc,
                rpc.response.status_code = Empty,
                error.r#type = Empty,
                tenant = Empty,
            )
        });
        Call { rpc, span, start: Instant::now(), tenant: OnceLock::new() }
    }
}

impl Call {
    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Notes whose call it is.
    pub(super) fn is_of(&self, tenant: &TenantId) {
        self.span.record("tenant", tenant.as_str());
        let _ = self.tenant.set(tenant.clone());
    }

    /// Ends the call: its span gets its status, the log its line.
    pub(super) fn end(self, response: &Response<Body>) {
        let _in_span = self.span.enter();
        let (rpc, tenant) = (self.rpc, self.tenant.get().map(TenantId::as_str));
        let duration_ms = self.start.elapsed().as_secs_f64() * 1e3;
        let Some(status) = failure(response) else {
            self.span.record("rpc.response.status_code", "OK");
            debug!(rpc, tenant, duration_ms, "done");
            return;
        };
        let (code, source) = (code_name(status.code()), sources(&status));
        let info = status.get_details_error_info();
        let reason = info.as_ref().map_or("", |info| info.reason.as_str());
        self.span.record("rpc.response.status_code", code);
        self.span.record("error.type", reason);
        if is_fault_of_server(status.code()) {
            self.span.record("otel.status_code", "ERROR");
        }
        match (status.code(), reason) {
            // A key that Telnyx refuses fails all of the tenant's calls, and only operators can help.
            (Code::Unknown | Code::Internal | Code::DataLoss, _) | (_, "UPSTREAM_KEY_REFUSED") => {
                error!(rpc, tenant, code, reason, duration_ms, source, "failed");
            }
            (Code::Unavailable | Code::DeadlineExceeded, _) => {
                warn!(rpc, tenant, code, reason, duration_ms, source, "failed");
            }
            _ => info!(rpc, tenant, code, reason, duration_ms, source, "refused"),
        }
    }
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
