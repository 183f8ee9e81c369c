//! The client span and the measurement of an attempt, by OpenTelemetry's conventions for HTTP clients.
//!
//! URLs hold phone numbers and ids. The span has the path's template in their place.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, uri::Scheme};
use opentelemetry::propagation::{Injector, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tokio::time::Instant;
use tracing::{Span, field::Empty, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{
    operation::Operation,
    request::{AttemptError, Request, Response, TransportError},
};
use crate::telemetry::{self, Call, Metrics, semconv};

/// The span of an attempt; none where the call is not recorded.
pub(super) fn client_span(request: &Request) -> Span {
    telemetry::child_span(|| {
        let method = request.operation.method();
        let template = request.operation.template();
        let span = info_span!(
            "upstream",
            otel.name = %format_args!("{method} {template}"),
            otel.kind = "client",
            otel.status_code = Empty,
            { semconv::HTTP_REQUEST_METHOD } = %method,
            { semconv::URL_TEMPLATE } = template,
            { semconv::SERVER_ADDRESS } = request.uri.host(),
            { semconv::SERVER_PORT } = port(&request.uri),
            { semconv::HTTP_REQUEST_RESEND_COUNT } = Empty,
            { semconv::HTTP_RESPONSE_STATUS_CODE } = Empty,
            { semconv::ERROR_TYPE } = Empty,
            telnyx.request_id = Empty,
        );
        if request.resend_count > 0 {
            span.record(semconv::HTTP_REQUEST_RESEND_COUNT, request.resend_count);
        }
        span
    })
}

/// The port, or the default one of the scheme.
fn port(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or(if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 })
}

/// Writes the trace context of a span into the headers of a request, where `upstream.propagate_trace` is on.
pub(super) struct Propagator(Option<TraceContextPropagator>);

impl Propagator {
    pub(super) fn new(propagate: bool) -> Self {
        Self(propagate.then(TraceContextPropagator::new))
    }

    pub(super) fn inject(&self, span: &Span, headers: &mut HeaderMap) {
        if let Some(propagator) = self.0.as_ref().filter(|_| !span.is_disabled()) {
            propagator.inject_context(&span.context(), &mut HeaderInjector(headers));
        }
    }
}

struct HeaderInjector<'a>(&'a mut HeaderMap);

impl Injector for HeaderInjector<'_> {
    fn set(&mut self, name: &str, value: String) {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            self.0.insert(name, value);
        }
    }
}

/// The measurement of an attempt. It is recorded once, even if the caller drops the attempt.
pub(super) struct Measurement<'a> {
    metrics: &'a Metrics,
    operation: Operation,
    span: &'a Span,
    start: Instant,
    recorded: bool,
}

impl<'a> Measurement<'a> {
    pub(super) fn begin(metrics: &'a Metrics, operation: Operation, span: &'a Span) -> Self {
        Self { metrics, operation, span, start: Instant::now(), recorded: false }
    }

    pub(super) fn end(&mut self, result: &Result<Response, AttemptError>) {
        self.recorded = true;
        let Self { metrics, operation, span, start, .. } = self;
        let status = result.as_ref().ok().map(|response| response.status);
        let error_type = match result {
            Ok(response) => {
                metrics.simulator_in_use(response.headers.contains_key("x-simulator"));
                record_request_id(span, response);
                None
            }
            Err(error) => Some(error_type(error)),
        };
        let code = status.as_ref().map(StatusCode::as_u16);
        metrics.attempt_ended(method(*operation), operation.template(), code, error_type, start.elapsed());
        if let Some(code) = code {
            span.record(semconv::HTTP_RESPONSE_STATUS_CODE, code);
        }
        let error_status = status.as_ref().filter(|status| status.is_client_error() || status.is_server_error());
        if let Some(error_type) = error_type.or(error_status.map(StatusCode::as_str)) {
            span.record(semconv::ERROR_TYPE, error_type);
            span.record("otel.status_code", "ERROR");
        }
    }
}

impl Drop for Measurement<'_> {
    fn drop(&mut self) {
        if !self.recorded {
            self.end(&Err(AttemptError::Abandoned));
        }
    }
}

/// Records Telnyx's id of the request, or the id of the network before it. Telnyx's support finds the request by it.
fn record_request_id(span: &Span, response: &Response) {
    let names = ["x-request-id", "request-id", "cf-ray"];
    let id = names.iter().find_map(|name| response.headers.get(*name)).and_then(|id| id.to_str().ok());
    let Some(id) = id.filter(|id| id.len() <= 128) else { return };
    span.record("telnyx.request_id", id);
    if (response.status.is_client_error() || response.status.is_server_error())
        && let Some(call) = Call::current()
    {
        *call.upstream_request_id.lock() = Some(id.to_owned());
    }
}

const fn error_type(error: &AttemptError) -> &'static str {
    match error {
        AttemptError::Transport(TransportError::Unsent(_)) => "connect",
        AttemptError::Transport(TransportError::Lost(_)) => "connection_lost",
        AttemptError::Transport(TransportError::Timeout) => "timeout",
        AttemptError::Transport(TransportError::TooLarge) => "response_too_large",
        AttemptError::Unreadable(_) => "unreadable",
        AttemptError::Abandoned => "abandoned",
        AttemptError::Rejected(_) => "rejected_locally",
    }
}

fn method(operation: Operation) -> &'static str {
    match operation.method() {
        Method::GET => "GET",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "POST",
    }
}
