//! Records that outlive a call: what was sent, what is unresolved, and who holds a lock.
//!
//! Records are small, expire, and change one at a time. A change may append to a log. The rest of the gateway does not know where they are kept.

mod change;
mod clock;
mod digest;
mod error;
mod format;
mod log;
mod memory;
mod redis;
mod status;

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use self::{
    change::RecordOwner, clock::StoreClock, digest::HashKey, format::RecordFormat, memory::MemoryBackend,
    redis::RedisBackend,
};
pub use self::{
    change::{Change, StoreUsage, UpdateStats},
    digest::Digest,
    error::Error,
    format::{telnyx, time, time_or_none},
    log::{LogAppend, LogBounds, LogEntry, LogPosition},
    status::{Connectivity, Risk, StoreStatus},
};
use crate::{
    clock::Clock,
    config::{self, Errors},
    domain::{PhoneNumber, TenantId},
};

/// The largest record, in bytes: several times the size of the fullest one.
const MAX_RECORD: usize = 64 << 10;
/// The longest update.
const MAX_UPDATE: Duration = Duration::from_mins(1);

/// The records. Clones share them.
#[derive(Clone)]
pub struct Store {
    backend: StoreBackend,
    clock: Arc<StoreClock>,
    refuses_at_risk: bool,
    hash_key: Arc<HashKey>,
}

#[derive(Clone)]
enum StoreBackend {
    Memory(Arc<MemoryBackend>),
    Redis(Arc<RedisBackend>),
}

impl Store {
    /// The store of `config`, which calls `on_update` after each update at a server. It connects on first use. A loss of
    /// records is a risk for a `settle_window`.
    ///
    /// # Errors
    /// What is wrong with the files that the settings name.
    pub fn new(
        config: &config::StoreConfig,
        settle_window: Duration,
        clock: Clock,
        on_update: impl Fn(UpdateStats) + Send + Sync + 'static,
    ) -> Result<Self, Errors> {
        if config.backend == config::Backend::Memory {
            return Ok(Self::memory(config, clock));
        }
        let mut errors = Errors::default();
        let hash_key = config.redis.hash_key_file.as_deref().and_then(|file| redis::hash_key(file, &mut errors));
        let server = redis::RedisServer::new(&config.redis, &mut errors);
        let (Some(hash_key), Some(server)) = (hash_key, server) else { return Err(errors) };
        let hash_key_digest = hash_key.digest(&[b"hash key"]).to_string();
        let clock = Arc::new(StoreClock::new(clock));
        let redis =
            RedisBackend::new(config, server, hash_key_digest, clock.clone(), settle_window, Box::new(on_update));
        let (backend, hash_key) = (StoreBackend::Redis(Arc::new(redis)), Arc::new(hash_key));
        Ok(Self { backend, clock, refuses_at_risk: config.redis.refuse_at_risk, hash_key })
    }

    /// A store in the memory of this process.
    ///
    /// # Panics
    /// If the system has no random bytes.
    #[must_use]
    pub fn memory(config: &config::StoreConfig, clock: Clock) -> Self {
        let mut hash_key = [0; 32];
        aws_lc_rs::rand::fill(&mut hash_key).expect("the system gives random bytes");
        let hash_key = Arc::new(HashKey::OfProcess(hash_key));
        let clock = Arc::new(StoreClock::new(clock));
        let memory = MemoryBackend::new(config.max_size, config.tenant_share, clock.clone());
        Self { backend: StoreBackend::Memory(Arc::new(memory)), clock, refuses_at_risk: true, hash_key }
    }

    /// The records of `tenant`: what is written through them counts against its share.
    #[must_use]
    pub const fn records_of<'a>(&'a self, tenant: &'a TenantId) -> TenantRecords<'a> {
        TenantRecords { store: self, owner: RecordOwner { tenant: Some(tenant), gives_way: false } }
    }

    /// The same for records that only limits need. They give way when the store is full.
    #[must_use]
    pub const fn counters_of<'a>(&'a self, tenant: &'a TenantId) -> TenantRecords<'a> {
        TenantRecords { store: self, owner: RecordOwner { tenant: Some(tenant), gives_way: true } }
    }

    /// Changes the record at `key` atomically. `change` may be called again after a conflict; its last result counts.
    /// A record that this writes is no tenant's.
    ///
    /// # Errors
    /// See [`Error`]. The record has not changed, unless the error is [`Error::Unknown`].
    pub async fn update<T, R>(&self, key: &str, change: impl FnMut(Option<T>) -> (Change<T>, R)) -> Result<R, Error>
    where
        T: Serialize + DeserializeOwned,
    {
        self.update_by(key, Instant::now() + MAX_UPDATE, change).await
    }

