//! The format of a log line.

use std::fmt;

use jiff::Timestamp;
use serde::Serializer;
use serde_json::Value;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use super::LogHandle;
use crate::telemetry::Call;

/// Writes an event as one line, with the fields of the current call.
pub(super) struct Lines(pub(super) LogHandle);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = EventFields::default();
        event.record(&mut fields);
        let EventFields { message, mut others } = fields;
        if let Some(call) = Call::current() {
            let mut add = |name: &'static str, value: String| {
                if others.iter().all(|(other, _)| *other != name) {
                    others.push((name, value.into()));
                }
            };
            add("request_id", call.request_id.clone());
            add("rpc", call.rpc.to_owned());
            if let Some(tenant) = call.tenant.get() {
                add("tenant", tenant.to_string());
            }
            if let Some(identity) = call.identity.get() {
                add("identity", identity.to_string());
            }
            if let Some((trace, span)) = call.trace {
                add("trace_id", trace.to_string());
                add("span_id", span.to_string());
            }
        }
        let line = Line { time: Timestamp::now(), level: *event.metadata().level(), message, others };
        let target = event.metadata().target();
        if self.0.is_human() { line.human(target, writer) } else { line.json(target, writer) }
    }
}

struct Line {
    time: Timestamp,
    level: Level,
    message: String,
    others: Vec<(&'static str, Value)>,
}

impl Line {
    fn json(self, target: &str, mut writer: Writer<'_>) -> fmt::Result {
        let first = [
            ("timestamp", format!("{:.6}", self.time)),
            ("level", self.level.to_string()),
            ("target", target.to_owned()),
            ("message", self.message),
        ];
        let first = first.map(|(name, text)| (name, Value::String(text)));
        let members = first.iter().chain(&self.others).map(|(name, value)| (name, value));
        let mut line = Vec::with_capacity(512);
        serde_json::Serializer::new(&mut line).collect_map(members).map_err(|_| fmt::Error)?;
        writer.write_str(str::from_utf8(&line).map_err(|_| fmt::Error)?)?;
        writer.write_char('\n')
    }

    fn human(self, target: &str, mut writer: Writer<'_>) -> fmt::Result {
        let color = match self.level {
            Level::ERROR => 31,
            Level::WARN => 33,
            Level::INFO => 32,
            _ => 34,
        };
        let (begin, dim, end) = if writer.has_ansi_escapes() {
            (format!("\u{1b}[{color}m"), "\u{1b}[2m", "\u{1b}[0m")
        } else {
            (String::new(), "", "")
        };
        let (time, level, message) = (self.time, self.level, self.message);
        write!(writer, "{dim}{time:.3}{end} {begin}{level:>5}{end} {dim}{target}:{end} {message}")?;
        for (name, value) in self.others {
            match value {
                Value::String(text) => write!(writer, " {dim}{name}={end}{text}")?,
                value => write!(writer, " {dim}{name}={end}{value}")?,
            }
        }
        writeln!(writer)
    }
}

/// Collects the fields of an event.
#[derive(Default)]
struct EventFields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

impl EventFields {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.others.push((field.name(), value.into()));
    }
}

impl Visit for EventFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.add(field, text);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.add(field, value);
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }
}
