//! Logs, traces and metrics of one gateway.
//!
//! Nothing here is global: `cli` installs the subscriber for the process, and a test may have several.

pub mod audit;
mod call;
mod console;
mod log;
pub mod metrics;
mod otlp;
mod queue;
mod refusals;
mod sampling;
pub(crate) mod semconv;

use std::{fs, thread, time::Duration};

use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    logs::SdkLoggerProvider,
    metrics::PeriodicReader,
    resource::TelemetryResourceDetector,
    trace::{Sampler, SdkTracerProvider},
};
use tokio::{sync::oneshot, time::timeout};
use tracing::{Dispatch, Span, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, Registry, filter::Targets, fmt::MakeWriter, layer::SubscriberExt, registry::LookupSpan,
};

pub use self::{
    audit::RefusalKind,
    call::{Call, JwtSource},
    log::{Flush, LogHandle, Writer},
    metrics::Metrics,
    refusals::Refusals,
    sampling::Sampling,
};
use self::{console::Console, queue::Queue, sampling::SampledIds};
use crate::config;
use uuid::Uuid;

/// The target that all spans and log lines of this program begin with.
const TARGET: &str = "verify_gateway";

/// How long the last export may take. With the last lines of the log it takes the ten seconds that the chart leaves.
const LAST_EXPORT: Duration = Duration::from_secs(8);

/// Logs, traces and metrics of one gateway.
pub struct Telemetry {
    /// The level and format of the log.
    pub log: LogHandle,
    /// The sampling of calls.
    pub sampling: Sampling,
    /// The metrics.
    pub metrics: Metrics,
    /// The refusals without an identity.
    pub refusals: Refusals,
    traces: Option<SdkTracerProvider>,
    logs: Option<SdkLoggerProvider>,
}

