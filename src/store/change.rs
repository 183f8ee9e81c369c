//! What an update of a record does, and how it ended.

use std::time::Duration;

/// What becomes of a record.
pub enum Change<T> {
    /// It stays.
    Keep,
    /// It is replaced, and expires after this time.
    Put(T, Duration),
    /// It is removed.
    Remove,
}

/// How an update at a server ended.
#[derive(Clone, Copy, Debug)]
pub struct UpdateStats {
    /// `ok`, or the name of the error.
    pub outcome: &'static str,
    /// How long it took.
    pub took: Duration,
    /// How often another gateway changed the record first.
    pub conflicts: u64,
}
