//! The client span of one attempt, by OpenTelemetry's conventions for HTTP clients.
//!
//! It sits inside the retries, so that each attempt has a span of its own, and outside the headers, so that what goes
//! to Telnyx can name the span. URLs hold phone numbers and ids: the span has the path's template in their place.

use std::{future::Future, pin::Pin, sync::Arc, task};

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Injector, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tower::{Layer, Service};
use tracing::{Instrument, Span, field::Empty, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::attempt::{Answer, Failure, Request};

/// Gives each attempt a span, and names it to Telnyx where that is switched on.
#[derive(Clone, Copy)]
pub(super) struct TraceLayer {
    pub(super) propagate: bool,
}

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Trace { inner, propagator: self.propagate.then(|| Arc::new(TraceContextPropagator::new())) }
    }
}

#[derive(Clone)]
pub(super) struct Trace<S> {
    inner: S,
    propagator: Option<Arc<TraceContextPropagator>>,
}

impl<S> Service<Request> for Trace<S>
where
    S: Service<Request, Response = Answer, Error = Failure>,
    S::Future: Send + 'static,
{
    type Response = Answer;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send>>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> task::Poll<Result<(), Failure>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        if Span::current().is_disabled() {
            // The call is not recorded.
            return Box::pin(self.inner.call(request));
        }
        let span = begin(&request);
        if let Some(propagator) = &self.propagator {
            propagator.inject_context(&span.context(), &mut Headers(&mut request.headers));
        }
        let attempt = self.inner.call(request);
        let recorded = span.clone();
        let attempt = async move {
            let result = attempt.await;
            end(&recorded, &result);
            result
        };
        Box::pin(attempt.instrument(span))
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
        http.request.method = %method,
        url.template = template,
        server.address = request.url.host_str(),
        server.port = request.url.port_or_known_default(),
        http.request.resend_count = Empty,
        http.response.status_code = Empty,
        error.r#type = Empty,
    );
    if request.resend_count > 0 {
        span.record("http.request.resend_count", request.resend_count);
    }
    span
}

fn end(span: &Span, result: &Result<Answer, Failure>) {
    let error_type = match result {
        Ok(answer) => {
            span.record("http.response.status_code", answer.status.as_u16());
            if !answer.status.is_client_error() && !answer.status.is_server_error() {
                return;
            }
            answer.status.as_str()
        }
        Err(Failure::Unsent(_)) => "connect",
        Err(Failure::Lost(_)) => "connection_lost",
        Err(Failure::Timeout) => "timeout",
        Err(Failure::TooLarge) => "answer_too_large",
    };
    span.record("error.type", error_type);
    span.record("otel.status_code", "ERROR");
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
