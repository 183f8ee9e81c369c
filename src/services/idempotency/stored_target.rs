//! What the store holds of one target: who holds its lock, and which messages belong to whom. Pure: no clock, no I/O.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::job::OperationRef;

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
    operation: OperationRef,
    since: Timestamp,
    lease: Timestamp,
}

/// A dispatch whose outcome is unknown.
#[derive(Clone, Deserialize, Serialize)]
struct Unresolved {
    operation: OperationRef,
    since: Timestamp,
    ended: Timestamp,
}

/// A message that belongs to an operation. No other operation may take it for its own.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct ClaimedMessage {
    pub(super) id: String,
    /// The key of the operation that it belongs to.
    pub(super) operation: String,
    pub(super) fingerprint: String,
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
const MAX_UNRESOLVED: usize = 64;

impl StoredTarget {
    /// Takes the lock for `job` until `lease`, or renews it. Drops claims older than `recent`, which no new operation could
    /// take for its own, unless an unresolved operation could: for that, claims matter for `memory`.
    pub(super) fn lock(
        &mut self,
        (job, operation): (Uuid, &OperationRef),
        now: Timestamp,
        lease: Timestamp,
        (recent, memory): (Duration, Duration),
    ) -> LockAttempt {
        match self.holder.take() {
            // A holder that let its lease run out may have sent until then.
            Some(holder) if holder.lease <= now => self.add_unresolved(holder.operation, holder.since, holder.lease),
            Some(own) if own.job == job => {
                self.holder = Some(LockHolder { lease, ..own });
                return LockAttempt::Locked;
            }
            other @ Some(_) => {
                self.holder = other;
                return LockAttempt::Busy;
            }
            None => {}
        }
        let after = |at: Timestamp, time| at.saturating_add(time).unwrap_or(Timestamp::MAX);
        let later = |at| after(at, memory);
        let covers = |one: &Unresolved, at| later(at) >= one.since && at <= later(one.ended);
        self.claimed
            .retain(|claim| after(claim.at, recent) > now || self.unresolved.iter().any(|one| covers(one, claim.at)));
        if self.claimed.len() >= MAX_CLAIMED {
            return LockAttempt::Full;
        }
        self.holder = Some(LockHolder { job, operation: operation.clone(), since: now, lease });
        LockAttempt::Locked
    }

    /// Releases the lock, if `job` still holds it. `unresolved` is the time of the operation's dispatch, if its outcome
    /// is unknown and somebody may reconcile it.
    pub(super) fn release(
        &mut self,
        (job, operation): (Uuid, &OperationRef),
        unresolved: Option<(Timestamp, Timestamp)>,
    ) {
        if self.holder.take_if(|holder| holder.job == job).is_none() {
            return;
        }
        self.unresolved.retain(|one| one.operation != *operation);
        if let Some((since, ended)) = unresolved {
            self.add_unresolved(operation.clone(), since, ended);
        }
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

    /// The operations that may still be reconciled.
    pub(super) fn unresolved(&self) -> impl Iterator<Item = &OperationRef> {
        self.unresolved.iter().map(|one| &one.operation)
    }

    fn add_unresolved(&mut self, operation: OperationRef, since: Timestamp, ended: Timestamp) {
        if self.unresolved.len() >= MAX_UNRESOLVED {
            self.unresolved.remove(0);
        }
        self.unresolved.push(Unresolved { operation, since, ended });
    }
}