/// The telemetry can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The OTLP exporter can't be built.
    #[error("can't build the OTLP exporter")]
    Exporter(#[from] ExporterBuildError),
    /// The HTTP client of the OTLP exporter can't be built.
    #[error("can't build the OTLP exporter")]
    HttpClient(#[from] reqwest::Error),
    /// The address or the TLS of the collector can't be used.
    #[error("can't build the OTLP exporter")]
    Transport(#[from] tonic::transport::Error),
    /// The log level can't be parsed.
    #[error("`telemetry.log.level` must be a level, or a list of target=level")]
    Level(#[from] tracing_subscriber::filter::ParseError),
}

impl Telemetry {
    /// Sets up the telemetry of `config`. Must be called in a Tokio runtime.
    ///
    /// # Errors
    /// [`Error::Exporter`], [`Error::HttpClient`] or [`Error::Transport`] if the endpoint can't be used.
    pub fn new(config: &config::TelemetryConfig) -> Result<Self, Error> {
        let otlp = &config.otlp;
        let signals = &otlp.signals;
        let resource = resource(otlp);
        let push = (otlp.exports(&signals.metrics) && otlp.metrics).then(|| otlp::metrics(otlp)).transpose()?;
        let push = push.map(|exporter| PeriodicReader::builder(exporter).with_interval(otlp.metrics_interval).build());
        let metrics = Metrics::new(config.tenant_labels, resource.clone(), push);
        let has_traces = otlp.exports(&signals.traces) || config.console_traces;
        let traces = has_traces.then(|| traces(config, &resource, &metrics)).transpose()?;
        let logs = (otlp.exports(&signals.logs) && otlp.logs).then(|| otlp::logs(otlp)).transpose()?;
        let logs = logs
            .map(|exporter| SdkLoggerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build());
        Ok(Self {
            log: LogHandle::new(&config.log),
            sampling: Sampling::new(config),
            metrics,
            refusals: Refusals::new(config.log.audit),
            traces,
            logs,
        })
    }

    /// The subscriber that writes the log to `writer` and passes spans to the exporter.
    pub fn subscriber<W>(&self, writer: W) -> Result<Dispatch, Error>
    where
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        let exported = self.logs.as_ref().map(|logs| {
            // The exporters log too. Exporting those lines would cause more of them.
            let own = Targets::new().with_target(TARGET, LevelFilter::INFO).with_targets(self.log.audit());
            OpenTelemetryTracingBridge::new(logs).with_filter(own)
        });
        let subscriber =
            Registry::default().with(self.traces.as_ref().map(spans)).with(exported).with(self.log.layer(writer)?);
        Ok(Dispatch::new(subscriber))
    }

    /// Exports what is pending of all signals, for at most eight seconds together.
    pub async fn shutdown(self) {
        let limit = LAST_EXPORT;
        let Self { metrics, refusals, traces, logs, .. } = self;
        refusals.flush();
        let traces = blocking(move || traces.map_or(Ok(()), |traces| traces.shutdown_with_timeout(limit)));
        let logs = blocking(move || logs.map_or(Ok(()), |logs| logs.shutdown_with_timeout(limit)));
        let metrics = blocking(move || metrics.provider().shutdown_with_timeout(limit));
        let all = async { tokio::join!(traces, logs, metrics) };
        let error = match timeout(limit, all).await {
            Ok((traces, logs, metrics)) => traces.and(logs).and(metrics).err().map(|error| error.to_string()),
            Err(late) => Some(late.to_string()),
        };
        if let Some(error) = error {
            tracing::warn!(error, "the last telemetry could not be exported");
        }
    }
}

/// Runs `work`, which blocks, on a thread of its own: the SDK would wait for itself on one of the runtime, and the end of the
/// runtime would wait for a collector that does not answer.
async fn blocking(work: impl FnOnce() -> OTelSdkResult + Send + 'static) -> OTelSdkResult {
    let (done, result) = oneshot::channel();
    thread::spawn(move || done.send(work()));
    result.await.unwrap_or_else(|gone| Err(OTelSdkError::InternalFailure(gone.to_string())))
}

/// A child of the current span. Disabled if the current span is.
pub fn child_span(begin: impl FnOnce() -> Span) -> Span {
    if Span::current().is_disabled() { Span::none() } else { begin() }
}

/// What the telemetry is of. `OTEL_RESOURCE_ATTRIBUTES` overrides what the gateway finds itself.
fn resource(otlp: &config::OtlpConfig) -> Resource {
    let given = otlp.resource.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let host = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        // Replicas that push metrics would share their series without it.
        .with_attribute(KeyValue::new("service.instance.id", Uuid::new_v4().to_string()))
        .with_attributes(host.map(|name| KeyValue::new("host.name", name.trim().to_owned())))
        .with_attributes(given)
        .with_service_name(otlp.service_name.clone())
        .build()
}

fn traces(
    config: &config::TelemetryConfig,
    resource: &Resource,
    metrics: &Metrics,
) -> Result<SdkTracerProvider, Error> {
    let mut provider = SdkTracerProvider::builder()
        // `Sampling` decides before a span begins.
        .with_sampler(Sampler::AlwaysOn)
        .with_id_generator(SampledIds::new(sampling::ratio(config).unwrap_or_default()))
        .with_resource(resource.clone());
    if config.otlp.exports(&config.otlp.signals.traces) {
        let (otlp, exporter) = (&config.otlp, otlp::spans(&config.otlp)?);
        provider =
            provider.with_span_processor(Queue::new(exporter, otlp.max_queue_size, otlp::batches(otlp), metrics));
    }
    if config.console_traces {
        let queue = Queue::new(Console::new(metrics), console::MAX_WAITING, console::batches(), metrics);
        provider = provider.with_span_processor(queue);
    }
    Ok(provider.build())
}

/// Passes the spans of this program to the exporter. Spans of the exporter itself would cause more spans.
fn spans<S>(traces: &SdkTracerProvider) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    tracing_opentelemetry::layer()
        .with_tracer(traces.tracer(TARGET))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(Targets::new().with_target(TARGET, LevelFilter::INFO))
}
