//! The metrics of the gateway. `docs/METRICS.md` is generated from the table in `metrics/instruments.rs`.
//!
//! Label values are existing strings, so that a measurement allocates nothing.

mod instruments;
mod inventory;
mod labels;
mod record;

use std::{collections::BTreeSet, fmt, sync::Arc};

use opentelemetry::{
    InstrumentationScope,
    metrics::{MeterProvider, UpDownCounter},
};
use opentelemetry_otlp::MetricExporter;
use opentelemetry_sdk::{
    Resource,
    metrics::{Instrument as Selected, InstrumentKind, PeriodicReader, SdkMeterProvider, Stream},
};
use prometheus::{Encoder, Registry, TextEncoder};

use self::{instruments::Instruments, labels::TenantLabels};
pub use self::{
    instruments::{INVENTORY, Instrument, MetricKind, Observe},
    inventory::page,
};
use crate::sync::Mutex;

/// The metrics of one gateway. Clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<MetricsInner>);

struct MetricsInner {
    instruments: Instruments,
    tenants: TenantLabels,
    /// The files whose last reload failed.
    stale: Mutex<BTreeSet<&'static str>>,
    registry: Registry,
    provider: SdkMeterProvider,
}

/// How a send ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// Telnyx accepted it.
    Sent,
    /// It was refused, by the gateway or by Telnyx.
    Refused,
    /// Nothing was sent.
    Failed,
    /// It may have been sent.
    Unknown,
}

impl Metrics {
    /// Metrics that can be read as Prometheus text, and that `push` exports too. The first `tenants` tenants get a label of
    /// their own.
    ///
    /// # Panics
    /// Never: the registry is new.
    #[must_use]
    pub fn new(tenants: usize, resource: Resource, push: Option<PeriodicReader<MetricExporter>>) -> Self {
        let registry = Registry::new();
        let text = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .build()
            .expect("a new registry has room for it");
        // Histograms keep the default: their labels have fewer values.
        let bounded = |instrument: &Selected| {
            let stream = Stream::builder().with_cardinality_limit(instruments::MAX_SERIES);
            (instrument.kind() == InstrumentKind::Counter).then(|| stream.build().ok()).flatten()
        };
        let mut provider = SdkMeterProvider::builder().with_reader(text).with_resource(resource).with_view(bounded);
        if let Some(push) = push {
            provider = provider.with_reader(push);
        }
        let provider = provider.build();
        let scope = InstrumentationScope::builder("verify_gateway").with_version(env!("CARGO_PKG_VERSION")).build();
        let instruments = Instruments::new(&provider.meter_with_scope(scope));
        // An alert watches this counter change from zero, so its series must exist.
        instruments.duplicate_sent.add(0, &[]);
        Self(Arc::new(MetricsInner {
            instruments,
            tenants: TenantLabels::new(tenants),
            stale: Mutex::default(),
            registry,
            provider,
        }))
    }

    /// All values, in Prometheus' text format.
    ///
    /// # Errors
    /// If a metric has an invalid name.
    pub fn text(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.0.registry.gather(), &mut text)?;
        Ok(text)
    }

    /// The provider, to be shut down.
    pub(super) fn provider(&self) -> &SdkMeterProvider {
        &self.0.provider
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    /// Metrics without tenant labels and without an exporter.
    fn default() -> Self {
        Self::new(0, Resource::builder_empty().build(), None)
    }
}

/// Counts something as active until this is dropped.
pub struct ActiveGuard(UpDownCounter<i64>);

impl ActiveGuard {
    fn new(counter: &UpDownCounter<i64>) -> Self {
        counter.add(1, &[]);
        Self(counter.clone())
    }
}

impl Drop for ActiveGuard {
    fn drop(&mut self) {
        self.0.add(-1, &[]);
    }
}
