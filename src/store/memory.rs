//! Records in memory.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;

use super::{Change, Error};
use crate::{clock::Clock, sync::Mutex};

/// How many ended records one change drops at most.
const AT_ONCE: usize = 16;

/// Records in memory: bounded, and gone when their time is over.
///
/// A full store refuses new records. Dropping one instead would be the end of somebody's protection.
pub(super) struct Memory {
    max_records: usize,
    clock: Clock,
    records: Mutex<Records>,
}

#[derive(Default)]
struct Records {
    by_key: HashMap<Arc<str>, Record>,
    by_end: BTreeSet<(Timestamp, Arc<str>)>,
}

struct Record {
    bytes: Box<[u8]>,
    end: Timestamp,
}

impl Memory {
    pub(super) fn new(max_records: usize, clock: Clock) -> Self {
        Self { max_records, clock, records: Mutex::default() }
    }

    pub(super) fn update<R>(
        &self,
        key: &str,
        mut change: impl FnMut(Option<&[u8]>) -> Result<(Change<Box<[u8]>>, R), Error>,
    ) -> Result<R, Error> {
        let now = self.clock.now();
        let mut records = self.records.lock();
        records.drop_ended(now);
        let record = records.by_key.get(key).filter(|record| record.end > now).map(|record| &*record.bytes);
        let is_new = record.is_none();
        let (change, answer) = change(record)?;
        match change {
            Change::Keep => {}
            Change::Remove => records.remove(key),
            Change::Put(_, _) if is_new && records.by_key.len() >= self.max_records => return Err(Error::Full),
            Change::Put(bytes, keep) => {
                let end = now.saturating_add(keep).unwrap_or(Timestamp::MAX);
                records.remove(key);
                let key: Arc<str> = key.into();
                records.by_end.insert((end, key.clone()));
                records.by_key.insert(key, Record { bytes, end });
            }
        }
        Ok(answer)
    }
}

impl Records {
    /// Drops a few records whose time is over: more than one change adds, and few enough to keep nobody waiting.
    fn drop_ended(&mut self, now: Timestamp) {
        for _ in 0..AT_ONCE {
            if self.by_end.first().is_none_or(|(end, _)| *end > now) {
                return;
            }
            if let Some((_, key)) = self.by_end.pop_first() {
                self.by_key.remove(&key);
            }
        }
    }

    fn remove(&mut self, key: &str) {
        if let Some((key, record)) = self.by_key.remove_entry(key) {
            self.by_end.remove(&(record.end, key));
        }
    }
}
