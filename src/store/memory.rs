//! Records in memory.

mod logs;
mod order;

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    mem,
    sync::Arc,
};

use hashbrown::HashTable;
use jiff::Timestamp;
use tokio::sync::watch;

use self::{logs::MemoryLogs, order::ExpiryOrder};
use super::{Change, Error, StoreUsage, change::RecordOwner, clock::StoreClock};
use crate::{domain::TenantId, sync::Mutex};

/// How many expired records one update drops of one owner at most.
const MAX_EXPIRED: usize = 16;
/// What a record takes beside its bytes at most: its cell with the room that growth leaves free, its entries in the table and
/// in the order of expiry, and what the allocator adds.
pub(super) const OVERHEAD: usize = 2 * size_of::<MemoryCell>();

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
    pub(super) logs: MemoryLogs,
    /// Whether the last new record found no room.
    pub(super) is_full: watch::Sender<bool>,
}

/// Stands for the key of a record.
type KeyHash = [u64; 2];

#[derive(Default)]
struct MemoryRecords {
    cells: Vec<MemoryCell>,
    /// The cells without a record.
    free: Vec<u32>,
    by_key: HashTable<u32>,
    by_tenant: HashMap<Option<TenantId>, u32>,
    owners: Vec<OwnedRecords>,
    bytes: usize,
    gave_way: u64,
    /// The owner whose expired records are dropped next.
    swept: usize,
}

/// The place of a record.
struct MemoryCell {
    hash: KeyHash,
    bytes: Box<[u8]>,
    /// In milliseconds since 1970.
    expiry: i64,
    /// The owner, and in the lowest bit whether the record gives way.
    kind: u32,
    /// Where it stands among the records that expire in the same second.
    position: u32,
}

/// The records of one tenant.
#[derive(Default)]
struct OwnedRecords {
    tenant: Option<TenantId>,
    records: usize,
    bytes: usize,
    /// Those that stay, and those that give way.
    orders: [ExpiryOrder; 2],
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
            logs: MemoryLogs::default(),
            is_full: watch::Sender::new(false),
        }
    }

    pub(super) fn update<R>(
        &self,
        owner: RecordOwner<'_>,
        key: &str,
        mut change: impl FnMut(Option<&[u8]>) -> Result<(Change<Box<[u8]>>, R), Error>,
    ) -> Result<R, Error> {
        let time = self.clock.now();
        let now = time.as_millisecond();
        let hash = [self.hashers[0].hash_one(key), self.hashers[1].hash_one(key)];
        let mut records = self.records.lock();
        records.drop_expired(now);
        let found = records.find(&hash);
        let live = found.filter(|cell| records.cell(*cell).expiry > now);
        let (change, answer) = change(live.map(|cell| &*records.cell(cell).bytes))?;
        let (bytes, keep, append) = match change {
            Change::Keep => return Ok(answer),
            Change::Remove => {
                records.remove_any(found);
                return Ok(answer);
            }
            Change::Put(bytes, keep) => (bytes, keep, None),
            Change::PutAndAppend(bytes, keep, append) => (bytes, keep, Some(append)),
        };
        let expiry = time.saturating_add(keep).unwrap_or(Timestamp::MAX).as_millisecond();
        if let Some(cell) = live {
            // What a running operation adds to its record is never refused.
            records.replace(cell, bytes, expiry);
        } else {
            records.remove_any(found);
            let index = records.index_of(owner.tenant);
            self.make_room(&mut records, index, OVERHEAD + bytes.len(), now)?;
            let kind = index << 1 | u32::from(owner.gives_way);
            records.insert(MemoryCell { hash, bytes, expiry, kind, position: 0 });
        }
        // While the records are locked, so that the entries are in the order of the changes.
        if let Some(append) = append {
            self.logs.append(append, time);
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
            let giving = records.owners.iter().enumerate().filter(|(_, owned)| !owned.orders[1].is_empty());
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
        let tenants =
            records.owners.iter().filter_map(|owned| Some((owned.tenant.clone()?, owned.records, owned.bytes)));
        StoreUsage { tenants: tenants.collect(), max_bytes: self.max_bytes, gave_way: records.gave_way }
    }
}

