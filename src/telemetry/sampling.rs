//! Which calls are recorded.

use std::sync::Arc;

use http::HeaderMap;
use opentelemetry::{
    baggage::BaggageExt,
    propagation::{TextMapCompositePropagator, TextMapPropagator},
    trace::TraceContextExt,
};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use tower::util::rng::{HasherRng, Rng};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::config;

/// Decides which calls are recorded. A call that is not recorded costs nothing.
///
/// A caller with a W3C trace context decides for its call. Of the other calls, a share is recorded.
#[derive(Clone)]
pub struct Sampling(Arc<Rules>);

struct Rules {
    /// The share of calls that are recorded. None if traces are off.
    ratio: Option<f64>,
    otlp: config::OtlpConfig,
    propagator: TextMapCompositePropagator,
}

impl Sampling {
    /// The sampling of `config`.
    pub fn new(config: &config::TelemetryConfig) -> Self {
        let otlp = &config.otlp;
        let ratio = match (config.console_traces, otlp.endpoint.is_some()) {
            // A person who reads the console wants to see every call.
            (true, false) => Some(1.0),
            (_, true) => Some(otlp.sample_ratio),
            (false, false) => None,
        };
        let propagator = TextMapCompositePropagator::new(vec![
            Box::new(TraceContextPropagator::new()),
            Box::new(BaggagePropagator::new()),
        ]);
        Self(Arc::new(Rules { ratio, otlp: otlp.clone(), propagator }))
    }

    /// Whether server spans also have the legacy names of the RPC conventions.
    pub fn legacy_rpc_names(&self) -> bool {
        self.0.otlp.legacy_rpc_names
    }

    /// The span of `begin` as part of the trace in `headers`. Disabled if the call is not recorded.
    pub fn span(&self, headers: &HeaderMap, begin: impl FnOnce() -> Span) -> Span {
        let Self(rules) = self;
        let Some(ratio) = rules.ratio else { return Span::none() };
        let is_drawn = || ratio > 0.0 && HasherRng::default().next_f64() < ratio;
        // The fast path of most calls: without a trace, the headers need not be parsed.
        if !headers.contains_key("traceparent") && rules.otlp.baggage.is_empty() {
            return if is_drawn() { begin() } else { Span::none() };
        }
        let caller = rules.propagator.extract(&HeaderExtractor(headers));
        let trace = caller.span().span_context().clone();
        let is_recorded = if trace.is_valid() && rules.otlp.follow_caller { trace.is_sampled() } else { is_drawn() };
        if !is_recorded {
            return Span::none();
        }
        let span = begin();
        for key in &rules.otlp.baggage {
            if let Some(value) = caller.baggage().get(key) {
                span.set_attribute(format!("baggage.{key}"), value.as_str().to_owned());
            }
        }
        // It fails if no subscriber listens to spans.
        let _ = span.set_parent(caller);
        span
    }
}

#[cfg(test)]
mod tests {
    use tracing::{Level, span};

    use super::*;

    /// Of 1000 calls with this `traceparent`, how many are recorded.
    fn recorded(ratio: f64, follow_caller: bool, traceparent: Option<&'static str>) -> usize {
        let mut config = config::Config::default().telemetry;
        config.otlp.endpoint = Some("http://127.0.0.1:1".into());
        (config.otlp.sample_ratio, config.otlp.follow_caller) = (ratio, follow_caller);
        let sampling = Sampling::new(&config);
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

    const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const NOT_SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

    #[test]
    fn the_trace_of_the_caller_decides_or_else_the_ratio() {
        assert_eq!(recorded(0.0, true, Some(SAMPLED)), 1000);
        assert_eq!(recorded(1.0, true, Some(NOT_SAMPLED)), 0);
        assert_eq!((recorded(1.0, true, None), recorded(0.0, true, Some("rubbish"))), (1000, 0));
        let part = recorded(0.1, true, None);
        assert!((20..300).contains(&part), "{part}");
    }

    #[test]
    fn the_trace_of_the_caller_is_ignored_if_it_is_not_followed() {
        assert_eq!((recorded(0.0, false, Some(SAMPLED)), recorded(1.0, false, Some(NOT_SAMPLED))), (0, 1000));
    }

    #[test]
    fn nothing_is_recorded_without_an_exporter() {
        let sampling = Sampling::new(&config::Config::default().telemetry);
        let headers = HeaderMap::from_iter([("traceparent".parse().unwrap(), SAMPLED.parse().unwrap())]);
        sampling.span(&headers, || panic!("a span was begun"));
    }
}
