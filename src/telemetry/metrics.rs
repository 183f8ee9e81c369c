//! The metrics of the gateway. `docs/METRICS.md` is generated from the table in `metrics/instruments.rs`.
//!
//! Label values are existing strings, so that a measurement allocates nothing.

mod bound;
mod instruments;
mod labels;
mod record;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Deref,
    sync::{Arc, Weak},
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
    /// What is reloaded, as long as somebody reloads it.
    reloads: Arc<Mutex<Vec<Weak<ReloadStatus>>>>,
    /// How long the certificates of ports remain valid.
    certificates: Arc<Mutex<Vec<(&'static str, SecondsLeft)>>>,
    registry: Registry,
    provider: SdkMeterProvider,
}

type SecondsLeft = Box<dyn Fn() -> f64 + Send + Sync>;

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
            let stream = Stream::builder().with_cardinality_limit(labels::MAX_SERIES);
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
        let reloads = Arc::<Mutex<Vec<Weak<ReloadStatus>>>>::default();
        let last = reloads.clone();
        let _ = instruments.reload_failed.set(Box::new(move |observe| {
            for status in last.lock().iter().filter_map(Weak::upgrade) {
                status.observe(observe);
            }
        }));
        let certificates = Arc::<Mutex<Vec<(&'static str, SecondsLeft)>>>::default();
        let served = certificates.clone();
        let _ = instruments.certificate_left.set(Box::new(move |observe| {
            for (port, left) in served.lock().iter() {
                observe(left(), &[KeyValue::new("port", *port)]);
            }
        }));
        Self(Arc::new(MetricsInner { instruments, reloads, certificates, registry, provider }))
    }

    /// All values, in Prometheus' text format.
    pub fn text(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.0.registry.gather(), &mut text)?;
        Ok(text)
    }

    /// Shows whether the last reload of `what` failed, until the result is dropped. `source` says which one of several.
    pub fn reload_status(&self, what: &'static str, source: &str) -> Arc<ReloadStatus> {
        let status = Arc::new(ReloadStatus { what, source: source.into(), failed: Mutex::default() });
        let mut reloads = self.0.reloads.lock();
        reloads.retain(|status| status.strong_count() > 0);
        reloads.push(Arc::downgrade(&status));
        status
    }

    /// Records a reload.
    pub fn reloaded(&self, status: &ReloadStatus, ok: bool) {
        *status.failed.lock() = Some(!ok);
        self.file_reloaded(status.what, if ok { "ok" } else { "failed" });
    }

    /// What is in use although a newer content exists that could not be loaded.
    pub fn stale(&self) -> BTreeSet<&'static str> {
        let reloads = self.0.reloads.lock();
        let failed = reloads.iter().filter_map(Weak::upgrade).filter(|status| *status.failed.lock() == Some(true));
        failed.map(|status| status.what).collect()
    }

    /// Reads from `left` how many seconds the certificate of `port` remains valid.
    pub fn certificate(&self, port: &'static str, left: impl Fn() -> f64 + Send + Sync + 'static) {
        self.0.certificates.lock().push((port, Box::new(left)));
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

/// Whether the last reload of something failed.
pub struct ReloadStatus {
    what: &'static str,
    source: Arc<str>,
    /// `None` before the first reload.
    failed: Mutex<Option<bool>>,
}

impl ReloadStatus {
    fn observe(&self, observe: &mut dyn FnMut(f64, &[KeyValue])) {
        let labels = [KeyValue::new("what", self.what), KeyValue::new("source", self.source.clone())];
        let labels = if self.source.is_empty() { &labels[..1] } else { &labels };
        if let Some(failed) = *self.failed.lock() {
            observe(f64::from(u8::from(failed)), labels);
        }
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
