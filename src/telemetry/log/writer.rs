//! The buffered writer of the log.
//!
//! A write for each line wakes the reader of the log each time, which costs more than formatting the line. So lines are
//! buffered for some milliseconds, and a thread writes them together.
//!
//! The reader may be slow or gone. Nobody waits for it: lines that do not fit are dropped and counted. Audit events have
//! room of their own, so that they are the last to be dropped.

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar},
    thread,
    time::Duration,
};

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    sync::{Mutex, ignore_poison},
    telemetry::{Metrics, audit},
};

/// How long lines are buffered. A process that is killed loses them.
const FLUSH_INTERVAL: Duration = Duration::from_millis(5);
/// How long the end of the process waits for the reader.
const MAX_LAST_FLUSH: Duration = Duration::from_secs(2);
/// The bytes of ordinary lines that are buffered. Denials are among them: strangers can cause any number of them.
const MAX_ORDINARY: usize = 1 << 20;
/// The bytes of audit events that are buffered: minutes of a busy gateway.
const MAX_AUDIT: usize = 16 << 20;

/// Buffers lines for a thread that writes them. Clones share the buffer.
#[derive(Clone)]
pub struct Writer(Arc<Buffers>);

struct Buffers {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    written: Condvar,
    metrics: Metrics,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    /// How many bytes of `lines` are audit events.
    audit: usize,
    /// How many lines were dropped since the last batch.
    lost: usize,
    /// Whether somebody waits until they are written.
    is_urgent: bool,
    /// Whether the thread is writing lines that it has taken.
    is_writing: bool,
}

/// Waits until all lines are written when it is dropped.
#[must_use = "lines may be lost at the end otherwise"]
pub struct Flush(Writer);

/// Writes one line.
pub struct LogLine<'w> {
    buffers: &'w Buffers,
    is_audit: bool,
}

impl Writer {
    /// Starts the thread that writes to `to`. `metrics` counts lines that are lost.
    pub fn start(to: impl Write + Send + 'static, metrics: &Metrics) -> io::Result<(Self, Flush)> {
        let (waiting, metrics) = (Mutex::default(), metrics.clone());
        let writer = Self(Arc::new(Buffers { waiting, filled: Condvar::new(), written: Condvar::new(), metrics }));
        let its = writer.clone();
        thread::Builder::new().name("log".into()).spawn(move || its.run(to))?;
        Ok((writer.clone(), Flush(writer)))
    }

    fn run(&self, mut to: impl Write) {
        let Self(buffers) = self;
        let mut batch = Vec::new();
        loop {
            let waiting =
                ignore_poison(buffers.filled.wait_while(buffers.waiting.lock(), |waiting| waiting.lines.is_empty()));
            let gathered = buffers.filled.wait_timeout_while(waiting, FLUSH_INTERVAL, |waiting| !waiting.is_urgent);
            let (mut waiting, _) = ignore_poison(gathered);
            mem::swap(&mut waiting.lines, &mut batch);
            let lost = mem::take(&mut waiting.lost);
            (waiting.audit, waiting.is_urgent, waiting.is_writing) = (0, false, true);
            drop(waiting);
            if lost > 0 {
                tracing::warn!(lines = lost, "log lines were dropped: their reader is too slow");
            }
            // A failure can't be reported: this is the log.
            let _ = to.write_all(&batch).and_then(|()| to.flush());
            batch.clear();
            buffers.waiting.lock().is_writing = false;
            buffers.written.notify_all();
        }
    }
}

impl Waiting {
    /// Whether there is room for a line of this kind.
    fn has_room(&self, line: &[u8], is_audit: bool) -> bool {
        let (used, max) =
            if is_audit { (self.audit, MAX_AUDIT) } else { (self.lines.len() - self.audit, MAX_ORDINARY) };
        used + line.len() <= max
    }
}

impl<'w> MakeWriter<'w> for Writer {
    type Writer = LogLine<'w>;

    fn make_writer(&'w self) -> LogLine<'w> {
        LogLine { buffers: &self.0, is_audit: false }
    }

    fn make_writer_for(&'w self, metadata: &Metadata<'_>) -> LogLine<'w> {
        let is_audit = metadata.target() == audit::TARGET && metadata.name() != audit::DENIAL;
        LogLine { buffers: &self.0, is_audit }
    }
}

impl Write for LogLine<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let Self { buffers, is_audit } = *self;
        let mut waiting = buffers.waiting.lock();
        if !waiting.has_room(line, is_audit) {
            waiting.lost += 1;
            buffers.metrics.log_lines_lost(if is_audit { "audit" } else { "other" });
            return Ok(line.len());
        }
        if waiting.lines.is_empty() {
            buffers.filled.notify_one();
        }
        waiting.lines.extend_from_slice(line);
        waiting.audit += if is_audit { line.len() } else { 0 };
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        let Writer(buffers) = &self.0;
        let mut waiting = buffers.waiting.lock();
        waiting.is_urgent = true;
        buffers.filled.notify_one();
        let is_pending = |waiting: &mut Waiting| waiting.is_writing || !waiting.lines.is_empty();
        drop(buffers.written.wait_timeout_while(waiting, MAX_LAST_FLUSH, is_pending));
    }
}

#[cfg(test)]
mod tests;
