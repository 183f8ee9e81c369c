//! Logs: entries in the order in which they were appended, for some time.
//!
//! An entry is appended by the same step that changes a record, so neither is there without the other. Numbers without a
//! hole show whether a reader has missed entries, even at a server that has lost some.

use std::time::Duration;

use super::Error;

/// How long a log is kept to which nothing is appended: longer than the longest retention of an entry.
pub(super) const KEEP_LOG: Duration = Duration::from_hours(24 * 8);

/// The position of an entry: the time at which it was appended, in milliseconds, and its number. The next entry has the next
/// number. The first number of a log is a time, so it is none of an earlier log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPosition {
    /// Milliseconds since 1970.
    pub millis: i64,
    /// One more than that of the entry before.
    pub number: u64,
}

/// An entry of a log.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// Where it stands.
    pub position: LogPosition,
    /// What was appended. Empty: the log begins here.
    pub bytes: Box<[u8]>,
}

/// How much of a log is kept.
#[derive(Clone, Copy, Debug)]
pub struct LogBounds {
    /// The newest entries. A server keeps some hundred more.
    pub max_entries: usize,
    /// Those of this time.
    pub retention: Duration,
}

/// An entry to append.
pub struct LogAppend {
    /// The key of the log. In a cluster it must be in the slot of the record that changes with it.
    pub log: String,
    /// The content, which is not empty.
    pub bytes: Box<[u8]>,
    /// What to keep of the log.
    pub bounds: LogBounds,
}

/// The position after `last` in a log to which something is appended at `millis`.
pub(super) fn next_position(last: Option<LogPosition>, millis: i64) -> LogPosition {
    match last {
        Some(last) => LogPosition { millis: last.millis.max(millis), number: last.number + 1 },
        None => LogPosition { millis, number: u64::try_from(millis).unwrap_or_default() },
    }
}

/// What follows `after`, of the entries that begin with it. `oldest` is the oldest one of the log.
pub(super) fn following(
    after: LogPosition,
    mut entries: Vec<LogEntry>,
    oldest: Option<LogPosition>,
) -> Result<Vec<LogEntry>, Error> {
    let first = entries.first().map(|entry| entry.position);
    if first == Some(after) {
        entries.remove(0);
        return Ok(entries);
    }
    // It was dropped because it is old. If older ones are there, the server has lost it.
    let is_next = first.is_some_and(|first| first.number == after.number + 1 && Some(first) == oldest);
    if is_next { Ok(entries) } else { Err(Error::LogGap) }
}
