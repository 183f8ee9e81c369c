//! Which calls are recorded.

use std::sync::Arc;

use http::HeaderMap;
use opentelemetry::{
    baggage::BaggageExt,
    propagation::{TextMapCompositePropagator, TextMapPropagator},
    trace::{SpanId, TraceContextExt, TraceId},
};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::{
    propagation::{BaggagePropagator, TraceContextPropagator},
    trace::{IdGenerator, RandomIdGenerator},
};
use tower::util::rng::{HasherRng, Rng};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::config;

/// Decides which calls are recorded. A call that is not recorded costs nothing.
///
/// A caller with a W3C trace context decides for its call. Of the other calls, a share is recorded: whether, depends on the ID
/// of the trace alone.
#[derive(Clone)]
pub struct Sampling(Arc<Rules>);

struct Rules {
    /// The share of calls that are recorded. None if traces are off.
    ratio: Option<f64>,
    otlp: config::OtlpConfig,
    propagator: TextMapCompositePropagator,
}

/// The share of calls that are recorded, of those whose callers do not decide. None if traces are off.
pub(super) fn ratio(config: &config::TelemetryConfig) -> Option<f64> {
    match (config.console_traces, config.otlp.exports(&config.otlp.signals.traces)) {
        // A person who reads the console wants to see every call.
        (true, false) => Some(1.0),
        (_, true) => Some(config.otlp.sample_ratio),
        (false, false) => None,
    }
}

/// Where `trace` stands among all traces, as the sampler `traceidratio` counts: by the last 64 bits of its ID, of which the SDKs
/// compare 63. Services with the same ratio record the same traces.
fn rank(trace: TraceId) -> u64 {
    trace.to_bytes().last_chunk().map_or(0, |low| u64::from_be_bytes(*low) >> 1)
}

/// The ranks below this one are recorded.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "0 to 1")]
fn bound(ratio: f64) -> u64 {
    (ratio * (1_u64 << 63) as f64) as u64
}

/// Makes the IDs of traces that are recorded: other services with the same ratio would record them too.
#[derive(Debug)]
pub(super) struct SampledIds {
    bound: u64,
    random: RandomIdGenerator,
}

impl SampledIds {
    pub(super) fn new(ratio: f64) -> Self {
        Self { bound: bound(ratio).max(1), random: RandomIdGenerator::default() }
    }
}

impl IdGenerator for SampledIds {
    fn new_trace_id(&self) -> TraceId {
        let id = self.random.new_trace_id();
        // A rank of all ranks, scaled to those that are recorded.
        let scaled = (u128::from(rank(id)) * u128::from(self.bound)) >> 63;
        let id = u128::from_be_bytes(id.to_bytes());
        TraceId::from((id >> 64 << 64) | (scaled << 1) | (id & 1))
    }

    fn new_span_id(&self) -> SpanId {
        self.random.new_span_id()
    }
}

impl Sampling {
    /// The sampling of `config`.
    pub fn new(config: &config::TelemetryConfig) -> Self {
        let propagator = TextMapCompositePropagator::new(vec![
            Box::new(TraceContextPropagator::new()),
            Box::new(BaggagePropagator::new()),
        ]);
        Self(Arc::new(Rules { ratio: ratio(config), otlp: config.otlp.clone(), propagator }))
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
        let is_recorded = match (trace.is_valid(), rules.otlp.follow_caller) {
            (true, true) => trace.is_sampled(),
            (true, false) => rank(trace.trace_id()) < bound(ratio),
            (false, _) => is_drawn(),
        };
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

    /// Decisions of `TraceIdRatioBased` of OpenTelemetry's SDK for Python 1.45.2, at random and at the bounds.
    const JUDGED: [(&str, f64, bool); 22] = [
        ("6513270e269e0d37f2a74de452e6b438", 0.0, false),
        ("9531985d5d9dc9f81818e811892f902b", 0.0, false),
        ("6b0d549b6f03675a1600a35a099950d8", 0.01, false),
        ("a170b33839263059f28c105d1fb17c23", 0.01, false),
        ("0fd630f1f29d0da9953f48f1a09f76b5", 0.25, false),
        ("0cb1e29c658cda1495e60af593bd04cf", 0.25, false),
        ("8e81973e0becd7b03898d190f9ebdacc", 0.25, true),
        ("6b4cb2424a23d5962217beaddbc496cb", 0.25, true),
        ("922766581e27a1c08a6a63ec24ede6a4", 0.5, false),
        ("ae97ba94d0eda82f8f6d05584ef8aa38", 0.5, false),
        ("923a736994e3bf911a61dbe22e44158b", 0.5, true),
        ("18f135d25f557203301850c5a38fd547", 0.5, true),
        ("907a70c31012f037b64ce4228c38fb29", 0.999, true),
        ("c6f877186d76b07e881ed162ae2eb154", 0.999, true),
        ("3f98e2774cbd87ad5c90a9587403e430", 1.0, true),
        ("57ee05cde00902c77ebff20686734721", 1.0, true),
        ("4bf92f3577b34da60000000000000001", 0.0, false),
        ("4bf92f3577b34da67fffffffffffffff", 0.5, true),
        ("4bf92f3577b34da68000000000000000", 0.5, false),
        ("ffffffffffffffff0000000000000001", 0.01, true),
        ("4bf92f3577b34da61028f5c28f5c28f5", 0.01, false),
        ("0000000000000001ffffffffffffffff", 0.999, false),
    ];

    #[test]
    fn the_trace_id_decides_as_in_the_sdks() {
        for (id, ratio, expected) in JUDGED {
            // Neither the caller's decision nor chance counts.
            for flags in ["00", "01"] {
                let traceparent = format!("00-{id}-b7ad6b7169203331-{flags}");
                let traceparent: &'static str = traceparent.leak();
                let recorded = recorded(ratio, false, Some(traceparent));
                assert_eq!(recorded, if expected { 1000 } else { 0 }, "{id} at {ratio}");
            }
        }
    }

    #[test]
    fn new_traces_have_ids_that_the_ratio_records() {
        for ratio in [0.01, 0.5, 1.0] {
            let ids = SampledIds::new(ratio);
            let ranks: Vec<u64> = (0..10_000).map(|_| rank(ids.new_trace_id())).collect();
            assert!(ranks.iter().all(|rank| *rank < bound(ratio)), "{ratio}");
            // They are spread over all of them.
            let upper = ranks.iter().filter(|rank| **rank > bound(ratio) / 2).count();
            assert!((4500..5500).contains(&upper), "{ratio}: {upper}");
        }
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
