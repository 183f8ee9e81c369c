//! The format of a log line.

use std::{
    borrow::Cow,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::Timestamp;
use serde::Serializer;
use serde_json::Value;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use crate::telemetry::Call;

/// Writes an event as one line, with the fields of the current call.
pub(super) struct Lines {
    /// Whether the format is the one for people.
    pub(super) human: Arc<AtomicBool>,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = EventFields { message: "".into(), others: Vec::new() };
        event.record(&mut fields);
        if let Some(call) = Call::current() {
            let mut add = |name: &'static str, value: String| {
                if fields.others.iter().all(|(other, _)| *other != name) {
                    fields.others.push((name, value.into()));
                }
            };
            add("call_id", call.call_id.clone());
            add("rpc", call.rpc.to_owned());
            if let Some(id) = call.request_id.get() {
                add("request_id", id.to_string());
            }
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
        let (time, metadata) = (Timestamp::now(), event.metadata());
        if self.human.load(Ordering::Relaxed) {
            human(time, metadata, &fields, writer)
        } else {
            json(time, metadata, fields, writer)
        }
    }
}

fn json(time: Timestamp, metadata: &Metadata<'_>, fields: EventFields, mut writer: Writer<'_>) -> fmt::Result {
    let first = [
        ("timestamp", format!("{time:.6}").into()),
        ("level", metadata.level().as_str().into()),
        ("target", metadata.target().into()),
        ("message", fields.message),
    ];
    let members = first.iter().chain(&fields.others).map(|(name, value)| (name, value));
    let mut line = Vec::with_capacity(512);
    serde_json::Serializer::new(&mut line).collect_map(members).map_err(|_| fmt::Error)?;
    writer.write_str(str::from_utf8(&line).map_err(|_| fmt::Error)?)?;
    writer.write_char('\n')
}

fn human(time: Timestamp, metadata: &Metadata<'_>, fields: &EventFields, mut writer: Writer<'_>) -> fmt::Result {
    let (level, target) = (metadata.level(), metadata.target());
    let color = match *level {
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
    write!(writer, "{dim}{time:.3}{end} {begin}{level:>5}{end} {dim}{target}:{end} {}", text(&fields.message))?;
    for (name, value) in &fields.others {
        write!(writer, " {dim}{name}={end}{}", text(value))?;
    }
    writeln!(writer)
}

/// A string without its quotes, or another value as JSON.
fn text(value: &Value) -> Cow<'_, str> {
    value.as_str().map_or_else(|| value.to_string().into(), Cow::Borrowed)
}

/// Collects the fields of an event.
struct EventFields {
    message: Value,
    others: Vec<(&'static str, Value)>,
}

impl EventFields {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        match field.name() {
            "message" => self.message = value.into(),
            name => self.others.push((name, value.into())),
        }
    }
}

impl Visit for EventFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
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
