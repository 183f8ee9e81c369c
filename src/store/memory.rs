//! Records in memory.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use jiff::Timestamp;
use tokio::sync::watch;

use super::{Change, Error, StoreUsage, change::RecordOwner, clock::StoreClock};
use crate::{domain::TenantId, sync::Mutex};

/// How many expired records one update drops of one owner at most.
const MAX_EXPIRED: usize = 16;
/// What a record takes beside its bytes: its entries in the map and in the order of expiry, and what the allocator adds.
pub(super) const OVERHEAD: usize = 192;

/// Records within a number of bytes, and each tenant's within its share.
///
/// A record that only limits need gives way to a new one: first the tenant's own oldest, then the oldest of the tenant
/// that holds most. All others stay until they expire, because without one of them a message could be sent twice.
pub(super) struct MemoryBackend {
    max_bytes: usize,
    /// How many of them one tenant may hold.
    max_share: usize,
    clock: Arc<StoreClock>,
    /// When the store was created, by its clock.
    pub(super) created: Timestamp,
    /// The secret keys of the hashes that stand for keys.
    hashers: [RandomState; 2],
    records: Mutex<MemoryRecords>,
    /// Whether the last new record found no room.
    pub(super) is_full: watch::Sender<bool>,
}

/// Stands for the key of a record.
type KeyHash = [u64; 2];

#[derive(Default)]
struct MemoryRecords {
    by_key: HashMap<KeyHash, MemoryRecord>,
    by_tenant: HashMap<Option<TenantId>, usize>,
    owners: Vec<OwnedRecords>,
    bytes: usize,
    gave_way: u64,
    /// The owner whose expired records are dropped next.
    swept: usize,
}

struct MemoryRecord {
    bytes: Box<[u8]>,
    /// In milliseconds since 1970.
    expiry: i64,
    owner: u32,
    gives_way: bool,
}

/// The records of one tenant, in the order of their expiry.
#[derive(Default)]
struct OwnedRecords {
    tenant: Option<TenantId>,
    bytes: usize,
    kept: BTreeSet<(i64, KeyHash)>,
    giving_way: BTreeSet<(i64, KeyHash)>,
}

impl MemoryBackend {
    pub(super) fn new(max_bytes: usize, tenant_share: f64, clock: Arc<StoreClock>) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share"
        )]
        let max_share = if tenant_share < 1.0 { (max_bytes as f64 * tenant_share) as usize } else { usize::MAX };
        let (created, hashers) = (clock.now(), [RandomState::new(), RandomState::new()]);
        Self {
            max_bytes,
            max_share,
            clock,
            created,
            hashers,
            records: Mutex::default(),
            is_full: watch::Sender::new(false),
        }
    }

    pub(super) fn update<R>(
        &self,
        owner: RecordOwner<'_>,
        key: &str,
        mut change: impl FnMut(Option<&[u8]>) -> Result<(Change<Box<[u8]>>, R), Error>,
    ) -> Result<R, Error> {
        let now = self.clock.now();
        let hash = [self.hashers[0].hash_one(key), self.hashers[1].hash_one(key)];
        let mut records = self.records.lock();
        records.drop_expired(now.as_millisecond());
        let record = records.by_key.get(&hash).filter(|record| record.expiry > now.as_millisecond());
        let (change, answer) = change(record.map(|record| &*record.bytes))?;
        match change {
            Change::Keep => {}
            Change::Remove => _ = records.remove(&hash),
            Change::Put(bytes, keep) => {
                let expiry = now.saturating_add(keep).unwrap_or(Timestamp::MAX).as_millisecond();
                let replaced = records.remove(&hash).filter(|record| record.expiry > now.as_millisecond());
                let (owner, gives_way) = if let Some(record) = &replaced {
                    // What a running operation adds to its record is never refused.
                    (record.owner, record.gives_way)
                } else {
                    let index = records.index_of(owner.tenant);
                    self.make_room(&mut records, index, OVERHEAD + bytes.len(), now.as_millisecond())?;
                    (index, owner.gives_way)
                };
                records.insert(hash, MemoryRecord { bytes, expiry, owner, gives_way });
            }
        }
        Ok(answer)
    }

    /// Makes room for `need` more bytes of `owner`.
    fn make_room(&self, records: &mut MemoryRecords, owner: u32, need: usize, now: i64) -> Result<(), Error> {
        while records.owned(owner).bytes.saturating_add(need) > self.max_share {
            if !records.drop_one_expired(owner, now) && !records.give_way(owner) {
                return Err(Error::ShareFull);
            }
        }
        if records.bytes + need > self.max_bytes {
            for owner in 0..records.owners.len() {
                while records.drop_one_expired(index(owner), now) {}
            }
        }
        while records.bytes + need > self.max_bytes {
            let giving = records.owners.iter().enumerate().filter(|(_, owned)| !owned.giving_way.is_empty());
            let largest = giving.max_by_key(|(_, owned)| owned.bytes).map(|(owner, _)| index(owner));
            if !largest.is_some_and(|owner| records.give_way(owner)) {
                self.is_full.send_if_modified(|is_full| !std::mem::replace(is_full, true));
                return Err(Error::Full);
            }
        }
        if *self.is_full.borrow() {
            self.is_full.send_replace(false);
        }
        Ok(())
    }

    /// What all tenants hold.
    pub(super) fn usage(&self) -> StoreUsage {
        let records = self.records.lock();
        let tenants = records
            .owners
            .iter()
            .filter_map(|owned| Some((owned.tenant.clone()?, owned.kept.len() + owned.giving_way.len(), owned.bytes)));
        StoreUsage { tenants: tenants.collect(), max_bytes: self.max_bytes, gave_way: records.gave_way }
    }
}

