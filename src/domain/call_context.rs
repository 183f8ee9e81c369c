//! The context of a call.

use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Caller, Identity, RunningPermitRef, Tenant};

/// Who makes a call, and how long the caller waits for it.
#[derive(Clone, Debug)]
pub struct CallContext {
    /// The tenant.
    pub tenant: Arc<Tenant>,
    /// The tenant's identity that makes the call.
    pub identity: Arc<Identity>,
    /// When the caller stops waiting. No attempt starts after it.
    pub deadline: Instant,
    /// Cancelled when the caller is gone. No attempt starts after that. A running attempt is not interrupted: whoever
    /// needs no answer drops the future.
    pub cancelled: CancellationToken,
    /// Whether an attempt of a send or a creation keeps its full timeout, even beyond the deadline, because a task
    /// waits for its outcome. Otherwise the attempt ends at the deadline, and its outcome is unknown.
    pub run_to_completion: bool,
    /// Whether the gateway makes the request for itself, not for the caller. Such a request spends from the retry
    /// budget and is skipped when the budget is empty.
    pub internal: bool,
    /// The permit of the call. Waits for other calls give it back.
    pub permit: RunningPermitRef,
}

impl CallContext {
    /// The context of a call by `caller`, who waits until `deadline`.
    #[must_use]
    pub fn new(caller: Caller, deadline: Instant) -> Self {
        let Caller { tenant, identity } = caller;
        let (cancelled, permit) = (CancellationToken::new(), RunningPermitRef::default());
        Self { tenant, identity, deadline, cancelled, run_to_completion: false, internal: false, permit }
    }

    /// The same context, for a request that the gateway makes for itself.
    #[must_use]
    pub fn internal(&self) -> Self {
        Self { internal: true, ..self.clone() }
    }
}
