//! What happens to verifications after they are sent.
//!
//! Telnyx reports it late, repeatedly and in any order. Each event takes effect once, and the progress of a verification
//! never goes back.

mod progress;

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

pub use self::progress::VerificationProgress;
use crate::{
    domain::TenantId,
    store::{self, Change, Digest, Store},
};

/// How long an event is known. It is not published how long Telnyx repeats one.
const KEEP: Duration = Duration::from_hours(24);
/// How many events of one verification are known. There are less than ten.
const MAX_EVENTS: usize = 64;

/// An event of a verification.
#[derive(Clone, Debug)]
pub struct VerificationEvent {
    /// The verification.
    pub verification_id: String,
    /// Identifies the event among those of its verification.
    pub mark: String,
    /// How far the verification has come. `None` if the gateway does not know the event.
    pub progress: Option<VerificationProgress>,
}

/// What an event changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventEffect {
    /// The verification has come further.
    Progress,
    /// It is new and changes nothing: the verification has come further already, or the event is not known.
    None,
    /// The same event was recorded before.
    Repeated,
}

/// The events of verifications. Clones share them.
#[derive(Clone)]
pub struct Events {
    store: Store,
}

#[derive(Default, Deserialize, Serialize)]
struct KnownEvents {
    marks: BTreeSet<Digest>,
    progress: Option<VerificationProgress>,
}

impl Events {
    /// The events in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Records `event` of a verification of `tenant`, until `deadline` at most.
    ///
    /// # Errors
    /// The event may not be recorded.
    pub async fn record(
        &self,
        tenant: &TenantId,
        event: &VerificationEvent,
        deadline: Instant,
    ) -> Result<EventEffect, store::Error> {
        let key = format!("events:{tenant}:{}", event.verification_id);
        let mark = self.store.digest(&[event.mark.as_bytes()]);
        let record = |known: Option<KnownEvents>| {
            let mut known = known.unwrap_or_default();
            if known.marks.contains(&mark) || known.marks.len() >= MAX_EVENTS {
                return (Change::Keep, EventEffect::Repeated);
            }
            known.marks.insert(mark);
            let is_further = event.progress.is_some_and(|progress| progress.is_beyond(known.progress));
            if is_further {
                known.progress = event.progress;
            }
            let effect = if is_further { EventEffect::Progress } else { EventEffect::None };
            (Change::Put(known, KEEP), effect)
        };
        self.store.records_of(tenant).update_by(&key, deadline, record).await
    }
}