fn index(owner: usize) -> u32 {
    u32::try_from(owner).unwrap_or(u32::MAX)
}

impl MemoryRecords {
    fn index_of(&mut self, tenant: Option<&TenantId>) -> u32 {
        let tenant = tenant.cloned();
        let next = self.owners.len();
        let owner = *self.by_tenant.entry(tenant.clone()).or_insert(next);
        if owner == next {
            self.owners.push(OwnedRecords { tenant, ..OwnedRecords::default() });
        }
        index(owner)
    }

    fn owned(&mut self, owner: u32) -> &mut OwnedRecords {
        &mut self.owners[owner as usize]
    }

    fn insert(&mut self, hash: KeyHash, record: MemoryRecord) {
        let (size, owned) = (OVERHEAD + record.bytes.len(), &mut self.owners[record.owner as usize]);
        owned.of(record.gives_way).insert((record.expiry, hash));
        owned.bytes += size;
        self.bytes += size;
        self.by_key.insert(hash, record);
    }

    fn remove(&mut self, hash: &KeyHash) -> Option<MemoryRecord> {
        let record = self.by_key.remove(hash)?;
        let (size, owned) = (OVERHEAD + record.bytes.len(), &mut self.owners[record.owner as usize]);
        owned.of(record.gives_way).remove(&(record.expiry, *hash));
        owned.bytes -= size;
        self.bytes -= size;
        Some(record)
    }

    /// Drops a few expired records of one owner: more than one update adds, and few enough to be quick.
    fn drop_expired(&mut self, now: i64) {
        if self.owners.is_empty() {
            return;
        }
        self.swept = (self.swept + 1) % self.owners.len();
        for _ in 0..MAX_EXPIRED {
            if !self.drop_one_expired(index(self.swept), now) {
                return;
            }
        }
    }

    fn drop_one_expired(&mut self, owner: u32, now: i64) -> bool {
        let OwnedRecords { kept, giving_way, .. } = self.owned(owner);
        let first = [kept.first(), giving_way.first()].into_iter().flatten().min().copied();
        first.is_some_and(|(expiry, hash)| expiry <= now && self.remove(&hash).is_some())
    }

    /// Removes the record of `owner` that gives way first: the one that expires first.
    fn give_way(&mut self, owner: u32) -> bool {
        let first = self.owned(owner).giving_way.first().copied();
        let gave_way = first.is_some_and(|(_, hash)| self.remove(&hash).is_some());
        self.gave_way += u64::from(gave_way);
        gave_way
    }
}

impl OwnedRecords {
    const fn of(&mut self, gives_way: bool) -> &mut BTreeSet<(i64, KeyHash)> {
        if gives_way { &mut self.giving_way } else { &mut self.kept }
    }
}
