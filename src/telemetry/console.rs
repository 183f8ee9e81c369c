//! Traces on standard output: each as a tree, once its call has ended.

use std::{collections::HashMap, fmt::Write, time::Duration};

use crate::sync::Mutex;
use opentelemetry::{
    Context,
    trace::{SpanId, SpanKind, Status, TraceId},
};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanProcessor},
};

/// How many unfinished traces are kept. Further ones are not shown.
const MAX_TRACES: usize = 1000;

#[derive(Debug, Default)]
pub(super) struct Console {
    traces: Mutex<HashMap<TraceId, Vec<SpanData>>>,
}

impl Console {
    /// The whole trace as text, if `span` is its last one.
    fn ended(&self, span: SpanData) -> Option<String> {
        let mut traces = self.traces.lock();
        let trace = span.span_context.trace_id();
        if traces.len() >= MAX_TRACES && !traces.contains_key(&trace) {
            return None;
        }
        let is_last = span.span_kind == SpanKind::Server;
        traces.entry(trace).or_default().push(span);
        let mut spans = is_last.then(|| traces.remove(&trace)).flatten()?;
        spans.sort_by_key(|span| span.start_time);
        Some(tree(trace, &spans))
    }
}

impl SpanProcessor for Console {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    #[expect(clippy::print_stdout, reason = "that is what it is for")]
    fn on_end(&self, span: SpanData) {
        if let Some(tree) = self.ended(span) {
            print!("{tree}");
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
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
