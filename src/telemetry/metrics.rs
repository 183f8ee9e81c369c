//! What the gateway counts. `docs/METRICS.md` is made of the table in `metrics/instruments.rs`.
//!
//! A label never holds a phone number, an id, a key or a code, and each has a bounded set of values. Label sets are made
//! of texts that are there already, so that a measurement allocates nothing.

mod conversion;
mod instruments;
mod inventory;
mod record;
mod tenants;

use std::{collections::BTreeSet, sync::Arc};

use opentelemetry::{InstrumentationScope, metrics::MeterProvider};
use opentelemetry_sdk::{
    Resource,
    metrics::{
        Instrument as Selected, InstrumentKind, PeriodicReader, SdkMeterProvider, Stream, exporter::PushMetricExporter,
    },
};
use prometheus::{Encoder, Registry, TextEncoder};

use self::{conversion::Sends, instruments::Instruments, tenants::Tenants};
pub use self::{
    conversion::Verified,
    instruments::{INVENTORY, Instrument, Kind, Observe},
    inventory::page,
};
use crate::sync::Mutex;

/// What the gateway counts. Clones are the same.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    instruments: Instruments,
    tenants: Tenants,
    sends: Sends,
    stale: Mutex<BTreeSet<&'static str>>,
    registry: Registry,
    provider: SdkMeterProvider,
}

/// How a send ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendEnd {
    /// Telnyx took it.
    Sent,
    /// It is not to be.
    Refused,
    /// Nothing went out.
    Failed,
    /// It may have gone out.
    Unknown,
}

impl Metrics {
    /// Instruments that can be read as Prometheus text, and are also handed to `push` where there is one. So many
    /// `tenants` have a label of their own.
    ///
    /// # Panics
    /// Never: the registry is new.
    #[must_use]
    pub fn new<E: PushMetricExporter>(tenants: usize, resource: Resource, push: Option<PeriodicReader<E>>) -> Self {
        let registry = Registry::new();
        let text = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .build()
            .expect("a new registry has room for it");
        // Histograms have no room for so many, and no need: their labels have fewer values.
        let bounded = |instrument: &Selected| {
            let stream = Stream::builder().with_cardinality_limit(instruments::max_series());
            (instrument.kind() == InstrumentKind::Counter).then(|| stream.build().ok()).flatten()
        };
        let mut provider = SdkMeterProvider::builder().with_reader(text).with_resource(resource).with_view(bounded);
        if let Some(push) = push {
            provider = provider.with_reader(push);
        }
        let provider = provider.build();
        let scope = InstrumentationScope::builder("verify_gateway").with_version(env!("CARGO_PKG_VERSION")).build();
        let instruments = Instruments::new(&provider.meter_with_scope(scope));
        // One of these is one too many: it must be seen to change from zero.
        instruments.duplicate_sends.add(0, &[]);
        Self(Arc::new(Inner {
            instruments,
            tenants: Tenants::new(tenants),
            sends: Sends::new(),
            stale: Mutex::default(),
            registry,
            provider,
        }))
    }

    /// All values, in Prometheus' text format.
    ///
    /// # Errors
    /// Where a name is none; a test reads them all.
    pub fn text(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.0.registry.gather(), &mut text)?;
        Ok(text)
    }

    /// Pushes what is left.
    pub(super) fn provider(&self) -> &SdkMeterProvider {
        &self.0.provider
    }
}

impl Default for Metrics {
    /// Instruments that nobody reads from elsewhere.
    fn default() -> Self {
        Self::new(0, Resource::builder_empty().build(), None::<PeriodicReader<opentelemetry_otlp::MetricExporter>>)
    }
}

/// Something that is under way. It ends when this is dropped.
pub struct Active {
    metrics: Metrics,
    counter: fn(&Instruments) -> &opentelemetry::metrics::UpDownCounter<i64>,
}

impl Active {
    fn of(metrics: &Metrics, counter: fn(&Instruments) -> &opentelemetry::metrics::UpDownCounter<i64>) -> Self {
        counter(&metrics.0.instruments).add(1, &[]);
        Self { metrics: metrics.clone(), counter }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        (self.counter)(&self.metrics.0.instruments).add(-1, &[]);
    }
}
