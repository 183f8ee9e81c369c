//! The log, whose level and format may change while the gateway runs.

mod line;
mod writer;

use std::{
    io::IsTerminal,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, ParseError, Targets},
    fmt::MakeWriter,
    registry::LookupSpan,
    reload,
};

use self::line::Lines;
pub use self::writer::{Flush, Writer};
use super::{TARGET, audit};
use crate::{
    config::{self, LogFormat},
    sync::Mutex,
};

/// The level and format of the log. Clones share them.
#[derive(Clone)]
pub struct LogHandle(Arc<LogState>);

struct LogState {
    level: Mutex<String>,
    human: Arc<AtomicBool>,
    /// Whether audit events are written.
    audit: bool,
    /// Set the level of each subscriber.
    set: Mutex<Vec<SetLevel>>,
}

type SetLevel = Box<dyn Fn(&str) -> Result<(), ParseError> + Send>;

impl LogHandle {
    pub(super) fn new(config: &config::LogConfig) -> Self {
        let (level, human) = (Mutex::new(config.level.clone()), Arc::new(is_human(config.format).into()));
        Self(Arc::new(LogState { level, human, audit: config.audit, set: Mutex::default() }))
    }

    /// The level.
    pub fn level(&self) -> String {
        self.0.level.lock().clone()
    }

    /// Sets the level.
    pub fn set_level(&self, level: &str) -> Result<(), ParseError> {
        EnvFilter::try_new(level)?;
        for set in self.0.set.lock().iter() {
            set(level)?;
        }
        level.clone_into(&mut self.0.level.lock());
        Ok(())
    }

    /// Whether the format is the one for people.
    pub fn is_human(&self) -> bool {
        self.0.human.load(Ordering::Relaxed)
    }

    /// Sets the format.
    pub fn set_format(&self, format: LogFormat) {
        self.0.human.store(is_human(format), Ordering::Relaxed);
    }

    /// The layer that writes the log to `writer`.
    pub(super) fn layer<S, W>(&self, writer: W) -> Result<impl Layer<S> + use<S, W>, ParseError>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        let (level, handle) = reload::Layer::new(EnvFilter::try_new(self.level())?);
        let set: SetLevel = Box::new(move |level| {
            // It fails if the subscriber is gone.
            let _ = handle.reload(EnvFilter::try_new(level)?);
            Ok(())
        });
        self.0.set.lock().push(set);
        Ok(tracing_subscriber::fmt::layer()
            .with_writer(writer)
            .with_ansi(std::io::stderr().is_terminal())
            .event_format(Lines { human: self.0.human.clone() })
            .with_filter(level.and(libraries()).or(Targets::new().with_targets(self.audit()))))
    }

    /// The filter of audit events, which the level does not change.
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

/// Limits libraries to INFO at every level. Below it, HTTP libraries print headers and paths, and with them tokens and
/// phone numbers. Audit events have a filter of their own.
pub(super) fn libraries() -> Targets {
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target(TARGET, LevelFilter::TRACE)
        .with_target(audit::TARGET, LevelFilter::OFF)
}

#[cfg(test)]
mod tests;
