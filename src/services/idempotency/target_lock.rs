//! The lock that makes the operations at one target run one after the other.
//!
//! Of two sends to one target at the same time, with both answers lost, nobody could tell which message belongs to which.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::{
    RECONCILE_TIMEOUT,
    job::{Dispatch, JobContext, MAX_BACKOFF, OperationRef},
    stored_target::{ClaimedMessage, LockAttempt, StoredTarget},
};
use crate::{
    domain::Error,
    pb::ErrorReason,
    store::{self, Change},
};

/// The target lock, held by one job until [`TargetLock::release`] or until its lease runs out.
pub(super) struct TargetLock {
    job: Arc<JobContext>,
    operation: OperationRef,
    /// The target as it was when the lock was last taken or renewed.
    target: StoredTarget,
}

impl TargetLock {
    /// Takes the lock. Waits while another job holds it.
    ///
    /// # Errors
    /// `DEADLINE_EXCEEDED`, `REQUEST_LIMIT_REACHED` and `STORE_UNAVAILABLE`.
    pub(super) async fn acquire(job: &Arc<JobContext>) -> Result<Self, Error> {
        let mut lock = Self { job: job.clone(), operation: job.operation(), target: StoredTarget::default() };
        lock.renew().await?;
        Ok(lock)
    }

    /// Extends the lease, and reads again what is known of the other operations. If the lease ran out because the clock
    /// was moved, takes the lock again.
    pub(super) async fn renew(&mut self) -> Result<(), Error> {
        let (job, recent, memory) = (&self.job, self.recent(), self.memory());
        let locked = job.update_when_free(&job.keys.target, |target: Option<StoredTarget>| {
            let mut target = target.unwrap_or_default();
            let locked = match target.lock((job.id, &self.operation), job.now(), job.lease(), (recent, memory)) {
                LockAttempt::Locked => Some(Ok(target.clone())),
                LockAttempt::Busy => None,
                LockAttempt::Full => {
                    let message = "the tenant made too many equal requests in a short time";
                    Some(Err(Error::new(ErrorReason::RequestLimitReached, message).retry_after(recent)))
                }
            };
            (self.put(target), locked)
        });
        self.target = locked.await??;
        Ok(())
    }

    /// The other operations at the target that may still be reconciled.
    pub(super) fn unresolved_others(&self) -> impl Iterator<Item = &OperationRef> {
        self.target.unresolved().filter(|other| **other != self.operation)
    }

    /// The IDs of the messages that belong to other operations.
    pub(super) fn claimed_by_others(&self) -> impl Iterator<Item = &str> {
        let others = self.target.claimed.iter().filter(|claim| claim.operation != self.operation.key);
        others.map(|claim| &*claim.id)
    }

    /// The ID of the newest message with the content of this operation within the duplicate window. An operation with a
    /// request ID has no duplicates.
    pub(super) fn duplicate(&self) -> Option<&str> {
        let window = self.job.keys.duplicate_window.filter(|_| self.job.keys.request.is_none())?;
        let now = self.job.now();
        let is_recent = |claim: &&ClaimedMessage| claim.at.saturating_add(window).is_ok_and(|end| end > now);
        let mut recent = self.target.claimed.iter().rev().take_while(is_recent);
        recent.find(|claim| claim.fingerprint == self.job.keys.fingerprint).map(|claim| &*claim.id)
    }

    /// Releases the lock. In the same write, claims the message `id` for the operation, or stores that its `dispatch` is
    /// unresolved. Returns whether it could.
    pub(super) async fn release(self, id: Option<String>, dispatch: Option<&Dispatch>) -> bool {
        let claim = id.map(|id| ClaimedMessage {
            id,
            operation: self.operation.key.clone(),
            fingerprint: self.job.keys.fingerprint.clone(),
            at: self.job.now(),
        });
        // Nobody repeats a call without a request ID.
        let dispatch = dispatch.filter(|_| self.job.keys.request.is_some());
        let unresolved = dispatch.map(|dispatch| (dispatch.since, dispatch.ended.unwrap_or_else(|| self.job.lease())));
        let written = self.write_release(claim.as_ref(), unresolved).await;
        if let Err(error) = &written {
            self.job.record_write_failed("target", error);
            // The caller need not wait for it. Others must learn whose the message is while they may reconcile theirs.
            let tasks = self.job.deps.tasks.clone();
            drop(tasks.run_to_completion(self.release_later(claim, unresolved)));
        }
        written.is_ok()
    }

    /// Writes the release as soon as the store accepts it.
    async fn release_later(self, claim: Option<ClaimedMessage>, unresolved: Option<(Timestamp, Timestamp)>) {
        let (until, mut pause) = (Instant::now() + self.memory(), MAX_BACKOFF);
        while Instant::now() + pause < until {
            sleep(pause).await;
            if self.write_release(claim.as_ref(), unresolved).await.is_ok() {
                return;
            }
            pause = (pause * 2).min(RECONCILE_TIMEOUT);
        }
    }

    async fn write_release(
        &self,
        claim: Option<&ClaimedMessage>,
        unresolved: Option<(Timestamp, Timestamp)>,
    ) -> Result<(), store::Error> {
        let written = self.job.update(&self.job.keys.target, |target: Option<StoredTarget>| {
            let mut target = target.unwrap_or_default();
            target.release((self.job.id, &self.operation), unresolved);
            if let Some(claim) = claim {
                target.claim(claim.clone());
            }
            (self.put(target), ())
        });
        written.await
    }

    /// How long an operation that begins later could take the message for its own, or for a duplicate.
    fn recent(&self) -> Duration {
        // Telnyx's clock tells when a message was created, the gateway's when it was claimed.
        self.job.keys.duplicate_window.unwrap_or_default().max(2 * self.job.deps.settings.clock_skew)
    }

    /// How long it matters which message at the target belongs to whom.
    fn memory(&self) -> Duration {
        let settings = &self.job.deps.settings;
        let reconcilable = settings.settle_window + 2 * settings.clock_skew;
        self.job.keys.duplicate_window.unwrap_or_default().max(reconcilable)
    }

    fn put(&self, target: StoredTarget) -> Change<StoredTarget> {
        let memory = self.memory() + self.job.max_duration();
        let retention = self.job.deps.settings.request_id_retention;
        let keep = if target.is_unresolved() { memory.max(retention) } else { memory };
        Change::Put(target, keep)
    }
}
