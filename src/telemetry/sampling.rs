//! Which calls are recorded.

use http::{HeaderMap, HeaderName};
use opentelemetry::{
    propagation::{Extractor, TextMapPropagator},
    trace::TraceContextExt,
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tower::util::rng::{HasherRng, Rng};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::config;

/// Decides which calls are recorded, before anything is spent on the others.
///
/// A caller that sends a W3C trace context decides for its call; of the other calls a part is recorded.
pub struct Sampling {
    /// None where no traces are exported.
    ratio: Option<f64>,
    propagator: TraceContextPropagator,
}

impl Sampling {
    /// The decisions that `config` asks for.
    #[must_use]
    pub fn new(config: &config::Otlp) -> Self {
        let ratio = config.endpoint.is_some().then_some(config.sample_ratio);
        Self { ratio, propagator: TraceContextPropagator::new() }
    }

    /// The span that `begin` makes, continuing the trace in `headers`; a disabled one where the call is not recorded.
    pub fn span(&self, headers: &HeaderMap, begin: impl FnOnce() -> Span) -> Span {
        let Some(ratio) = self.ratio else { return Span::none() };
        let caller = self.propagator.extract(&Headers(headers));
        let trace = caller.span().span_context().clone();
        if !trace.is_valid() {
            return if HasherRng::default().next_f64() < ratio { begin() } else { Span::none() };
        }
        if !trace.is_sampled() {
            return Span::none();
        }
        let span = begin();
        // It fails where nothing listens to spans, and then there is nothing to continue.
        let _ = span.set_parent(caller);
        span
    }
}

/// Reads a trace context from the metadata of a call.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use tracing::{Level, span};

    use super::*;

    /// Of 1000 calls with this `traceparent`, how many are recorded.
    fn recorded(ratio: Option<f64>, traceparent: Option<&'static str>) -> usize {
        let sampling = Sampling { ratio, propagator: TraceContextPropagator::new() };
        let header = traceparent.map(|value| ("traceparent".parse().unwrap(), value.parse().unwrap()));
        let headers = HeaderMap::from_iter(header);
        let mut begun = 0;
        for _ in 0..1000 {
            sampling.span(&headers, || {
                begun += 1;
                span!(Level::INFO, "x")
            });
        }
        begun
    }

    #[test]
    fn a_callers_trace_decides_and_else_the_ratio() {
        const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        const NOT_SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
        assert_eq!(recorded(Some(0.0), Some(SAMPLED)), 1000);
        assert_eq!(recorded(Some(1.0), Some(NOT_SAMPLED)), 0);
        assert_eq!(recorded(None, Some(SAMPLED)), 0);
        assert_eq!((recorded(Some(1.0), None), recorded(Some(0.0), Some("rubbish"))), (1000, 0));
        let part = recorded(Some(0.1), None);
        assert!((20..300).contains(&part), "{part}");
    }
}
