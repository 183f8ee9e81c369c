//! The queue of spans before their export. A span that does not fit is dropped and counted.
//!
//! The queue of the SDK drops too, but does not count. This one keeps the SDK's from getting full.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{BatchConfig, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor},
};

use super::Metrics;

/// A bounded queue before an exporter.
#[derive(Debug)]
pub(super) struct Queue {
    inner: BatchSpanProcessor,
    waiting: Arc<AtomicUsize>,
    max: usize,
    metrics: Metrics,
}

/// Exports spans, and counts those that were lost.
#[derive(Debug)]
struct CountedExporter<E> {
    inner: E,
    waiting: Arc<AtomicUsize>,
    metrics: Metrics,
}

impl Queue {
    /// A queue of at most `max` spans, which `exporter` gets in `batches`.
    pub(super) fn new(
        exporter: impl SpanExporter + 'static,
        max: usize,
        batches: BatchConfig,
        metrics: &Metrics,
    ) -> Self {
        let (waiting, metrics) = (Arc::<AtomicUsize>::default(), metrics.clone());
        let counted = CountedExporter { inner: exporter, waiting: waiting.clone(), metrics: metrics.clone() };
        let inner = BatchSpanProcessor::builder(counted).with_batch_config(batches).build();
        Self { inner, waiting, max, metrics }
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < self.max {
            self.inner.on_end(span);
        } else {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.metrics.spans_lost("queue_full", 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl<E: SpanExporter> SpanExporter for CountedExporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        let exported = self.inner.export(batch).await;
        if exported.is_err() {
            self.metrics.spans_lost("export_failed", spans);
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
