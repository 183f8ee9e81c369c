//! What this gateway has written for each tenant, as far as the servers still keep it.
//!
//! The servers can't count by tenant: a script sees one slot of a cluster. Each gateway counts what it writes itself,
//! so the share of a tenant is divided among the gateways.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use tokio::time::Instant;

use crate::{domain::TenantId, sync::Mutex};

/// What a record takes at the server beside its key and value: its entries in the tables of keys and of expiries.
const OVERHEAD: usize = 128;
/// Records whose expiries are in the same step are counted together, in seconds.
const STEP: u64 = 10;

pub(super) struct WrittenRecords {
    start: Instant,
    tenants: Mutex<HashMap<TenantId, TenantSteps>>,
}

/// A record at a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct WrittenRecord {
    /// Its key and its value, in bytes.
    pub(super) len: usize,
    /// How long the server keeps it.
    pub(super) keep: Duration,
}

#[derive(Default)]
struct TenantSteps {
    all: RecordSum,
    by_expiry: BTreeMap<u64, RecordSum>,
}

/// How many records, and how many bytes they take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RecordSum {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

impl RecordSum {
    const fn of(record: WrittenRecord) -> Self {
        Self { records: 1, bytes: OVERHEAD + record.len }
    }

    const fn add(&mut self, other: Self) {
        self.records += other.records;
        self.bytes += other.bytes;
    }

    const fn subtract(&mut self, other: Self) {
        self.records -= other.records;
        self.bytes -= other.bytes;
    }
}

impl Default for WrittenRecords {
    fn default() -> Self {
        Self { start: Instant::now(), tenants: Mutex::default() }
    }
}

impl WrittenRecords {
    /// Counts `record`, which was written for `tenant` in place of what was counted as `replaced`. If that is not known any
    /// more, both count until they expire: the sum may be too high, never too low.
    pub(super) fn add(&self, tenant: Option<&TenantId>, replaced: Option<WrittenRecord>, record: WrittenRecord) {
        let Some(tenant) = tenant else { return };
        let step = |record: WrittenRecord| (self.start.elapsed() + record.keep).as_secs() / STEP + 1;
        let mut tenants = self.tenants.lock();
        let written = tenants.entry(tenant.clone()).or_default();
        written.drop_expired(self.now());
        if let Some(replaced) = replaced {
            written.subtract(step(replaced), RecordSum::of(replaced));
        }
        written.all.add(RecordSum::of(record));
        written.by_expiry.entry(step(record)).or_default().add(RecordSum::of(record));
    }

    /// What the records of `tenant` take.
    pub(super) fn bytes_of(&self, tenant: &TenantId) -> usize {
        let mut tenants = self.tenants.lock();
        let Some(written) = tenants.get_mut(tenant) else { return 0 };
        written.drop_expired(self.now());
        written.all.bytes
    }

    /// What the records of each tenant take.
    pub(super) fn all(&self) -> Vec<(TenantId, RecordSum)> {
        let (now, mut tenants) = (self.now(), self.tenants.lock());
        let sums = tenants.iter_mut().map(|(tenant, written)| {
            written.drop_expired(now);
            (tenant.clone(), written.all)
        });
        sums.collect()
    }

    /// The first step that has not expired.
    fn now(&self) -> u64 {
        self.start.elapsed().as_secs() / STEP + 1
    }
}

impl TenantSteps {
    fn drop_expired(&mut self, now: u64) {
        while let Some(first) = self.by_expiry.first_entry().filter(|first| *first.key() < now) {
            self.all.subtract(first.remove());
        }
    }

    /// Subtracts a record that was counted at `step`, or next to it, because a moment passed between the two readings of the
    /// clock.
    fn subtract(&mut self, step: u64, record: RecordSum) {
        let near = self.by_expiry.range_mut(step - 1..=step + 1);
        let counted = near.map(|(_, sum)| sum).find(|sum| sum.records > 0 && sum.bytes >= record.bytes);
        if let Some(counted) = counted {
            counted.subtract(record);
            self.all.subtract(record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(len: usize, seconds: u64) -> WrittenRecord {
        WrittenRecord { len, keep: Duration::from_secs(seconds) }
    }

    #[tokio::test(start_paused = true)]
    async fn records_count_until_they_are_replaced_or_expire() {
        let (written, tenant) = (WrittenRecords::default(), TenantId::new("login").unwrap());
        assert_eq!((written.bytes_of(&tenant), written.all()), (0, Vec::new()));
        // It is written again and again, as a counter is.
        written.add(Some(&tenant), None, record(100, 60));
        for _ in 0..100 {
            tokio::time::advance(Duration::from_secs(1)).await;
            written.add(Some(&tenant), Some(record(100, 59)), record(100, 60));
        }
        written.add(Some(&tenant), None, record(500, 3600));
        let all = RecordSum { records: 2, bytes: 600 + 2 * OVERHEAD };
        assert_eq!(written.all(), [(tenant.clone(), all)]);
        // What was never counted is not subtracted.
        written.add(Some(&tenant), Some(record(9000, 7200)), record(1, 1));
        tokio::time::advance(Duration::from_secs(11)).await;
        assert_eq!(written.bytes_of(&tenant), all.bytes);
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(written.bytes_of(&tenant), 500 + OVERHEAD);
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!(written.bytes_of(&tenant), 0);
        assert_eq!(written.tenants.lock()[&tenant].by_expiry.len(), 0);
    }
}
