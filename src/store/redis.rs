//! Records at a Redis or Valkey server that several gateways share.
//!
//! A record changes by compare-and-set: the gateway reads it, changes it, and a script on the server writes it back if
//! nobody changed it since. A write whose answer is lost is repeated unchanged. The stamps in the record (`record.rs`)
//! tell whether the first write had arrived, so it takes effect at most once.

mod connection;
mod files;
mod last_written;
mod logs;
mod manager;
mod marks;
mod record;
mod sentinels;
mod shared_error;
mod update;
mod watch;
mod written;

use std::{
    collections::BTreeSet,
    error::Error as StdError,
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use ::redis::Script;
use jiff::Timestamp;
use tokio::{
    sync::{Mutex, MutexGuard},
    time::{Instant, timeout, timeout_at},
};

pub(super) use self::{connection::RedisServer, files::hash_key};
use self::{last_written::LastWritten, manager::ConnectionManager, written::WrittenRecords};
use super::{
    Change, Connectivity, Error, Risk, StoreStatus, StoreUsage, UpdateStats, change::RecordOwner, clock::StoreClock,
};
use crate::{config, domain::TenantId};

/// The version of the record format. Gateways of another version share no records.
const SCHEMA: &str = "1";
/// How many commands of an update may time out before the update fails.
const MAX_TIMEOUTS: u32 = 4;
/// How often the connection is checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Updates whose keys share a stripe wait for each other. Each stripe remembers one record.
const LOCK_STRIPES: usize = 4096;
/// What the records of a tenant may take however little memory the server has, in bytes.
const MIN_SHARE: usize = 1 << 20;

pub(super) struct RedisBackend {
    connection: ConnectionManager,
    script: Script,
    /// What all keys begin with.
    prefix: String,
    timeout: Duration,
    written: WrittenRecords,
    /// How much of what the servers may take the records may take that this gateway writes for one tenant. None: all of it.
    share: Option<f64>,
    /// Serialize the updates of one key within this gateway. Otherwise most of them would conflict at the server.
    stripes: Vec<Mutex<LastWritten>>,
    hasher: RandomState,
    on_update: Box<dyn Fn(UpdateStats) + Send + Sync>,
}

impl RedisBackend {
    /// Records at `server`. Gateways with another `hash_key_digest` are refused.
    pub(super) fn new(
        config: &config::StoreConfig,
        server: RedisServer,
        hash_key_digest: String,
        clock: Arc<StoreClock>,
        settle_window: Duration,
        on_update: Box<dyn Fn(UpdateStats) + Send + Sync>,
    ) -> Self {
        let replicas = f64::from(u32::try_from(config.replicas).unwrap_or(u32::MAX));
        let prefix = format!("{}:{SCHEMA}:", config.redis.key_prefix);
        Self {
            connection: ConnectionManager::new(server, &prefix, hash_key_digest, clock, settle_window),
            script: Script::new(update::SWAP),
            prefix,
            timeout: config.redis.timeout,
            written: WrittenRecords::default(),
            share: (config.tenant_share < 1.0).then(|| config.tenant_share / replicas),
            stripes: (0..LOCK_STRIPES).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            on_update,
        }
    }

    /// Changes a record of `owner`. If it may not give way, the replicas that the settings name have it too.
    pub(super) async fn update<R>(
        &self,
        owner: RecordOwner<'_>,
        key: &str,
        deadline: Instant,
        mut change: impl FnMut(Option<&[u8]>) -> Result<(Change<Box<[u8]>>, R), Error>,
    ) -> Result<R, Error> {
        let (start, mut conflicts) = (Instant::now(), 0);
        let until = deadline.min(start + MAX_TIMEOUTS * self.timeout);
        let key = self.full_key(key);
        let change = |record: Option<&[u8]>| {
            let (changed, answer) = change(record)?;
            // What a running operation adds to its record is never refused.
            let is_new = record.is_none() && matches!(changed, Change::Put(..) | Change::PutAndAppend(..));
            if is_new && owner.tenant.is_some_and(|tenant| self.has_full_share(tenant)) {
                return Err(Error::ShareFull);
            }
            Ok((changed, answer))
        };
        let result = match timeout_at(until, self.stripe(&key)).await {
            Ok(mut last) => {
                let stats = (&mut *last, &mut conflicts);
                self.compare_and_set(&key, until, owner, change, stats).await
            }
            Err(_) => Err(Error::Contended),
        };
        let outcome = result.as_ref().map_or_else(Error::name, |_| "ok");
        (self.on_update)(UpdateStats { outcome, took: start.elapsed(), conflicts });
        result
    }

    fn full_key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    async fn stripe(&self, key: &str) -> MutexGuard<'_, LastWritten> {
        let stripe = self.hasher.hash_one(key) % LOCK_STRIPES as u64;
        self.stripes[usize::try_from(stripe).unwrap_or_default()].lock().await
    }

    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share")]
    fn has_full_share(&self, tenant: &TenantId) -> bool {
        let max_bytes = self.connection.max_bytes();
        let share =
            self.share.filter(|_| max_bytes > 0).map(|share| ((max_bytes as f64 * share) as usize).max(MIN_SHARE));
        share.is_some_and(|share| self.written.bytes_of(tenant) >= share)
    }

    /// What this gateway has written for each tenant.
    pub(super) fn usage(&self) -> StoreUsage {
        let tenants = self.written.all().into_iter().map(|(tenant, sum)| (tenant, sum.records, sum.bytes));
        let max_bytes = usize::try_from(self.connection.max_bytes()).unwrap_or(usize::MAX);
        StoreUsage { tenants: tenants.collect(), max_bytes, gave_way: 0 }
    }

    /// Since when the servers have kept all records.
    pub(super) async fn records_since(&self) -> Option<Timestamp> {
        self.connection.records_since().await
    }

    /// Why the store may lose records, or has lost some.
    pub(super) fn risks(&self) -> BTreeSet<Risk> {
        self.connection.risks()
    }

    /// Waits until the status differs from `last`.
    pub(super) async fn status(&self, last: Option<&StoreStatus>) -> StoreStatus {
        loop {
            if last.is_some() {
                _ = timeout(CHECK_INTERVAL, self.connection.changed()).await;
            }
            let checked = self.connection.check().await;
            let connectivity = if checked.is_ok() { Connectivity::Up } else { Connectivity::Down };
            if last.is_none_or(|last| last.connectivity != connectivity) {
                match checked {
                    Ok(()) => tracing::info!("the store is available"),
                    Err(cause) => tracing::error!(cause = &*cause as &dyn StdError, "the store is not available"),
                }
            }
            let status = StoreStatus { connectivity, risks: self.risks() };
            if last != Some(&status) {
                return status;
            }
        }
    }
}
