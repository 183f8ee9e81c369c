//! Records in memory.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;

use super::{Change, Error, clock::StoreClock};
use crate::sync::Mutex;

/// How many expired records one update drops at most.
const MAX_EXPIRED: usize = 16;

/// A bounded number of records. A full store refuses new records. Evicting one instead could cause a second message.
pub(super) struct MemoryBackend {
    max_records: usize,
    clock: Arc<StoreClock>,
    /// When the store was created, by its clock.
    pub(super) created: Timestamp,
    records: Mutex<MemoryRecords>,
}

#[derive(Default)]
struct MemoryRecords {
    by_key: HashMap<Arc<str>, MemoryRecord>,
    by_expiry: BTreeSet<(Timestamp, Arc<str>)>,
}

struct MemoryRecord {
    bytes: Box<[u8]>,
    expiry: Timestamp,
}

impl MemoryBackend {
    pub(super) fn new(max_records: usize, clock: Arc<StoreClock>) -> Self {
        let created = clock.now();
        Self { max_records, clock, created, records: Mutex::default() }
    }

    pub(super) fn update<R>(
        &self,
        key: &str,
        mut change: impl FnMut(Option<&[u8]>) -> Result<(Change<Box<[u8]>>, R), Error>,
    ) -> Result<R, Error> {
        let now = self.clock.now();
        let mut records = self.records.lock();
        records.drop_expired(now);
        let record = records.by_key.get(key).filter(|record| record.expiry > now).map(|record| &*record.bytes);
        let is_new = record.is_none();
        let (change, answer) = change(record)?;
        match change {
            Change::Keep => {}
            Change::Remove => records.remove(key),
            Change::Put(_, _) if is_new && records.by_key.len() >= self.max_records => return Err(Error::Full),
            Change::Put(bytes, keep) => {
                let expiry = now.saturating_add(keep).unwrap_or(Timestamp::MAX);
                records.remove(key);
                let key: Arc<str> = key.into();
                records.by_expiry.insert((expiry, key.clone()));
                records.by_key.insert(key, MemoryRecord { bytes, expiry });
            }
        }
        Ok(answer)
    }
}

impl MemoryRecords {
    /// Drops a few expired records: more than one update adds, and few enough to be quick.
    fn drop_expired(&mut self, now: Timestamp) {
        for _ in 0..MAX_EXPIRED {
            if self.by_expiry.first().is_none_or(|(expiry, _)| *expiry > now) {
                return;
            }
            if let Some((_, key)) = self.by_expiry.pop_first() {
                self.by_key.remove(&key);
            }
        }
    }

    fn remove(&mut self, key: &str) {
        if let Some((key, record)) = self.by_key.remove_entry(key) {
            self.by_expiry.remove(&(record.expiry, key));
        }
    }
}
