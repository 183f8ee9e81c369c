//! The lock that makes the operations at one target run one after the other.
//!
//! Of two sends to one target at the same time, with both answers lost, nobody could tell which message belongs to which.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::super::lease::Lease;
use super::{
    job::{Dispatch, JobContext, MAX_BACKOFF, RECONCILE_TIMEOUT},
    stored_target::{ClaimedMessage, LockAttempt, StoredTarget, Unresolved},
};
use crate::{
    domain::Error,
    limits::QuotaReservation,
    pb::ErrorReason,
    store::{self, Change, Digest},
};

/// See [`TargetLock::skew`].
const MIN_SKEW: Duration = Duration::from_secs(5);

/// The target lock, held by one job until [`TargetLock::release`] or until its lease runs out.
pub(super) struct TargetLock {
    job: Arc<JobContext>,
    /// The key of the operation.
    operation: String,
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
        let locked = lock.renew().await;
        if let Err(error) = &locked {
            job.undo_unknown(error, async |job| unlock(&job).await);
        }
        locked.map(|()| lock)
    }

    /// Extends the lease, and reads again what is known of the other operations. If the lease ran out because the clock
    /// was moved, takes the lock again.
    pub(super) async fn renew(&mut self) -> Result<(), Error> {
        let (job, recent, memory) = (&self.job, self.recent(), self.memory());
        let locked = job.update_when_free(&job.keys.target, |target: Option<StoredTarget>| {
            let mut target = target.unwrap_or_default();
            let operation = self.unresolved(job.new_dispatch(Vec::new(), QuotaReservation::default()));
            let lease = (job.lease(), |other: &Lease| job.ended(other));
            let locked = match target.lock((job.id, &operation), job.now(), lease, (recent, memory)) {
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
    pub(super) fn unresolved_others(&self) -> impl Iterator<Item = &Unresolved> {
        self.others_than(&self.operation)
    }

    /// Whether there are any.
    pub(super) fn has_unresolved_others(&self) -> bool {
        self.unresolved_others().next().is_some()
    }

    /// The unresolved operations other than `operation`.
    pub(super) fn others_than(&self, operation: &str) -> impl Iterator<Item = &Unresolved> {
        self.target.unresolved().iter().filter(move |other| other.operation != operation)
    }

    /// The `dispatch` of `operation`, which may have ended earlier than its request record says: a failed write leaves the
    /// lease there. Claims are kept as long as they matter for the end that the target knows.
    pub(super) fn known_end(&self, operation: &str, dispatch: Dispatch) -> Dispatch {
        // A process that was killed leaves the time at which it took the lock.
        let is_same = |one: &&Unresolved| {
            let (since, ended) = (one.dispatch.since, one.dispatch.ended);
            one.operation == operation && since <= dispatch.since && ended >= Some(dispatch.since)
        };
        match self.target.unresolved().iter().find(is_same).and_then(|one| one.dispatch.ended) {
            Some(ended) => dispatch.ended_by(ended),
            None => dispatch,
        }
    }

    /// The IDs of the messages that belong to operations other than `operation`.
    pub(super) fn claimed_by_others(&self, operation: &str) -> impl Iterator<Item = &str> {
        let others = self.target.claimed.iter().filter(move |claim| claim.operation != operation);
        others.map(|claim| &*claim.id)
    }

    /// The ID of the newest message with the content of this operation within the duplicate window.
    pub(super) fn duplicate(&self) -> Option<&str> {
        let mut claims = self.target.claimed.iter().rev();
        claims.find(|claim| self.is_duplicate(claim.fingerprint, claim.at)).map(|claim| &*claim.id)
    }

    /// Whether this operation repeats another one, which began at that time. An operation with a request ID repeats none.
    pub(super) fn is_duplicate(&self, fingerprint: Digest, began: Timestamp) -> bool {
        let window = self.job.keys.duplicate_window.filter(|_| self.job.keys.request.is_none());
        let end = window.and_then(|window| began.saturating_add(window).ok());
        fingerprint == self.job.keys.fingerprint && end.is_some_and(|end| end > self.job.now())
    }

    /// Stores what is about to be dispatched, for those who find the lock after this process was killed, unless the target
    /// has it since the lock was taken. False if the lease has run out and another job holds the lock.
    pub(super) async fn publish(&mut self, dispatch: &Dispatch) -> Result<bool, store::Error> {
        if self.target.holder_dispatch().is_some() {
            return Ok(true);
        }
        let job = self.job.id;
        let operation = self.unresolved(Dispatch { reservation: QuotaReservation::default(), ..dispatch.clone() });
        self.change(|target| target.publish(job, &operation)).await
    }

    /// Stores that `operation` of another job is no longer unresolved, and which message belongs to it.
    pub(super) async fn resolve(&mut self, unresolved: &Unresolved, id: Option<String>) -> Result<(), store::Error> {
        let Unresolved { operation, fingerprint, dispatch } = unresolved;
        let claim = id.map(|id| ClaimedMessage {
            id,
            operation: operation.clone(),
            fingerprint: *fingerprint,
            at: dispatch.since,
        });
        let resolved = self.change(|target| {
            target.resolve(operation);
            if let Some(claim) = &claim {
                target.claim(claim.clone());
            }
        });
        resolved.await
    }

    async fn change<R>(&mut self, change: impl Fn(&mut StoredTarget) -> R) -> Result<R, store::Error> {
        let changed = self.job.update(&self.job.keys.target, |target: Option<StoredTarget>| {
            let mut target = target.unwrap_or_default();
            let result = change(&mut target);
            (self.put(target.clone()), (target, result))
        });
        let (target, result) = changed.await?;
        self.target = target;
        Ok(result)
    }

    /// The operation of this lock, as others find it. With a request ID, the request record alone has the reservation.
    fn unresolved(&self, dispatch: Dispatch) -> Unresolved {
        let (operation, fingerprint) = (self.operation.clone(), self.job.keys.fingerprint);
        let reservation = match &self.job.keys.request {
            Some(_) => QuotaReservation::default(),
            None => dispatch.reservation.clone(),
        };
        Unresolved { operation, fingerprint, dispatch: Dispatch { reservation, ..dispatch } }
    }

    /// What the job may have dispatched while it held the lock.
    pub(super) fn own_dispatch(&self) -> Dispatch {
        let published = self.target.holder_dispatch().cloned();
        let dispatch = published.unwrap_or_else(|| self.job.new_dispatch(Vec::new(), QuotaReservation::default()));
        dispatch.ended_by(self.job.now())
    }

    /// Releases the lock. In the same write, claims the message `id` for the operation, or stores that its `dispatch` is
    /// unresolved. Returns whether it could.
    pub(super) async fn release(self, id: Option<String>, dispatch: Option<&Dispatch>) -> bool {
        let claim = id.map(|id| ClaimedMessage {
            id,
            operation: self.operation.clone(),
            fingerprint: self.job.keys.fingerprint,
            at: self.job.now(),
        });
        let unresolved = dispatch.map(|dispatch| {
            let ended = dispatch.ended.or_else(|| Some(self.job.latest_end()));
            self.unresolved(Dispatch { ended, ..dispatch.clone() })
        });
        let written = self.write_release(claim.as_ref(), unresolved.as_ref()).await;
        if let Err(error) = &written {
            self.job.record_write_failed("target", error);
            // The caller need not wait for it. Others must learn whose the message is while they may reconcile theirs.
            let tasks = self.job.deps.tasks.clone();
            drop(tasks.run_to_completion(self.release_later(claim, unresolved)));
        }
        written.is_ok()
    }

    /// Writes the release as soon as the store accepts it.
    async fn release_later(self, claim: Option<ClaimedMessage>, unresolved: Option<Unresolved>) {
        let (until, mut pause) = (Instant::now() + self.memory(), MAX_BACKOFF);
        while Instant::now() + pause < until {
            sleep(pause).await;
            if self.write_release(claim.as_ref(), unresolved.as_ref()).await.is_ok() {
                return;
            }
            pause = (pause * 2).min(RECONCILE_TIMEOUT);
        }
    }

    async fn write_release(
        &self,
        claim: Option<&ClaimedMessage>,
        unresolved: Option<&Unresolved>,
    ) -> Result<(), store::Error> {
        let written = self.job.update(&self.job.keys.target, |target: Option<StoredTarget>| {
            let mut target = target.unwrap_or_default();
            target.release(self.job.id, &self.operation, unresolved.cloned());
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
        self.job.keys.duplicate_window.unwrap_or_default().max(2 * self.skew())
    }

    /// How long it matters which message at the target belongs to whom.
    fn memory(&self) -> Duration {
        let reconcilable = self.job.deps.settings.settle_window + 2 * self.skew();
        self.job.keys.duplicate_window.unwrap_or_default().max(reconcilable)
    }

    /// How far times of Telnyx and of the store may differ: never less than `Date` and answers leave open.
    fn skew(&self) -> Duration {
        self.job.deps.settings.clock_skew.max(MIN_SKEW)
    }

    fn put(&self, target: StoredTarget) -> Change<StoredTarget> {
        // Such as after a send that Telnyx refused. An absent record says the same.
        if target.is_empty() {
            return Change::Remove;
        }
        let memory = self.memory() + self.job.max_duration();
        let keep = if target.is_unresolved() { memory.max(self.job.unresolved_retention()) } else { memory };
        Change::Put(target, keep)
    }
}

/// Frees the lock of a job that has dispatched nothing.
async fn unlock(job: &JobContext) -> Result<(), store::Error> {
    let unlocked = job.update(&job.keys.target, |target: Option<StoredTarget>| {
        let mut target = target.unwrap_or_default();
        let change = match target.unlock(job.id) {
            false => Change::Keep,
            true if target.is_empty() => Change::Remove,
            true => Change::Put(target, job.unresolved_retention()),
        };
        (change, ())
    });
    unlocked.await
}

/// Ends the lease of an aborted job.
pub(super) async fn give_back(job: &JobContext) -> Result<(), store::Error> {
    let given_back = job.update(&job.keys.target, |target: Option<StoredTarget>| match target {
        Some(mut target) => {
            let is_ended = target.end_lease(job.id, job.lease_until(job.now()));
            (if is_ended { Change::Put(target, job.unresolved_retention()) } else { Change::Keep }, ())
        }
        None => (Change::Keep, ()),
    });
    given_back.await
}