fn index(owner: usize) -> u32 {
    u32::try_from(owner).unwrap_or(u32::MAX)
}

impl MemoryRecords {
    fn index_of(&mut self, tenant: Option<&TenantId>) -> u32 {
        let tenant = tenant.cloned();
        let next = index(self.owners.len());
        let owner = *self.by_tenant.entry(tenant.clone()).or_insert(next);
        if owner == next {
            self.owners.push(OwnedRecords { tenant, ..OwnedRecords::default() });
        }
        owner
    }

    fn owned(&mut self, owner: u32) -> &mut OwnedRecords {
        &mut self.owners[owner as usize]
    }

    fn cell(&self, cell: u32) -> &MemoryCell {
        &self.cells[cell as usize]
    }

    fn find(&self, hash: &KeyHash) -> Option<u32> {
        self.by_key.find(hash[0], |cell| self.cell(*cell).hash == *hash).copied()
    }

    fn insert(&mut self, record: MemoryCell) {
        let (hash, size, owned) =
            (record.hash, OVERHEAD + record.bytes.len(), &mut self.owners[(record.kind >> 1) as usize]);
        owned.records += 1;
        owned.bytes += size;
        self.bytes += size;
        let cell = if let Some(cell) = self.free.pop() {
            self.cells[cell as usize] = record;
            cell
        } else {
            self.cells.push(record);
            index(self.cells.len() - 1)
        };
        self.by_key.insert_unique(hash[0], cell, |cell| self.cells[*cell as usize].hash[0]);
        self.line_up(cell);
    }

    fn remove(&mut self, cell: u32) {
        self.step_out(cell);
        let bytes = mem::take(&mut self.cells[cell as usize].bytes);
        let MemoryCell { hash, kind, .. } = self.cells[cell as usize];
        let size = OVERHEAD + bytes.len();
        let owned = self.owned(kind >> 1);
        owned.records -= 1;
        owned.bytes -= size;
        self.bytes -= size;
        if let Ok(entry) = self.by_key.find_entry(hash[0], |other| *other == cell) {
            entry.remove();
        }
        self.free.push(cell);
    }

    fn remove_any(&mut self, found: Option<u32>) {
        if let Some(cell) = found {
            self.remove(cell);
        }
    }

    fn replace(&mut self, cell: u32, bytes: Box<[u8]>, expiry: i64) {
        self.step_out(cell);
        let record = &mut self.cells[cell as usize];
        record.expiry = expiry;
        let (new, old) = (bytes.len(), mem::replace(&mut record.bytes, bytes).len());
        let owned = &mut self.owners[(record.kind >> 1) as usize];
        owned.bytes = owned.bytes + new - old;
        self.bytes = self.bytes + new - old;
        self.line_up(cell);
    }

    /// Gives the record its place in the order of expiry.
    fn line_up(&mut self, cell: u32) {
        let record = &mut self.cells[cell as usize];
        let owned = &mut self.owners[(record.kind >> 1) as usize];
        record.position = owned.orders[(record.kind & 1) as usize].add(record.expiry, cell);
    }

    fn step_out(&mut self, cell: u32) {
        let MemoryCell { kind, expiry, position, .. } = self.cells[cell as usize];
        let order = &mut self.owned(kind >> 1).orders[(kind & 1) as usize];
        if let Some(moved) = order.take(expiry, position) {
            self.cells[moved as usize].position = position;
        }
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
        let expired = self.owned(owner).orders.iter().find_map(|order| order.expired(now));
        expired.map(|cell| self.remove(cell)).is_some()
    }

    /// Removes the record of `owner` that gives way first: one that expires first.
    fn give_way(&mut self, owner: u32) -> bool {
        let gave_way = self.owned(owner).orders[1].first().map(|cell| self.remove(cell)).is_some();
        self.gave_way += u64::from(gave_way);
        gave_way
    }
}
