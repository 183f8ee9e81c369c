//! Logs in memory.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;

use crate::{
    store::{
        Error,
        log::{LogAppend, LogBounds, LogEntry, LogPosition, following, next_position},
    },
    sync::Mutex,
};

/// The logs by their keys.
#[derive(Default)]
pub(in crate::store) struct MemoryLogs(Mutex<HashMap<String, VecDeque<LogEntry>>>);

impl MemoryLogs {
    pub(super) fn append(&self, LogAppend { log, bytes, bounds }: LogAppend, now: Timestamp) {
        let mut logs = self.0.lock();
        let entries = logs.entry(log).or_default();
        let position = next_position(entries.back().map(|entry| entry.position), now.as_millisecond());
        drop_old(entries, bounds, now);
        entries.push_back(LogEntry { position, bytes });
    }

    pub(in crate::store) fn end(&self, log: &str, now: Timestamp) -> LogPosition {
        let mut logs = self.0.lock();
        let entries = logs.entry(log.to_owned()).or_default();
        if let Some(last) = entries.back() {
            return last.position;
        }
        let position = next_position(None, now.as_millisecond());
        entries.push_back(LogEntry { position, bytes: Box::default() });
        position
    }

    pub(in crate::store) fn read(&self, log: &str, after: LogPosition, max: usize) -> Result<Vec<LogEntry>, Error> {
        let logs = self.0.lock();
        let Some(entries) = logs.get(log) else { return Err(Error::LogGap) };
        let begin = entries.partition_point(|entry| entry.position < after);
        let found = entries.range(begin..).take(max + 1).cloned().collect();
        following(after, found, entries.front().map(|entry| entry.position))
    }
}

/// Makes room for one more.
fn drop_old(entries: &mut VecDeque<LogEntry>, bounds: LogBounds, now: Timestamp) {
    let oldest = now.saturating_sub(bounds.retention).unwrap_or(Timestamp::MIN).as_millisecond();
    while let Some(first) = entries.front()
        && (entries.len() >= bounds.max_entries || first.position.millis < oldest)
    {
        entries.pop_front();
    }
}
