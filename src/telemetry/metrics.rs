//! The metrics of the gateway. `docs/METRICS.md` is generated from the table in `metrics/instruments.rs`.
//!
//! Label values are existing strings, so that a measurement allocates nothing.

mod instruments;
mod labels;
mod record;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Deref,
    sync::Arc,
    time::Duration,
};

use opentelemetry::{InstrumentationScope, KeyValue, metrics::MeterProvider};
use opentelemetry_otlp::MetricExporter;
use opentelemetry_sdk::{
    Resource,
    metrics::{Instrument as Selected, InstrumentKind, PeriodicReader, SdkMeterProvider, Stream},
};
use prometheus::{Encoder, Registry, TextEncoder};

pub use self::{
    instruments::{ActiveGuard, Instruments},
    labels::SendOutcome,
};
use crate::{domain::TenantId, sync::Mutex};

/// The metrics of one gateway. Clones share them. They record by the methods of [`Instruments`].
#[derive(Clone)]
pub struct Metrics(Arc<MetricsInner>);

struct MetricsInner {
    instruments: Instruments,
    /// The files whose last reload failed.
    stale: Mutex<BTreeSet<&'static str>>,
    registry: Registry,
    provider: SdkMeterProvider,
}

impl Metrics {
    /// Metrics that can be read as Prometheus text, and that `push` exports too. The first `tenants` tenants get a label of
    /// their own.
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
        let instruments = Instruments::new(&provider.meter_with_scope(scope), tenants);
        // An alert watches this counter change from zero, so its series must exist.
        instruments.duplicate_sent.add(0, &[]);
        Self(Arc::new(MetricsInner { instruments, stale: Mutex::default(), registry, provider }))
    }

    /// All values, in Prometheus' text format.
    pub fn text(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.0.registry.gather(), &mut text)?;
        Ok(text)
    }

    /// Records a reload of a file.
    pub fn reloaded(&self, what: &'static str, ok: bool) {
        let mut stale = self.0.stale.lock();
        _ = if ok { stale.remove(what) } else { stale.insert(what) };
        drop(stale);
        self.file_reloaded(what, if ok { "ok" } else { "failed" });
        self.reload_failed.record(f64::from(u8::from(!ok)), &[KeyValue::new("what", what)]);
    }

    /// What is in use although a newer file exists that could not be loaded.
    pub fn stale(&self) -> Vec<&'static str> {
        self.0.stale.lock().iter().copied().collect()
    }

    /// Reads the ages of the tenants' keys from `ages`.
    pub fn key_ages(&self, ages: impl Fn(&mut dyn FnMut(&TenantId, Duration)) + Send + Sync + 'static) {
        // A strong reference would be a cycle: the instrument is part of what it refers to.
        let inner = Arc::downgrade(&self.0);
        let _ = self.key_age.set(Box::new(move |observe| {
            let Some(inner) = inner.upgrade() else { return };
            ages(&mut |tenant, age| {
                observe(age.as_secs_f64(), &[KeyValue::new("tenant", inner.instruments.tenants.label(Some(tenant)))]);
            });
        }));
    }

    /// Reads the records and the bytes of each tenant from `usage`.
    pub fn store_usage(&self, usage: impl Fn(&mut dyn FnMut(&TenantId, [usize; 2])) + Clone + Send + Sync + 'static) {
        for (at, instrument) in [&self.store_records, &self.store_size].into_iter().enumerate() {
            let (inner, usage) = (Arc::downgrade(&self.0), usage.clone());
            let _ = instrument.set(Box::new(move |observe| {
                let Some(inner) = inner.upgrade() else { return };
                // Tenants without a label of their own count together.
                let mut sums = BTreeMap::<String, usize>::new();
                usage(&mut |tenant, of_tenant| {
                    let label = inner.instruments.tenants.label(Some(tenant));
                    *sums.entry(label.to_string()).or_default() += of_tenant[at];
                });
                for (tenant, sum) in sums {
                    #[expect(clippy::cast_precision_loss, reason = "no memory is that large")]
                    observe(sum as f64, &[KeyValue::new("tenant", tenant)]);
                }
            }));
        }
    }

    /// The provider, to be shut down.
    pub(super) fn provider(&self) -> &SdkMeterProvider {
        &self.0.provider
    }
}

impl Deref for Metrics {
    type Target = Instruments;

    fn deref(&self) -> &Instruments {
        &self.0.instruments
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

#[cfg(test)]
mod tests;