    /// Like [`Store::update`], until `deadline` at most. It fails at once while the store is not connected.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn update_by<T, R>(
        &self,
        key: &str,
        deadline: Instant,
        change: impl FnMut(Option<T>) -> (Change<T>, R),
    ) -> Result<R, Error>
    where
        T: Serialize + DeserializeOwned,
    {
        TenantRecords { store: self, owner: RecordOwner::default() }.update_by(key, deadline, change).await
    }

    /// The position of the newest entry of `log`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn log_end(&self, log: &str) -> Result<LogPosition, Error> {
        match &self.backend {
            StoreBackend::Memory(memory) => Ok(memory.logs.end(log, self.now())),
            StoreBackend::Redis(redis) => redis.log_end(log, self.now().as_millisecond()).await,
        }
    }

    /// What follows `after` in `log`: at most `max` entries.
    ///
    /// # Errors
    /// [`Error::LogGap`] if entries are missing after it, or it is not there.
    pub async fn read_log(&self, log: &str, after: LogPosition, max: usize) -> Result<Vec<LogEntry>, Error> {
        match &self.backend {
            StoreBackend::Memory(memory) => memory.logs.read(log, after, max),
            StoreBackend::Redis(redis) => redis.read_log(log, after, max).await,
        }
    }

    /// What the records of all tenants take, as far as this gateway has written them.
    #[must_use]
    pub fn usage(&self) -> StoreUsage {
        match &self.backend {
            StoreBackend::Memory(memory) => memory.usage(),
            StoreBackend::Redis(redis) => redis.usage(),
        }
    }

    /// Waits until the status differs from `last`. A server is checked every second; memory is always up, and may be full.
    pub async fn status(&self, last: Option<&StoreStatus>) -> StoreStatus {
        match (&self.backend, last) {
            (StoreBackend::Redis(redis), _) => Box::pin(redis.status(last)).await,
            (StoreBackend::Memory(memory), last) => {
                let seen = last.map(|last| last.risks.contains(&Risk::Full));
                let mut is_full = memory.is_full.subscribe();
                // The sender is in the store, so the wait ends only with a change.
                let is_full = is_full.wait_for(|is_full| seen != Some(*is_full)).await.is_ok_and(|is_full| *is_full);
                let risks = is_full.then_some(Risk::Full).into_iter().collect();
                StoreStatus { connectivity: Connectivity::Up, risks }
            }
        }
    }

    /// Whether an operation may start that must take effect at most once.
    ///
    /// # Errors
    /// [`Error::AtRisk`] if the store may lose its record.
    pub fn may_start(&self) -> Result<(), Error> {
        let StoreBackend::Redis(redis) = &self.backend else { return Ok(()) };
        let risk = redis.risks().into_iter().find(|risk| self.refuses_at_risk && risk.breaks_promises());
        risk.map_or(Ok(()), |risk| Err(Error::AtRisk(risk)))
    }

    /// The time by the clock that all gateways of the store share. Leases, windows and limits count by it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How far the gateway's own clock is behind the clock of the store.
    #[must_use]
    pub fn clock_offset(&self) -> SignedDuration {
        self.clock.offset()
    }

    /// Since when the store has kept all its records, by its clock. Without a record from before this time the store
    /// proves nothing about what happened before. None if the server can't be asked.
    pub async fn records_since(&self) -> Option<Timestamp> {
        match &self.backend {
            StoreBackend::Memory(memory) => Some(memory.created),
            StoreBackend::Redis(redis) => Box::pin(redis.records_since()).await,
        }
    }

    /// Whether a server keeps the records.
    #[must_use]
    pub const fn is_remote(&self) -> bool {
        matches!(self.backend, StoreBackend::Redis(_))
    }

    /// What stands for the phone behind a number in audit events. All gateways of a server have the same.
    #[must_use]
    pub fn phone_hash(&self, phone_number: &PhoneNumber) -> String {
        self.digest(&[b"phone", phone_number.identity().as_bytes()]).to_string()
    }

    /// A keyed hash that identifies `parts` and does not reveal them.
    #[must_use]
    pub fn digest(&self, parts: &[&[u8]]) -> Digest {
        self.hash_key.digest(parts)
    }
}

/// The records of one tenant in a store.
#[derive(Clone, Copy)]
pub struct TenantRecords<'a> {
    store: &'a Store,
    owner: RecordOwner<'a>,
}

impl TenantRecords<'_> {
    /// See [`Store::update`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn update<T, R>(self, key: &str, change: impl FnMut(Option<T>) -> (Change<T>, R)) -> Result<R, Error>
    where
        T: Serialize + DeserializeOwned,
    {
        self.update_by(key, Instant::now() + MAX_UPDATE, change).await
    }

    /// See [`Store::update_by`].
    ///
    /// # Errors
    /// See [`Error`].
    ///
    /// # Panics
    /// If a record has a map whose keys are not strings.
    pub async fn update_by<T, R>(
        self,
        key: &str,
        deadline: Instant,
        mut change: impl FnMut(Option<T>) -> (Change<T>, R),
    ) -> Result<R, Error>
    where
        T: Serialize + DeserializeOwned,
    {
        let format = if self.store.is_remote() { RecordFormat::Json } else { RecordFormat::Compact };
        let change = |record: Option<&[u8]>| {
            let record = record.map(|bytes| format.read(bytes)).transpose()?;
            let (change, answer) = change(record);
            let change = change.try_map(|record| {
                let bytes = format.write(&record);
                if bytes.len() > MAX_RECORD { Err(Error::TooLarge) } else { Ok(bytes) }
            });
            Ok((change?, answer))
        };
        match &self.store.backend {
            StoreBackend::Memory(memory) => memory.update(self.owner, key, change),
            // Boxed, so that callers with the memory backend do not carry the large future.
            StoreBackend::Redis(redis) => Box::pin(redis.update(self.owner, key, deadline, change)).await,
        }
    }
}

#[cfg(test)]
mod tests;
