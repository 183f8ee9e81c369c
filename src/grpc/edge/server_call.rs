//! The server span of a call by OpenTelemetry's conventions for RPC, its metrics, and its one line in the log.

use std::{error::Error as StdError, iter, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use tokio::time::Instant;
use tonic::{Code, body::Body};
use tracing::{Instrument, Span, debug, error, field::Empty, info, info_span, warn};

use super::{code, peer};
use crate::{
    domain::{Caller, Error},
    grpc::status,
    pb::{self, ErrorReason},
    telemetry::{
        Call, Metrics, RefusalKind, Refusals, Sampling, audit,
        metrics::ActiveGuard,
        semconv::{self, legacy},
    },
};

/// The name of a call: its call ID. The response always has one.
const CALL_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest call ID that is accepted, in characters.
const MAX_CALL_ID: usize = 128;

/// The name of all RPCs that the contract does not have.
const OTHER_RPC: &str = "_OTHER";

/// Starts the spans of calls.
pub(in crate::grpc) struct CallTracing {
    pub(in crate::grpc) sampling: Sampling,
    pub(in crate::grpc) metrics: Metrics,
    pub(in crate::grpc) refusals: Refusals,
    /// How many proxies before the gateway append to `x-forwarded-for`.
    pub(in crate::grpc) trusted_proxies: usize,
}

/// A running call.
pub(super) struct ServerCall {
    call: Arc<Call>,
    span: Span,
    legacy_names: bool,
    refusals: Refusals,
    start: Instant,
    ended: bool,
    _active: ActiveGuard,
}

impl CallTracing {
    /// Starts a call. It has a span only if its trace is recorded.
    pub(super) fn start(&self, request: &Request<Body>) -> ServerCall {
        // Spans and logs have no other names: a caller must not be able to add its own.
        let path = request.uri().path().trim_start_matches('/');
        let rpc = pb::RPCS.into_iter().find(|rpc| *rpc == path).unwrap_or(OTHER_RPC);
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
                call_id = Empty,
                tenant = Empty,
            )
        });
        let peer = peer::address(request, self.trusted_proxies);
        let call = Call::new(rpc, call_id(request.headers()), peer, &span, self.metrics.clone());
        span.record("call_id", call.call_id.as_str());
        let legacy_names = self.sampling.legacy_rpc_names();
        if legacy_names {
            span.record(legacy::RPC_SYSTEM, "grpc");
            span.record(legacy::RPC_SERVICE, rpc.split('/').next());
        }
        let (refusals, active) = (self.refusals.clone(), self.metrics.call_begun());
        ServerCall { call, span, legacy_names, refusals, start: Instant::now(), ended: false, _active: active }
    }
}

/// The caller's call ID, if it is visible ASCII and not too long.
fn call_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(CALL_ID)?.as_bytes();
    let is_valid = (1..=MAX_CALL_ID).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic);
    is_valid.then(|| id.iter().copied().map(char::from).collect())
}

impl ServerCall {
    /// Whether the contract has its RPC.
    pub(super) fn is_known(&self) -> bool {
        self.call.rpc != OTHER_RPC
    }

