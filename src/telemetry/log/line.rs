//! The format of a log line.

use std::{
    fmt,
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::Timestamp;
use serde::Serialize;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use crate::{domain::TenantId, telemetry::Call};

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
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let human = self.human.load(Ordering::Relaxed);
        let [dim, end] = if human && writer.has_ansi_escapes() { ["\u{1b}[2m", "\u{1b}[0m"] } else { [""; 2] };
        let mut line = GrowingLine {
            text: Vec::with_capacity(1024),
            human,
            dim,
            end,
            takes_message: true,
            own: [false; CALL.len()],
        };
        line.begin(event);
        event.record(&mut line);
        line.end_message();
        event.record(&mut line);
        if let Some(call) = Call::current() {
            line.call(&call);
        }
        line.text.extend_from_slice(if human { b"\n" } else { b"}\n" });
        writer.write_str(str::from_utf8(&line.text).map_err(|_| fmt::Error)?)
    }
}

/// The names of the fields of a call. An event that has one itself keeps its own.
const CALL: [&str; 7] = ["call_id", "rpc", "request_id", "tenant", "identity", "trace_id", "span_id"];

/// A line as it grows. The fields of an event are visited twice: first for the message, then for the others.
struct GrowingLine {
    text: Vec<u8>,
    human: bool,
    /// Begins and ends what is of less interest.
    dim: &'static str,
    end: &'static str,
    takes_message: bool,
    /// Which of [`CALL`] the event has itself.
    own: [bool; CALL.len()],
}

impl GrowingLine {
    fn begin(&mut self, event: &Event<'_>) {
        let (time, level, target) = (Timestamp::now(), event.metadata().level(), event.metadata().target());
        let Self { text, dim, end, .. } = self;
        let written = if self.human {
            let color = match *level {
                Level::ERROR => 31,
                Level::WARN => 33,
                Level::INFO => 32,
                _ => 34,
            };
            let begin = if dim.is_empty() { String::new() } else { format!("\u{1b}[{color}m") };
            write!(text, "{dim}{time:.3}{end} {begin}{level:>5}{end} {dim}{target}:{end} ")
        } else {
            // A target is the path of a module, or a name of ours.
            write!(text, r#"{{"timestamp":"{time:.6}","level":"{level}","target":"{target}","message":"#)
        };
        written.expect("a vector takes all");
    }

    /// What follows belongs to the other fields.
    fn end_message(&mut self) {
        self.takes_message = false;
        // Every line has a message.
        if !self.human && self.text.ends_with(b":") {
            self.text.extend_from_slice(br#""""#);
        }
    }

    fn call(&mut self, call: &Call) {
        let tenant = call.tenant.get().map(TenantId::as_str);
        let identity = call.identity.get().map(|identity| &**identity);
        let request_id = call.request_id.get().map(ToString::to_string);
        let (trace, span) = call.trace.map(|(trace, span)| (trace.to_string(), span.to_string())).unzip();
        let known = [Some(call.call_id.as_str()), Some(call.rpc), request_id.as_deref(), tenant, identity];
        let known = known.into_iter().chain([trace.as_deref(), span.as_deref()]);
        for ((name, is_own), value) in CALL.into_iter().zip(self.own).zip(known) {
            if let Some(value) = value.filter(|_| !is_own) {
                self.name(name);
                self.string(value);
            }
        }
    }

    /// Begins the field, if it is visited for.
    fn field(&mut self, field: &Field) -> bool {
        let name = field.name();
        if (name == "message") != self.takes_message {
            return false;
        }
        if !self.takes_message {
            if let Some(at) = CALL.iter().position(|known| *known == name) {
                self.own[at] = true;
            }
            self.name(name);
        }
        true
    }

    fn name(&mut self, name: &str) {
        let Self { text, human, dim, end, .. } = self;
        // A name is an identifier of the source.
        let parts = if *human { [" ", dim, name, "=", end] } else { [",\"", name, "\":", "", ""] };
        for part in parts {
            text.extend_from_slice(part.as_bytes());
        }
    }

    /// People read strings without quotes.
    fn string(&mut self, value: &str) {
        if self.human { self.text.extend_from_slice(value.as_bytes()) } else { self.json(value) }
    }

    fn json(&mut self, value: impl Serialize) {
        serde_json::to_writer(&mut self.text, &value).expect("a vector takes all");
    }
}

impl Visit for GrowingLine {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if !self.field(field) {
            return;
        }
        if self.human {
            write!(self.text, "{value:?}").expect("a vector takes all");
        } else {
            self.json(format_args!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if self.field(field) {
            self.string(value);
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if self.field(field) {
            self.json(value);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        if self.field(field) {
            self.json(value);
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if self.field(field) {
            self.json(value);
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        if self.field(field) {
            self.json(value);
        }
    }
}
