//! Settings of logs, traces and metrics.

pub(super) mod otel;

use std::time::Duration;

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;

use super::{
    error::Error,
    kinds::{HOUR, choice, count, duration, http_url, items, not_empty, optional, ratio, switch, text},
    setting::settings,
};
use crate::http_client::Proxies;

settings! {
    /// Settings of logs, traces and metrics.
    pub struct TelemetryConfig {
        /// The variables of OpenTelemetry that were ignored, because their values are not known.
        ignored: Vec<Error> => Vec::new();
        /// Whether to write spans to standard output too, for people without a trace viewer.
        console_traces: bool = "false", switch();
        /// How many tenants have their own label in metrics. All others share the label `other`.
        tenant_labels: usize = "100", count(0..=10_000);
        /// The log.
        log: LogConfig;
        /// The OTLP export. `OTEL_*` variables override the file.
        otlp: OtlpConfig;
    }
}

settings! {
    /// Settings of the log.
    pub struct LogConfig {
        /// The log level. A list such as `info,verify_gateway=debug` sets it for each module.
        level: String = "info",
            text(LogConfig::LEVELS, LogConfig::level);
        /// The log format. `auto` is `human` on a terminal and `json` elsewhere.
        format: LogFormat = "auto", choice();
        /// Whether to write audit events, at every log level. Their target is `audit`.
        audit: bool = "true", switch();
    }
}

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people on a terminal, as JSON elsewhere.
    Auto,
    /// For people.
    Human,
    /// As JSON, one object in a line.
    Json,
}

settings! {
    /// Settings of the OTLP export.
    pub struct OtlpConfig {
        /// The URL of the collector, such as `http://localhost:4317`. Empty: nothing is exported.
        endpoint: Option<String> = "", optional(http_url());
        /// The protocol of the export. With `http/protobuf`, paths such as `/v1/traces` follow the endpoint.
        protocol: Protocol = "grpc", choice();
        /// How long one export may take.
        timeout: Duration = "5s", duration(Duration::from_millis(1)..=HOUR);
        /// The share of calls that are traced, of those without a `traceparent` header.
        sample_ratio: f64 = "0.01", ratio();
        /// Whether the `traceparent` header of a call decides whether it is traced.
        follow_caller: bool = "true", switch();
        /// The keys of the `baggage` header that the span of a call takes over, as `baggage.KEY`. Only name keys whose
        /// values may be recorded: callers choose the values.
        baggage: Vec<String> = "",
            text("keys with commas between them, or empty", |text| Some(baggage_keys(text)));
        /// How many spans may wait for their export. Further spans are dropped and counted. No call waits for them.
        max_queue_size: usize = "2048", count(1..=1_000_000);
        /// How many spans one export holds at most.
        max_batch_size: usize = "512", count(1..=100_000);
        /// How long a span waits for others before an export.
        batch_delay: Duration = "5s", duration(Duration::from_millis(1)..=HOUR);
        /// Whether to push metrics too. The admin port offers the same metrics to Prometheus.
        metrics: bool = "false", switch();
        /// How often metrics are pushed.
        metrics_interval: Duration = "60s", duration(Duration::from_millis(10)..=HOUR);
        /// Whether to export logs too.
        logs: bool = "false", switch();
        /// The name of this service in traces, metrics and logs.
        service_name: String = "verify-gateway", not_empty();
        /// What the variables of single signals set.
        signals: Signals => Signals::default();
        /// Which exports leave through which proxy.
        proxies: Proxies => Proxies::default();
        /// Further attributes of the OpenTelemetry resource, from `OTEL_RESOURCE_ATTRIBUTES`.
        resource: Vec<(String, String)> => Vec::new();
        /// Whether server spans also have the legacy attribute names for RPC, from `OTEL_SEMCONV_STABILITY_OPT_IN`.
        legacy_rpc_names: bool => false;
    }
    rules(otlp) {
        ["max_batch_size", "max_queue_size"] otlp.max_batch_size <= otlp.max_queue_size,
            "max_batch_size must not be more than max_queue_size";
    }
}

/// What the variables of single signals set, such as `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signals {
    /// Spans.
    pub traces: SignalConfig,
    /// Metrics.
    pub metrics: SignalConfig,
    /// Logs.
    pub logs: SignalConfig,
}

/// How one signal is exported. What is `None` is as for all signals.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SignalConfig {
    /// The URL, to which no path is added.
    pub endpoint: Option<String>,
    /// The protocol.
    pub protocol: Option<Protocol>,
    /// How long one export may take.
    pub timeout: Option<Duration>,
}

impl OtlpConfig {
    /// Whether there is an endpoint for `signal`.
    pub const fn exports(&self, signal: &SignalConfig) -> bool {
        self.endpoint.is_some() || signal.endpoint.is_some()
    }
}

/// The protocol of the OTLP export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// OTLP over gRPC, usually on port 4317.
    Grpc,
    /// OTLP in protobuf over HTTP, usually on port 4318.
    #[value(name = "http/protobuf")]
    Http,
}

impl LogConfig {
    /// The levels in words.
    pub const LEVELS: &str = "off, error, warn, info, debug or trace, or a list of target=level whose targets are verify_gateway, its modules or \
         its libraries";

    /// Takes `text` if it is a log level, or a list of directives for `tracing_subscriber::EnvFilter`.
    ///
    /// That filter reads a misspelt level as the name of a target, and then no other target is logged.
    pub fn level(text: &str) -> Option<String> {
        let is_level =
            |level: &str| level.parse::<LevelFilter>().is_ok() && level.starts_with(|c: char| c.is_ascii_alphabetic());
        let is_directive = |item: &str| match item.split_once('=') {
            Some((target, level)) => is_known(target) && is_level(level),
            None => is_level(item),
        };
        let valid = !text.trim().is_empty() && items(text).all(is_directive);
        valid.then(|| text.to_owned())
    }
}

/// The crates that log: this one, and its libraries.
const CRATES: [&str; 10] = [
    "verify_gateway",
    "audit",
    "h2",
    "hyper",
    "hyper_util",
    "opentelemetry",
    "opentelemetry_sdk",
    "reqwest",
    "rustls",
    "tonic",
];

/// Whether `target` is a crate that logs, or a module of one.
fn is_known(target: &str) -> bool {
    let (name, module) = target.split_once("::").unwrap_or((target, "all"));
    let is_path =
        module.split("::").all(|part| !part.is_empty() && part.bytes().all(|c| c == b'_' || c.is_ascii_alphanumeric()));
    CRATES.contains(&name) && is_path
}

fn baggage_keys(text: &str) -> Vec<String> {
    items(text).filter(|key| !key.is_empty()).map(str::to_owned).collect()
}
