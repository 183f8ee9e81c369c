//! Settings of logs, traces and metrics.

mod otel;

use std::time::Duration;

use tracing_subscriber::EnvFilter;

use super::{kinds::url, section::Section};

pub use self::otel::HONOURED;

/// Settings of logs, traces and metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct Telemetry {
    /// The log.
    pub log: Log,
    /// Whether spans are written to standard output too.
    pub console_traces: bool,
    /// How many tenants have a label of their own in metrics.
    pub tenant_labels: usize,
    /// The export by OTLP.
    pub otlp: Otlp,
}

/// Settings of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// What is logged: a valid directive of `tracing_subscriber::EnvFilter`.
    pub level: String,
    /// How it is written.
    pub format: LogFormat,
    /// Whether audits are written, whatever the level.
    pub audit: bool,
}

/// How a log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people on a terminal, as JSON elsewhere.
    Auto,
    /// For people.
    Human,
    /// As JSON, an object a line.
    Json,
}

/// Settings of the export by OTLP.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Otlp {
    /// Where the collector listens; none switches the export off.
    pub endpoint: Option<String>,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// How long one export may take.
    pub timeout: Duration,
    /// The share of calls that are traced, of those whose caller did not decide.
    pub sample_ratio: f64,
    /// Whether a caller's trace context decides whether its call is traced.
    pub follow_caller: bool,
    /// The entries of a caller's baggage that are put on its span.
    pub baggage: Vec<String>,
    /// How many spans may wait for their export; more are lost.
    pub max_queue_size: usize,
    /// How many spans are exported at once.
    pub max_batch_size: usize,
    /// How long spans wait for others to be exported with.
    pub batch_delay: Duration,
    /// Whether metrics are pushed too.
    pub metrics: bool,
    /// How often.
    pub metrics_interval: Duration,
    /// Whether logs are exported too.
    pub logs: bool,
    /// The name of this service.
    pub service_name: String,
    /// What else is said of this service, from `OTEL_RESOURCE_ATTRIBUTES`.
    pub resource: Vec<(String, String)>,
    /// Whether server spans have the former names of RPC's conventions too, from `OTEL_SEMCONV_STABILITY_OPT_IN`.
    pub legacy_rpc_names: bool,
}

/// How a collector is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// OTLP over gRPC, mostly at port 4317.
    Grpc,
    /// OTLP in protobuf over HTTP, mostly at port 4318.
    Http,
}

impl Protocol {
    fn named(text: &str) -> Option<Self> {
        match text {
            "grpc" => Some(Self::Grpc),
            "http/protobuf" => Some(Self::Http),
            _ => None,
        }
    }
}

impl Telemetry {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let mut telemetry = Self {
            log: section.section("log", "The log.", Log::read),
            console_traces: section.switch(
                "console_traces",
                "false",
                "Whether spans are written to standard output too, for people without a viewer.",
            ),
            tenant_labels: section.count(
                "tenant_labels",
                "100",
                0..=10_000,
                "How many tenants have a label of their own in metrics; all others together are `other`.",
            ),
            otlp: section.section("otlp", "The export by OTLP. OTEL_* variables go before the file.", Otlp::read),
        };
        otel::apply(section, &mut telemetry);
        telemetry
    }
}

impl Log {
    /// Takes `text` if it says what to log.
    #[must_use]
    pub fn level(text: &str) -> Option<String> {
        let valid = !text.trim().is_empty() && EnvFilter::builder().parse(text).is_ok();
        valid.then(|| text.to_owned())
    }

    fn read(section: &mut Section<'_, '_>) -> Self {
        Self {
            level: section.setting(
                "level",
                "info",
                "off, error, warn, info, debug or trace, or a list of target=level",
                "What is logged. A list such as info,verify_gateway=debug sets it by part.",
                Self::level,
            ),
            format: section.setting(
                "format",
                "auto",
                "auto, human or json",
                "How it is written. auto is human on a terminal and json elsewhere.",
                |text| match text {
                    "auto" => Some(LogFormat::Auto),
                    "human" => Some(LogFormat::Human),
                    "json" => Some(LogFormat::Json),
                    _ => None,
                },
            ),
            audit: section.switch(
                "audit",
                "true",
                "Whether audits are written, whatever the level: who did what, with the target audit.",
            ),
        }
    }
}

impl Otlp {
    fn read(section: &mut Section<'_, '_>) -> Self {
        let (millisecond, hour) = (Duration::from_millis(1), Duration::from_hours(1));
        let otlp = Self {
            endpoint: section.setting(
                "endpoint",
                "",
                "an http or https URL without credentials, query and fragment, or empty",
                "Where the collector listens, such as http://localhost:4317. Empty: nothing is exported.",
                |text| if text.is_empty() { Some(None) } else { url(text).map(Some) },
            ),
            protocol: section.setting(
                "protocol",
                "grpc",
                "grpc or http/protobuf",
                "How it is spoken to. With http/protobuf, /v1/traces and the like are put after the endpoint.",
                Protocol::named,
            ),
            timeout: section.duration("timeout", "5s", millisecond..=hour, "How long one export may take."),
            sample_ratio: section.ratio(
                "sample_ratio",
                "0.01",
                "The share of calls that are traced. A caller that sends a traceparent header decides for its own.",
            ),
            follow_caller: section.switch(
                "follow_caller",
                "true",
                "Whether a caller's traceparent header decides whether its call is traced.",
            ),
            baggage: section.setting(
                "baggage",
                "",
                "keys with commas between them, or empty",
                "Which entries of a caller's baggage header are put on its span, as baggage.KEY. Who names a key answers \
                 for what callers write there.",
                |text| Some(text.split(',').map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned).collect()),
            ),
            max_queue_size: section.count(
                "max_queue_size",
                "2048",
                1..=1_000_000,
                "How many spans may wait for their export. More are lost and counted; no call waits for them.",
            ),
            max_batch_size: section.count(
                "max_batch_size",
                "512",
                1..=100_000,
                "How many spans are exported at once.",
            ),
            batch_delay: section.duration(
                "batch_delay",
                "5s",
                millisecond..=hour,
                "How long spans wait for others to be exported with.",
            ),
            metrics: section.switch(
                "metrics",
                "false",
                "Whether metrics are pushed too. The admin port serves the same to Prometheus.",
            ),
            metrics_interval: section.duration(
                "metrics_interval",
                "60s",
                Duration::from_millis(10)..=hour,
                "How often metrics are pushed.",
            ),
            logs: section.switch("logs", "false", "Whether logs are exported too."),
            service_name: section.setting(
                "service_name",
                "verify-gateway",
                "a text that is not empty",
                "The name of this service in traces, metrics and logs.",
                |text| (!text.trim().is_empty()).then(|| text.to_owned()),
            ),
            resource: Vec::new(),
            legacy_rpc_names: false,
        };
        section.rule(
            otlp.max_batch_size <= otlp.max_queue_size,
            &["max_batch_size", "max_queue_size"],
            "max_batch_size must not be more than max_queue_size",
        );
        otlp
    }
}
