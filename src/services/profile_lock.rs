//! The lock that makes the changes of one profile run one after the other.
//!
//! A change inside a channel block reads the profile and writes the whole block. Of two at the same time one would be lost.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::dependencies::Dependencies;
use crate::{
    domain::{CallContext, Error, TenantId},
    pb::ErrorReason,
    store::Change,
};

/// The first and the longest pause before another try to take the lock. Pauses double.
const FIRST_BACKOFF: Duration = Duration::from_millis(5);
const MAX_BACKOFF: Duration = Duration::from_millis(250);

/// The lock of one profile, held until it is dropped. A process that is killed holds it until the deadline of its call.
pub(super) struct ProfileLock {
    deps: Arc<Dependencies>,
    tenant: TenantId,
    key: String,
    /// Who holds the lock. The record of the store is this ID, and there is none while the lock is free.
    holder: Uuid,
}

impl ProfileLock {
    /// Takes the lock. Waits while another change holds it.
    ///
    /// # Errors
    /// `DEADLINE_EXCEEDED` and `STORE_UNAVAILABLE`.
    pub(super) async fn acquire(deps: &Arc<Dependencies>, call: &CallContext, profile_id: &str) -> Result<Self, Error> {
        // Tenants with the same API key change the same profiles.
        let account = call.tenant.key.authorization();
        let key = format!("profile:{}", deps.store.digest(&[account.as_bytes(), profile_id.as_bytes()]));
        // Made before it is held: if the answer of the store is lost, dropping it frees the lock.
        let lock = Self { deps: deps.clone(), tenant: call.tenant.id.clone(), key, holder: Uuid::new_v4() };
        let mut pause = FIRST_BACKOFF;
        loop {
            let lease = call.deadline.saturating_duration_since(Instant::now());
            let take = |holder: Option<Uuid>| match holder {
                Some(other) if other != lock.holder => (Change::Keep, false),
                _ => (Change::Put(lock.holder, lease), true),
            };
            if deps.store.records_of(&call.tenant.id).update_by(&lock.key, call.deadline, take).await? {
                return Ok(lock);
            }
            if Instant::now() + pause >= call.deadline {
                let message = "the deadline was exceeded while another change of the profile was running";
                return Err(Error::new(ErrorReason::DeadlineExceeded, message));
            }
            sleep(pause).await;
            pause = (pause * 2).min(MAX_BACKOFF);
        }
    }
}

impl Drop for ProfileLock {
    /// Frees the lock, also if the caller has gone away.
    fn drop(&mut self) {
        let (deps, tenant) = (self.deps.clone(), self.tenant.clone());
        let (key, holder) = (std::mem::take(&mut self.key), self.holder);
        drop(self.deps.tasks.run_to_completion(async move {
            let free = |record: Option<Uuid>| match record {
                Some(held) if held == holder => (Change::Remove, ()),
                _ => (Change::Keep, ()),
            };
            // If the store does not answer, the lock is free when its record expires.
            if let Err(error) = deps.store.records_of(&tenant).update(&key, free).await {
                tracing::debug!(%error, "a profile stays locked until the deadline of its call");
            }
        }));
    }
}
