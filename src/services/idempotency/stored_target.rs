//! What the store holds of one target: who holds its lock, and which messages belong to whom. Pure: no clock, no I/O.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::lease::Lease;
use super::job::Dispatch;
use crate::store::Digest;

/// The record of a target.
#[derive(Clone, Default, Deserialize, Serialize)]
pub(super) struct StoredTarget {
    holder: Option<LockHolder>,
    /// The operations whose outcome is unknown and that may still be reconciled.
    unresolved: Vec<Unresolved>,
    pub(super) claimed: Vec<ClaimedMessage>,
}

/// The job that holds the lock.
#[derive(Clone, Deserialize, Serialize)]
struct LockHolder {
    job: Uuid,
    /// The dispatch of the job: it may have left at any time until the lease ends. None if the job has dispatched nothing:
    /// it publishes its dispatch first.
    operation: Option<Unresolved>,
    lease: Lease,
}

/// An operation with a dispatch whose outcome is unknown.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Unresolved {
    /// The key of the operation.
    pub(super) operation: String,
    pub(super) fingerprint: Digest,
    pub(super) dispatch: Dispatch,
}

/// A message that belongs to an operation. No other operation may take it for its own.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct ClaimedMessage {
    pub(super) id: String,
    /// The key of the operation that it belongs to.
    pub(super) operation: String,
    pub(super) fingerprint: Digest,
    #[serde(with = "crate::store::time")]
    pub(super) at: Timestamp,
}

/// The result of an attempt to take the lock.
pub(super) enum LockAttempt {
    /// The job holds the lock.
    Locked,
    /// Another job holds it.
    Busy,
    /// The record has no room for another claim.
    Full,
}

/// The most claims, and the most unresolved dispatches, of one target: as many as fit into a record.
const MAX_CLAIMED: usize = 128;
pub(super) const MAX_UNRESOLVED: usize = 64;

impl StoredTarget {
    /// Takes the lock for `job` with `lease`, or renews it. `ended` tells when another lease ended. Drops claims older than `recent`, which no new operation could
    /// take for its own, unless an unresolved operation could: for that, claims matter for `memory`.
    pub(super) fn lock(
        &mut self,
        (job, operation): (Uuid, &Unresolved),
        now: Timestamp,
        (lease, ended): (Lease, impl Fn(&Lease) -> Option<Timestamp>),
        (recent, memory): (Duration, Duration),
    ) -> LockAttempt {
        if let Some(holder) = self.holder.take() {
            match ended(&holder.lease) {
                // A holder whose lease has ended may have sent until then.
                Some(ended) => {
                    let end = |one: Unresolved| Unresolved {
                        dispatch: Dispatch { ended: Some(ended), ..one.dispatch },
                        ..one
                    };
                    holder.operation.map(end).into_iter().for_each(|operation| self.add_unresolved(operation));
                }
                None if holder.job == job => {
                    self.holder = Some(LockHolder { lease, ..holder });
                    return LockAttempt::Locked;
                }
                None => {
                    self.holder = Some(holder);
                    return LockAttempt::Busy;
                }
            }
        }
        let after = |at: Timestamp, time| at.saturating_add(time).unwrap_or(Timestamp::MAX);
        let covers = |one: &Unresolved, at| {
            let Dispatch { since, ended, .. } = one.dispatch;
            after(at, memory) >= since && at <= after(ended.unwrap_or(since), memory)
        };
        self.claimed
            .retain(|claim| after(claim.at, recent) > now || self.unresolved.iter().any(|one| covers(one, claim.at)));
        if self.claimed.len() >= MAX_CLAIMED {
            return LockAttempt::Full;
        }
        // Where others are unresolved, the dispatch will be distinct, or comes after reads that take long. A dispatch that is
        // assumed here could take a message of theirs.
        let operation = self.unresolved.is_empty().then(|| operation.clone());
        self.holder = Some(LockHolder { job, operation, lease });
        LockAttempt::Locked
    }

    /// Stores what the job that holds the lock is about to dispatch. False if `job` does not hold it.
    pub(super) fn publish(&mut self, job: Uuid, operation: &Unresolved) -> bool {
        let holder = self.holder.as_mut().filter(|holder| holder.job == job);
        holder.map(|holder| holder.operation = Some(operation.clone())).is_some()
    }

    /// Replaces the lease of `job` by one that has ended. False if it does not hold the lock.
    pub(super) fn end_lease(&mut self, job: Uuid, ended: Lease) -> bool {
        let holder = self.holder.as_mut().filter(|holder| holder.job == job);
        holder.map(|holder| holder.lease = ended).is_some()
    }

    /// Frees the lock of a job that has dispatched nothing. False if `job` does not hold it.
    pub(super) fn unlock(&mut self, job: Uuid) -> bool {
        self.holder.take_if(|holder| holder.job == job).is_some()
    }

    /// Releases the lock, if `job` still holds it. The dispatch of `unresolved` has an unknown outcome.
    pub(super) fn release(&mut self, job: Uuid, operation: &str, unresolved: Option<Unresolved>) {
        if self.unlock(job) {
            self.resolve(operation);
            if let Some(unresolved) = unresolved {
                self.add_unresolved(unresolved);
            }
        }
    }

    /// Removes an operation from the unresolved ones.
    pub(super) fn resolve(&mut self, operation: &str) {
        self.unresolved.retain(|one| one.operation != operation);
    }

    /// Stores that a message belongs to an operation. The last claim counts: it comes from the operation that has the
    /// message as its answer.
    pub(super) fn claim(&mut self, message: ClaimedMessage) {
        self.claimed.retain(|other| other.id != message.id);
        self.claimed.push(message);
    }

    /// Whether an operation at the target may still be reconciled.
    pub(super) fn is_unresolved(&self) -> bool {
        self.holder.is_some() || !self.unresolved.is_empty()
    }

    /// Since when the operations may have been dispatched whose outcome is not known.
    pub(super) fn unresolved_since(&self) -> Vec<Timestamp> {
        self.unresolved.iter().map(|one| &one.dispatch).chain(self.holder_dispatch()).map(|one| one.since).collect()
    }

    /// Whether it says nothing that an absent record does not say.
    pub(super) fn is_empty(&self) -> bool {
        self.claimed.is_empty() && !self.is_unresolved()
    }

    /// What the job that holds the lock may have dispatched.
    pub(super) fn holder_dispatch(&self) -> Option<&Dispatch> {
        self.holder.as_ref()?.operation.as_ref().map(|operation| &operation.dispatch)
    }

    /// The operations that may still be reconciled.
    pub(super) fn unresolved(&self) -> &[Unresolved] {
        &self.unresolved
    }

    /// Adds a dispatch. An operation has several if a process was killed while it repeated the operation: nobody knows
    /// whether the repetition was dispatched. Equal ones are joined.
    fn add_unresolved(&mut self, unresolved: Unresolved) {
        let Unresolved { operation, dispatch, .. } = &unresolved;
        let is_equal = |one: &&mut Unresolved| one.operation == *operation && one.dispatch.echo == dispatch.echo;
        if let Some(one) = self.unresolved.iter_mut().find(is_equal) {
            one.dispatch.since = one.dispatch.since.min(dispatch.since);
            one.dispatch.ended = one.dispatch.ended.max(dispatch.ended);
            // Whoever was dispatched since avoids this timeout.
            one.dispatch.is_distinct |= dispatch.is_distinct;
        } else {
            self.unresolved.push(unresolved);
        }
    }
}

#[cfg(test)]
mod tests;
