//! Settings of logs and traces.

use std::time::Duration;

use tracing_subscriber::EnvFilter;

use super::{knobs::url, section::Section};

/// Settings of logs and traces.
#[derive(Clone, Debug, PartialEq)]
pub struct Telemetry {
    /// The log.
    pub log: Log,
    /// The export of traces.
    pub otlp: Otlp,
}

/// Settings of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// What is logged: a valid directive of `tracing_subscriber::EnvFilter`.
    pub level: String,
    /// How it is written.
    pub format: LogFormat,
}

/// How a log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people on a terminal, as JSON elsewhere.
    Auto,
    /// For people.
    Human,
    /// As JSON, an object a line.
    Json,
}

/// Settings of the export of traces.
#[derive(Clone, Debug, PartialEq)]
pub struct Otlp {
    /// Where the collector takes OTLP over gRPC; none switches the export off.
    pub endpoint: Option<String>,
    /// The share of calls that are traced, of those whose caller did not decide.
    pub sample_ratio: f64,
    /// The name of this service in traces.
    pub service_name: String,
    /// How long one export may take.
    pub timeout: Duration,
}

impl Telemetry {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        Self {
            log: section.section("log", "The log.", Log::read),
            otlp: section.section("otlp", "The export of traces by OTLP over gRPC.", Otlp::read),
        }
    }
}

impl Log {
    fn read(section: &mut Section<'_, '_>) -> Self {
        Self {
            level: section.knob(
                "level",
                "info",
                "off, error, warn, info, debug or trace, or a list of target=level",
                "What is logged. A list such as info,verify_gateway=debug sets it by part.",
                |text| {
                    let valid = !text.trim().is_empty() && EnvFilter::builder().parse(text).is_ok();
                    valid.then(|| text.to_owned())
                },
            ),
            format: section.knob(
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
        }
    }
}

impl Otlp {
    fn read(section: &mut Section<'_, '_>) -> Self {
        Self {
            endpoint: section.knob(
                "endpoint",
                "",
                "an http or https URL without credentials, query and fragment, or empty",
                "Where the collector listens, such as http://localhost:4317. Empty: nothing is exported.",
                |text| if text.is_empty() { Some(None) } else { url(text).map(Some) },
            ),
            sample_ratio: section.ratio(
                "sample_ratio",
                "0.01",
                "The share of calls that are traced. A caller that sends a traceparent header decides for its own.",
            ),
            service_name: section.knob(
                "service_name",
                "verify-gateway",
                "a text that is not empty",
                "The name of this service in traces.",
                |text| (!text.trim().is_empty()).then(|| text.to_owned()),
            ),
            timeout: section.duration(
                "timeout",
                "5s",
                Duration::from_millis(1)..=Duration::from_hours(1),
                "How long one export may take.",
            ),
        }
    }
}
