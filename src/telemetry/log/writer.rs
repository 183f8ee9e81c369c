//! The buffered writer of the log.
//!
//! A write for each line wakes the reader of the log each time, which costs more than formatting the line. So lines are
//! buffered for some milliseconds, and a thread writes them together.

use crate::sync::{Mutex, ignore_poison};
use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, MutexGuard},
    thread,
    time::Duration,
};

/// How long lines are buffered. A process that is killed loses them.
const FLUSH_INTERVAL: Duration = Duration::from_millis(5);
/// The size of a full buffer, in bytes. Writers wait while it is full, because no audit event may be lost.
const MAX_BUFFER: usize = 1 << 20;

/// Buffers lines for a thread that writes them.
#[derive(Default)]
pub struct Writer {
    waiting: Mutex<Buffer>,
    filled: Condvar,
    written: Condvar,
}

#[derive(Default)]
struct Buffer {
    lines: Vec<u8>,
    /// Whether somebody waits until they are written.
    is_urgent: bool,
    /// Whether the thread is writing lines that it has taken.
    is_writing: bool,
}

/// Waits until all lines are written when it is dropped.
#[must_use = "lines may be lost at the end otherwise"]
pub struct Flush(Arc<Writer>);

impl Writer {
    /// Starts the thread that writes to `to`.
    pub fn start(to: impl Write + Send + 'static) -> io::Result<(Arc<Self>, Flush)> {
        let writer = Arc::new(Self::default());
        let its = writer.clone();
        thread::Builder::new().name("log".into()).spawn(move || its.run(to))?;
        Ok((writer.clone(), Flush(writer)))
    }

    fn run(&self, mut to: impl Write) {
        let mut batch = Vec::new();
        loop {
            let waiting =
                ignore_poison(self.filled.wait_while(self.waiting.lock(), |waiting| waiting.lines.is_empty()));
            let gathered = self.filled.wait_timeout_while(waiting, FLUSH_INTERVAL, |waiting| !waiting.is_urgent);
            let (mut waiting, _) = ignore_poison(gathered);
            mem::swap(&mut waiting.lines, &mut batch);
            (waiting.is_urgent, waiting.is_writing) = (false, true);
            drop(waiting);
            // A failure can't be reported: this is the log.
            let _ = to.write_all(&batch).and_then(|()| to.flush());
            batch.clear();
            self.waiting.lock().is_writing = false;
            self.written.notify_all();
        }
    }

    /// Waits while `waits` holds.
    fn written(&self, waits: impl Fn(&Buffer) -> bool) -> MutexGuard<'_, Buffer> {
        let mut waiting = self.waiting.lock();
        while waits(&waiting) {
            waiting.is_urgent = true;
            self.filled.notify_one();
            waiting = ignore_poison(self.written.wait(waiting));
        }
        waiting
    }
}

impl Write for &Writer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.written(|waiting| waiting.lines.len() >= MAX_BUFFER);
        if waiting.lines.is_empty() {
            self.filled.notify_one();
        }
        waiting.lines.extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        drop(self.written(|waiting| waiting.is_writing || !waiting.lines.is_empty()));
        Ok(())
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        let _ = (&*self.0).flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was written at once, each time.
    #[derive(Clone, Default)]
    struct Batches(Arc<Mutex<Vec<Vec<u8>>>>);

    impl Write for Batches {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_written_whole_in_order_together_and_within_bounds() {
        const LINES: usize = 4000;
        let written = Batches::default();
        let (writer, flush) = Writer::start(written.clone()).unwrap();
        let line = |thread: usize, number: usize| format!("{thread} {number} {}\n", "x".repeat(200));
        thread::scope(|scope| {
            for thread in 0..4 {
                let writer = &writer;
                scope
                    .spawn(move || (0..LINES).for_each(|n| (&**writer).write_all(line(thread, n).as_bytes()).unwrap()));
            }
        });
        drop(flush);
        let batches = written.0.lock();
        assert!(batches.iter().all(|batch| batch.len() < MAX_BUFFER + 300 && batch.ends_with(b"\n")));
        assert!((2..LINES).contains(&batches.len()), "{}", batches.len());
        let text = String::from_utf8(batches.concat()).unwrap();
        for thread in 0..4 {
            let its = text.split_inclusive('\n').filter(|line| line.starts_with(&format!("{thread} ")));
            assert!(its.eq((0..LINES).map(|number| line(thread, number))));
        }
    }
}
