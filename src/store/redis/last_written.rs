//! The record that this gateway wrote last at one of its stripes.
//!
//! An operation writes some records several times, and a busy tenant writes its counters with each send. The next write
//! assumes that nobody else wrote in between. The server compares the stamps, so a wrong assumption only costs a command.

use std::{mem, time::Duration};

use tokio::time::Instant;

use super::{record::StampedRecord, written::WrittenRecord};

/// The largest record that is remembered, in bytes.
const MAX_REMEMBERED: usize = 4 << 10;

#[derive(Default)]
pub(super) struct LastWritten {
    key: String,
    record: StampedRecord,
    /// When the server drops it.
    expiry: Option<Instant>,
}

impl LastWritten {
    /// What this gateway has counted for the record at `key`, as far as it is known.
    pub(super) fn counted(&self, key: &str) -> Option<WrittenRecord> {
        let keep = self.expiry.filter(|_| self.key == key)?.checked_duration_since(Instant::now())?;
        Some(WrittenRecord { len: key.len() + self.record.value_len(), keep })
    }

    /// The record at `key`, as far as it is known: else none.
    pub(super) fn take(&mut self, key: &str) -> StampedRecord {
        let Self { key: known, record, expiry } = mem::take(self);
        if known == key && expiry.is_some_and(|expiry| expiry > Instant::now()) {
            record
        } else {
            StampedRecord::default()
        }
    }

    /// Remembers that `record` was written for the time `keep`.
    pub(super) fn set(&mut self, key: &str, record: StampedRecord, keep: Duration) {
        if record.len() <= MAX_REMEMBERED {
            *self = Self { key: key.to_owned(), record, expiry: Instant::now().checked_add(keep) };
        }
    }
}
