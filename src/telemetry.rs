//! Logs and traces of one gateway.
//!
//! Nothing here is global: `cli` makes the subscriber the process's own, a test may use several.

mod sampling;

use std::{error::Error as StdError, io::IsTerminal, time::Duration};

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracerProvider},
};
use tracing::{Dispatch, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt, Targets},
    fmt,
    fmt::MakeWriter,
    layer::SubscriberExt,
    registry::LookupSpan,
};

pub use self::sampling::Sampling;
use crate::config::{self, LogFormat};

/// The name that spans and logs of this program start with.
const TARGET: &str = "verify_gateway";

/// Logs and traces of one gateway.
#[derive(Debug)]
pub struct Telemetry {
    log: config::Log,
    traces: Option<SdkTracerProvider>,
}

/// Logs or traces can't be set up as configured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The OTLP exporter can't be built.
    #[error("can't build the OTLP exporter")]
    Exporter(#[source] Box<dyn StdError + Send + Sync>),
    /// The log level is not one.
    #[error("`telemetry.log.level` is no filter")]
    Level(#[from] tracing_subscriber::filter::ParseError),
}

impl Telemetry {
    /// Sets up the export of traces, where an endpoint is configured. It must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// [`Error::Exporter`] where the endpoint can't be used.
    pub fn new(config: &config::Telemetry) -> Result<Self, Error> {
        let traces = config.otlp.endpoint.as_deref().map(|endpoint| traces(endpoint, &config.otlp)).transpose()?;
        Ok(Self { log: config.log.clone(), traces })
    }

    /// The subscriber that writes logs to `writer` and hands spans to the exporter.
    ///
    /// # Errors
    /// [`Error::Level`] where the configured level is no filter.
    pub fn subscriber<W>(&self, writer: W) -> Result<Dispatch, Error>
    where
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        let subscriber = Registry::default()
            .with(self.traces.as_ref().map(spans))
            .with(log(self.log.format, writer).with_filter(EnvFilter::try_new(&self.log.level)?.and(libraries())));
        Ok(Dispatch::new(subscriber))
    }

    /// Exports what is left, waiting at most `limit`.
    pub async fn shutdown(self, limit: Duration) {
        if let Some(traces) = self.traces {
            // The SDK blocks: on a worker it would wait for itself.
            let stopped = tokio::task::spawn_blocking(move || traces.shutdown_with_timeout(limit)).await;
            if let Ok(Err(error)) = stopped {
                tracing::warn!(%error, "spans were lost at the end");
            }
        }
    }
}

fn traces(endpoint: &str, otlp: &config::Otlp) -> Result<SdkTracerProvider, Error> {
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(otlp.timeout)
        .build()
        .map_err(|error| Error::Exporter(error.into()))?;
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        // `Sampling` has decided before a span is begun.
        .with_sampler(Sampler::AlwaysOn)
        .with_resource(Resource::builder().with_service_name(otlp.service_name.clone()).build())
        .build())
}

/// Hands this program's spans to the exporter. Spans of libraries stay out, those of the exporter above all: exporting
/// them would make new ones.
fn spans<S>(traces: &SdkTracerProvider) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    tracing_opentelemetry::layer()
        .with_tracer(traces.tracer(TARGET))
        .with_location(false)
        .with_threads(false)
        .with_filter(Targets::new().with_target(TARGET, LevelFilter::INFO))
}

/// Holds libraries to INFO whatever the level asked for: below it, HTTP libraries print headers and paths, and with them
/// tokens and phone numbers.
fn libraries() -> Targets {
    Targets::new().with_default(LevelFilter::INFO).with_target(TARGET, LevelFilter::TRACE)
}

fn log<S, W>(format: LogFormat, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let human = match format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    if human {
        Box::new(fmt::layer().with_writer(writer).with_ansi(std::io::stderr().is_terminal()))
    } else {
        Box::new(fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(writer))
    }
}