    /// Runs `work` in this call and its span.
    pub(super) async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        Arc::clone(&self.call).run(work.instrument(self.span.clone())).await
    }

    /// Records who makes the call.
    pub(super) fn set_caller(&self, Caller { tenant, identity }: &Caller) {
        self.span.record("tenant", tenant.id.as_str());
        let _ = self.call.tenant.set(tenant.id.clone());
        let _ = self.call.identity.set(identity.name.clone());
    }

    /// Ends the call with `response`, which gets the call ID. If it has a [`domain::Error`](Error) in its extensions,
    /// the call has failed.
    pub(super) fn end(mut self, response: &mut Response<Body>) {
        self.ended = true;
        if let Ok(id) = HeaderValue::from_str(&self.call.call_id) {
            response.headers_mut().insert(CALL_ID, id);
        }
        let failure = response.extensions().get::<Error>();
        let reason = failure.map(|error| error.reason);
        let (code, reason_name) = (reason.map_or(Code::Ok, status::code), reason.map(ErrorReason::short_name));
        let Self { call, span, .. } = &self;
        let tenant = call.tenant.get();
        call.metrics.call_ended(call.rpc, code::name(code), reason_name, tenant, self.start.elapsed());
        if let (Some(ErrorReason::UpstreamKeyRefused), Some(tenant)) = (reason, tenant) {
            call.metrics.key_refused(tenant);
        }
        span.record(semconv::RPC_RESPONSE_STATUS_CODE, code::name(code));
        if self.legacy_names {
            span.record(legacy::RPC_GRPC_STATUS_CODE, i32::from(code));
        }
        if let Some(reason) = reason_name {
            span.record(semconv::ERROR_TYPE, reason);
        }
        if code::is_server_error(code) {
            span.record("otel.status_code", "ERROR");
        }
        Arc::clone(call).run_now(|| self.log(code, failure));
    }

    /// Writes the one line of the call: its audit event or another one. Failures that need an operator have both.
    fn log(&self, code: Code, failure: Option<&Error>) {
        let _in_span = self.span.enter();
        let cause = failure.map(sources);
        let (name, source) = (code::name(code), cause.as_deref().filter(|cause| !cause.is_empty()));
        let reason = failure.map(|error| error.reason);
        let is_severe = matches!(code, Code::Unknown | Code::Internal | Code::DataLoss)
            // If Telnyx refuses a key, all calls of the tenant fail, and only an operator can help.
            || reason == Some(ErrorReason::UpstreamKeyRefused);
        let (reason, duration_ms) = (reason.map(ErrorReason::short_name), self.duration_ms());
        let outcome = code::audit_outcome(code);
        if let Some(reason) = reason.filter(|_| !is_severe && self.call.tenant.get().is_none()) {
            let cause = source.unwrap_or_default().to_owned();
            let is_denial = outcome == code::DENIED;
            return self.refusals.record(&self.call, RefusalKind { code: name, reason, cause, is_denial });
        }
        let end = audit::CallEnd {
            outcome,
            denied: outcome == code::DENIED,
            code: name,
            reason,
            rule: failure.and_then(|error| error.rule.as_ref()).map(|rule| rule.name),
            cause: source,
            duration_ms,
        };
        let is_audited = audit::ended(&self.call, end);
        let upstream_request_id = self.call.upstream_request_id.lock().clone();
        match (code, reason) {
            (_, None) => debug!(duration_ms, "done"),
            _ if is_severe => error!(code = name, reason, duration_ms, source, upstream_request_id, "failed"),
            (Code::Unavailable | Code::DeadlineExceeded, _) => {
                warn!(code = name, reason, duration_ms, source, upstream_request_id, "failed");
            }
            _ if is_audited && self.refusals.is_audited() => {}
            _ => info!(code = name, reason, duration_ms, source, upstream_request_id, "refused"),
        }
    }

    /// Rounded to microseconds.
    fn duration_ms(&self) -> f64 {
        (self.start.elapsed().as_secs_f64() * 1e6).round() / 1e3
    }
}

impl Drop for ServerCall {
    /// A call is dropped before its end if the caller goes away. Its work may still take effect.
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let (code, tenant) = (code::name(Code::Cancelled), self.call.tenant.get());
        self.call.metrics.call_ended(self.call.rpc, code, None, tenant, self.start.elapsed());
        self.span.record(semconv::RPC_RESPONSE_STATUS_CODE, code);
        let duration_ms = self.duration_ms();
        let is_audited = audit::abandoned(&self.call, duration_ms) && self.refusals.is_audited();
        Arc::clone(&self.call).run_now(|| match tenant {
            // A stranger can cause any number of these.
            None => debug!(code, duration_ms, "abandoned"),
            Some(_) if is_audited => {}
            Some(_) => info!(code, duration_ms, "abandoned"),
        });
    }
}

/// The sources of `error`, each after the one that it caused.
fn sources(error: &Error) -> String {
    let sources = iter::successors(error.source(), |source| StdError::source(*source));
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_visible_ascii_of_limited_length_is_a_call_id() {
        let read = |value: &[u8]| {
            let value = HeaderValue::from_bytes(value).unwrap();
            call_id(&HeaderMap::from_iter([(CALL_ID, value)]))
        };
        assert_eq!(read(b"order-17/a").as_deref(), Some("order-17/a"));
        assert_eq!(read("x".repeat(128).as_bytes()).map(|id| id.len()), Some(128));
        for refused in [&b""[..], b"a b", b"a\tb", b"\xff", "x".repeat(129).as_bytes()] {
            assert_eq!(read(refused), None);
        }
    }
}
