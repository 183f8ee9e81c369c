//! What an update of a record does, and how it ended.

use std::time::Duration;

use super::log::LogAppend;
use crate::domain::TenantId;

/// What becomes of a record.
pub enum Change<T> {
    /// It stays.
    Keep,
    /// It is replaced, and expires after this time.
    Put(T, Duration),
    /// The same, and an entry is appended to a log, both or neither.
    PutAndAppend(T, Duration, LogAppend),
    /// It is removed.
    Remove,
}

impl<T> Change<T> {
    /// The same with another form of the record.
    pub(super) fn try_map<U, E>(self, map: impl FnOnce(T) -> Result<U, E>) -> Result<Change<U>, E> {
        Ok(match self {
            Self::Keep => Change::Keep,
            Self::Put(record, keep) => Change::Put(map(record)?, keep),
            Self::PutAndAppend(record, keep, append) => Change::PutAndAppend(map(record)?, keep, append),
            Self::Remove => Change::Remove,
        })
    }
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

/// Whose a record is, and whether it gives way when the store is full.
#[derive(Clone, Copy, Default)]
pub(super) struct RecordOwner<'a> {
    pub(super) tenant: Option<&'a TenantId>,
    pub(super) gives_way: bool,
}

/// What the records take that this gateway has written.
#[derive(Debug)]
pub struct StoreUsage {
    /// The records and the bytes of each tenant.
    pub tenants: Vec<(TenantId, usize, usize)>,
    /// How many bytes all records may take.
    pub max_bytes: usize,
    /// How many records have given way to others.
    pub gave_way: u64,
}
