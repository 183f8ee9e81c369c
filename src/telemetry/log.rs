//! The log: what a line looks like, and what may be changed about it while the gateway runs.

use std::{
    fmt,
    io::IsTerminal,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::Timestamp;
use serde::Serializer;
use serde_json::Value;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, ParseError, Targets},
    fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter, format::Writer},
    registry::LookupSpan,
    reload,
};

use super::{Call, TARGET, audit};
use crate::config::{self, LogFormat};

/// The log's level and format. Clones are the same.
#[derive(Clone)]
pub struct Log(Arc<Shared>);

struct Shared {
    level: Mutex<String>,
    human: AtomicBool,
    /// Whether audits are written.
    audit: bool,
    /// Sets the level of every subscriber that there is.
    set: Mutex<Vec<SetLevel>>,
}

type SetLevel = Box<dyn Fn(&str) -> Result<(), ParseError> + Send>;

impl Log {
    pub(super) fn new(config: &config::Log) -> Self {
        let (level, human) = (config.level.clone().into(), is_human(config.format).into());
        Self(Arc::new(Shared { level, human, audit: config.audit, set: Mutex::default() }))
    }

    /// What is logged.
    #[must_use]
    pub fn level(&self) -> String {
        self.0.level.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Logs what `level` says from now on.
    ///
    /// # Errors
    /// Where it is no filter.
    pub fn set_level(&self, level: &str) -> Result<(), ParseError> {
        EnvFilter::try_new(level)?;
        for set in self.0.set.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            set(level)?;
        }
        level.clone_into(&mut self.0.level.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }

    /// Whether it is written for people.
    #[must_use]
    pub fn is_human(&self) -> bool {
        self.0.human.load(Ordering::Relaxed)
    }

    /// Writes it as `format` says from now on.
    pub fn set_format(&self, format: LogFormat) {
        self.0.human.store(is_human(format), Ordering::Relaxed);
    }

    /// The layer that writes it to `writer`.
    pub(super) fn layer<S, W>(&self, writer: W) -> Result<impl Layer<S> + use<S, W>, ParseError>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        let (level, handle) = reload::Layer::new(EnvFilter::try_new(self.level())?);
        let set: SetLevel = Box::new(move |level| {
            // It fails where the subscriber is gone, and then there is nothing to set.
            let _ = handle.reload(EnvFilter::try_new(level)?);
            Ok(())
        });
        self.0.set.lock().unwrap_or_else(PoisonError::into_inner).push(set);
        Ok(tracing_subscriber::fmt::layer()
            .with_writer(writer)
            .with_ansi(std::io::stderr().is_terminal())
            .event_format(Lines(self.clone()))
            .with_filter(level.and(libraries()).or(Targets::new().with_targets(self.audit()))))
    }

    /// The level of audits, which that of the log does not change.
    pub(super) fn audit(&self) -> Option<(&'static str, LevelFilter)> {
        self.0.audit.then_some((audit::TARGET, LevelFilter::INFO))
    }
}

fn is_human(format: LogFormat) -> bool {
    match format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    }
}

/// Holds libraries to INFO whatever the level asked for: below it, HTTP libraries print headers and paths, and with them
/// tokens and phone numbers. Audits have a filter of their own.
pub(super) fn libraries() -> Targets {
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target(TARGET, LevelFilter::TRACE)
        .with_target(audit::TARGET, LevelFilter::OFF)
}

/// Writes an event as one line, with the names of the call that it belongs to.
struct Lines(Log);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Fields { message, mut others } = fields;
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
struct Fields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.others.push((field.name(), value.into()));
    }
}

impl Visit for Fields {
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

#[cfg(test)]
mod tests {
    use tracing_subscriber::{Registry, layer::SubscriberExt};

    use super::*;
    use crate::telemetry::Metrics;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Written {
        fn take(&self) -> String {
            String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
        }
    }

    fn log() -> (Log, Written, tracing::subscriber::DefaultGuard) {
        let log = Log::new(&config::Log { level: "info".into(), format: LogFormat::Json, audit: true });
        let written = Written::default();
        let writer = written.clone();
        let subscriber = Registry::default().with(log.layer(move || writer.clone()).unwrap());
        let guard = tracing::subscriber::set_default(subscriber);
        (log, written, guard)
    }

    #[test]
    fn a_line_has_the_names_of_its_call() {
        let (log, written, _guard) = log();
        let call = Call::new("verify.v1.X/Y", Some("r1".into()), &tracing::Span::none(), Metrics::default());
        call.tenant.set(crate::domain::TenantId::new("t1").unwrap()).unwrap();
        Arc::clone(&call).run_now(|| tracing::info!(count = 3, text = "a \"b\"", "hello"));
        let text = written.take();
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["message"], &line["level"], &line["count"]), (&"hello".into(), &"INFO".into(), &3.into()));
        assert_eq!((&line["request_id"], &line["rpc"]), (&"r1".into(), &"verify.v1.X/Y".into()));
        assert_eq!((&line["tenant"], &line["text"]), (&"t1".into(), &"a \"b\"".into()));
        assert!(line["timestamp"].as_str().unwrap().parse::<Timestamp>().is_ok());

        log.set_format(LogFormat::Human);
        call.run_now(|| tracing::warn!(count = 3, "hello"));
        let text = written.take();
        assert!(text.contains("hello") && text.contains("count=3") && text.contains("request_id=r1"), "{text}");
    }

    #[test]
    fn audits_are_written_whatever_the_level() {
        let (log, written, _guard) = log();
        log.set_level("off").unwrap();
        tracing::error!("no");
        assert_eq!(written.take(), "");
        audit::reloaded("tenants", Some(2));
        let text = written.take();
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&line["target"], &line["event"], &line["mistakes"]),
            (&"audit".into(), &"reload".into(), &2.into())
        );

        let log = Log::new(&config::Log { level: "trace".into(), format: LogFormat::Json, audit: false });
        let writer = written.clone();
        let subscriber = Registry::default().with(log.layer(move || writer.clone()).unwrap());
        tracing::subscriber::with_default(subscriber, || audit::reloaded("tenants", None));
        assert_eq!(written.take(), "");
    }

    #[test]
    fn its_level_can_be_changed() {
        let (log, written, _guard) = log();
        tracing::debug!("no");
        assert_eq!(written.take(), "");
        log.set_level("debug").unwrap();
        tracing::debug!("yes");
        assert!(written.take().contains("yes"));
        assert!(log.set_level("=loud=").is_err());
        assert_eq!(log.level(), "debug");
    }
}
