//! Traces on standard output: each as a tree, once its call has ended.
//!
//! The thread of a [`Queue`](super::queue::Queue) writes them. Standard output may be closed, or nobody may read it: then
//! spans are dropped and counted, and no call waits.

use std::{
    collections::HashMap,
    fmt::Write as _,
    io::{self, Write as _},
    time::Duration,
};

use crate::sync::Mutex;
use opentelemetry::trace::{SpanId, SpanKind, Status, TraceId};
use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    trace::{BatchConfig, BatchConfigBuilder, SpanData, SpanExporter},
};

use super::Metrics;

/// How many unfinished traces are kept. Further ones are not shown.
const MAX_TRACES: usize = 1000;
/// How many spans wait until they are written.
pub(super) const MAX_WAITING: usize = 1000;

#[derive(Debug)]
pub(super) struct Console {
    traces: Mutex<HashMap<TraceId, Vec<SpanData>>>,
    metrics: Metrics,
}

/// Batches for people who wait for a trace.
pub(super) fn batches() -> BatchConfig {
    let delay = Duration::from_millis(20);
    BatchConfigBuilder::default().with_max_queue_size(MAX_WAITING).with_scheduled_delay(delay).build()
}

impl Console {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self { traces: Mutex::default(), metrics: metrics.clone() }
    }

    /// The whole trace as text, if `span` is its last one.
    fn ended(&self, span: SpanData) -> Option<String> {
        let mut traces = self.traces.lock();
        let trace = span.span_context.trace_id();
        if traces.len() >= MAX_TRACES && !traces.contains_key(&trace) {
            self.metrics.spans_lost("too_many_traces", 1);
            return None;
        }
        let is_last = span.span_kind == SpanKind::Server;
        traces.entry(trace).or_default().push(span);
        let mut spans = is_last.then(|| traces.remove(&trace)).flatten()?;
        spans.sort_by_key(|span| span.start_time);
        Some(tree(trace, &spans))
    }
}

impl SpanExporter for Console {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let text: String = batch.into_iter().filter_map(|span| self.ended(span)).collect();
        let mut out = io::stdout();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        written.map_err(|error| OTelSdkError::InternalFailure(error.to_string()))
    }
}

fn tree(trace: TraceId, spans: &[SpanData]) -> String {
    let mut text = format!("trace {trace}\n");
    let known = |id: SpanId| spans.iter().any(|span| span.span_context.span_id() == id);
    for root in spans.iter().filter(|span| !known(span.parent_span_id)) {
        branch(&mut text, root, spans, 1);
    }
    text
}

fn branch(text: &mut String, span: &SpanData, spans: &[SpanData], depth: usize) {
    let took = span.end_time.duration_since(span.start_time).unwrap_or_default();
    let kind = format!("{:?}", span.span_kind).to_uppercase();
    let indent = "  ".repeat(depth);
    write!(text, "{indent}{kind} {} {:.1} ms", span.name, took.as_secs_f64() * 1e3).expect("a string takes all");
    if matches!(span.status, Status::Error { .. }) {
        text.push_str(" ERROR");
    }
    text.push('\n');
    for attribute in &span.attributes {
        writeln!(text, "{indent}    {} = {}", attribute.key, attribute.value).expect("a string takes all");
    }
    let id = span.span_context.span_id();
    for child in spans.iter().filter(|child| child.parent_span_id == id) {
        branch(text, child, spans, depth + 1);
    }
}
