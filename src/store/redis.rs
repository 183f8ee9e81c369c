//! Records at a Redis or Valkey server that several gateways share.
//!
//! A record changes by compare-and-set: the gateway reads it, changes it, and a script on the server writes it back if
//! nobody changed it since. A write whose answer is lost is repeated unchanged. The stamps in the record (`record.rs`)
//! tell whether the first write had arrived, so it takes effect at most once.

mod connection;
mod files;
mod last_written;
mod manager;
mod marks;
mod record;
mod sentinels;
mod shared_error;
mod update;
mod watch;

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
use self::{last_written::LastWritten, manager::ConnectionManager};
use super::{Change, Connectivity, Error, Risk, StoreStatus, UpdateStats, clock::StoreClock};
use crate::config;

/// The version of the record format. Gateways of another version share no records.
const SCHEMA: &str = "1";
/// How many commands of an update may time out before the update fails.
const MAX_TIMEOUTS: u32 = 4;
/// How often the connection is checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Updates whose keys share a stripe wait for each other. Each stripe remembers one record.
const LOCK_STRIPES: usize = 4096;

pub(super) struct RedisBackend {
    connection: ConnectionManager,
    script: Script,
    /// What all keys begin with.
    prefix: String,
    timeout: Duration,
    /// Serialize the updates of one key within this gateway. Otherwise most of them would conflict at the server.
    stripes: Vec<Mutex<LastWritten>>,
    hasher: RandomState,
    on_update: Box<dyn Fn(UpdateStats) + Send + Sync>,
}

impl RedisBackend {
    /// Records at `server`. Gateways with another `hash_key_digest` are refused.
    pub(super) fn new(
        config: &config::RedisConfig,
        server: RedisServer,
        hash_key_digest: String,
        clock: Arc<StoreClock>,
        settle_window: Duration,
        on_update: Box<dyn Fn(UpdateStats) + Send + Sync>,
    ) -> Self {
        let prefix = format!("{}:{SCHEMA}:", config.key_prefix);
        Self {
            connection: ConnectionManager::new(server, &prefix, hash_key_digest, clock, settle_window),
            script: Script::new(update::SWAP),
            prefix,
            timeout: config.timeout,
            stripes: (0..LOCK_STRIPES).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            on_update,
        }
    }

    /// Changes a record. If it `must_last`, the replicas that the settings name have it too.
    pub(super) async fn update<R>(
        &self,
        key: &str,
        deadline: Instant,
        must_last: bool,
        change: impl FnMut(Option<&[u8]>) -> Result<(Change<Box<[u8]>>, R), Error>,
    ) -> Result<R, Error> {
        let (start, mut conflicts) = (Instant::now(), 0);
        let until = deadline.min(start + MAX_TIMEOUTS * self.timeout);
        let key = format!("{}{key}", self.prefix);
        let result = match timeout_at(until, self.stripe(&key)).await {
            Ok(mut last) => {
                let stats = (&mut *last, &mut conflicts);
                self.compare_and_set(&key, until, must_last, change, stats).await
            }
            Err(_) => Err(Error::Contended),
        };
        let outcome = result.as_ref().map_or_else(Error::name, |_| "ok");
        (self.on_update)(UpdateStats { outcome, took: start.elapsed(), conflicts });
        result
    }

    async fn stripe(&self, key: &str) -> MutexGuard<'_, LastWritten> {
        let stripe = self.hasher.hash_one(key) % LOCK_STRIPES as u64;
        self.stripes[usize::try_from(stripe).unwrap_or_default()].lock().await
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
