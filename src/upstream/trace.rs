//! The client span and the measurement of one attempt, by OpenTelemetry's conventions for HTTP clients.
//!
//! It sits inside the retries, so that each attempt has a span of its own; outside the time of an attempt, so that one
//! which runs out of it is told as such; and outside the headers, so that what goes to Telnyx can name the span. URLs
//! hold phone numbers and ids: the span has the path's template in their place.

use std::{future::Future, pin::Pin, sync::Arc, task};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use opentelemetry::propagation::{Injector, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tokio::time::Instant;
use tower::{Layer, Service};
use tracing::{Instrument, Span, field::Empty, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{
    attempt::{Answer, Failure, Request, Unanswered},
    operation::Operation,
};
use crate::telemetry::{self, Call, Metrics, semconv};

/// Gives each attempt a span and a measurement, and names it to Telnyx where that is switched on.
#[derive(Clone)]
pub(super) struct TraceLayer {
    pub(super) propagate: bool,
    pub(super) metrics: Metrics,
}

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let propagator = self.propagate.then(|| Arc::new(TraceContextPropagator::new()));
        Trace { inner, propagator, metrics: self.metrics.clone() }
    }
}

#[derive(Clone)]
pub(super) struct Trace<S> {
    inner: S,
    propagator: Option<Arc<TraceContextPropagator>>,
    metrics: Metrics,
}

impl<S> Service<Request> for Trace<S>
where
    S: Service<Request, Response = Answer, Error = Unanswered>,
    S::Future: Send + 'static,
{
    type Response = Answer;
    type Error = Unanswered;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Unanswered>> + Send>>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> task::Poll<Result<(), Unanswered>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let span = telemetry::child_span(|| begin(&request));
        if let Some(propagator) = self.propagator.as_ref().filter(|_| !span.is_disabled()) {
            propagator.inject_context(&span.context(), &mut Headers(&mut request.headers));
        }
        let (metrics, operation, start) = (self.metrics.clone(), request.operation, Instant::now());
        let attempt = self.inner.call(request);
        let mut pending = Pending { metrics, operation, span: span.clone(), start, is_told: false };
        let attempt = async move {
            let result = attempt.await;
            pending.end(&result);
            result
        };
        if span.is_disabled() { Box::pin(attempt) } else { Box::pin(attempt.instrument(span)) }
    }
}

/// An attempt that is under way. Its end is told however it comes, even if the caller drops it.
struct Pending {
    metrics: Metrics,
    operation: Operation,
    span: Span,
    start: Instant,
    is_told: bool,
}

impl Pending {
    fn end(&mut self, result: &Result<Answer, Unanswered>) {
        self.is_told = true;
        let Self { metrics, operation, span, start, .. } = self;
        let status = result.as_ref().ok().map(|answer| answer.status);
        let error_type = match result {
            Ok(answer) => {
                metrics.simulator_in_use(answer.headers.contains_key("x-simulator"));
                name(span, answer);
                None
            }
            Err(failure) => Some(error_type(failure)),
        };
        metrics.attempt_ended(
            method(*operation),
            operation.template(),
            status.map(|status| status.as_u16()),
            error_type,
            start.elapsed(),
        );
        if let Some(status) = status {
            span.record(semconv::HTTP_RESPONSE_STATUS_CODE, status.as_u16());
        }
        let is_refused = status.filter(|status| status.is_client_error() || status.is_server_error());
        if let Some(error_type) = error_type.or(is_refused.as_ref().map(StatusCode::as_str)) {
            span.record(semconv::ERROR_TYPE, error_type);
            span.record("otel.status_code", "ERROR");
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.is_told {
            self.end(&Err(Unanswered::GivenUp));
        }
    }
}

fn begin(request: &Request) -> Span {
    let method = request.operation.method();
    let template = request.operation.template();
    let span = info_span!(
        "upstream",
        otel.name = %format_args!("{method} {template}"),
        otel.kind = "client",
        otel.status_code = Empty,
        { semconv::HTTP_REQUEST_METHOD } = %method,
        { semconv::URL_TEMPLATE } = template,
        { semconv::SERVER_ADDRESS } = request.url.host_str(),
        { semconv::SERVER_PORT } = request.url.port_or_known_default(),
        { semconv::HTTP_REQUEST_RESEND_COUNT } = Empty,
        { semconv::HTTP_RESPONSE_STATUS_CODE } = Empty,
        { semconv::ERROR_TYPE } = Empty,
        telnyx.request_id = Empty,
    );
    if request.resend_count > 0 {
        span.record(semconv::HTTP_REQUEST_RESEND_COUNT, request.resend_count);
    }
    span
}

/// Notes Telnyx's name for the request, or that of the network before it: its people find the request by it.
fn name(span: &Span, answer: &Answer) {
    let names = ["x-request-id", "request-id", "cf-ray"];
    let name = names.iter().find_map(|name| answer.headers.get(*name)).and_then(|name| name.to_str().ok());
    let Some(name) = name.filter(|name| name.len() <= 128) else { return };
    span.record("telnyx.request_id", name);
    if (answer.status.is_client_error() || answer.status.is_server_error())
        && let Some(call) = Call::current()
    {
        call.failed_upstream(name);
    }
}

const fn error_type(failure: &Unanswered) -> &'static str {
    match failure {
        Unanswered::Failed(Failure::Unsent(_)) => "connect",
        Unanswered::Failed(Failure::Lost(_)) => "connection_lost",
        Unanswered::Failed(Failure::Timeout) => "timeout",
        Unanswered::Failed(Failure::TooLarge) => "answer_too_large",
        Unanswered::GivenUp => "given_up",
        Unanswered::CircuitOpen(_) | Unanswered::NoPlace | Unanswered::NotAffordable => "not_made",
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

/// Writes a trace context into the headers of a request.
struct Headers<'a>(&'a mut HeaderMap);

impl Injector for Headers<'_> {
    fn set(&mut self, name: &str, value: String) {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            self.0.insert(name, value);
        }
    }
}
