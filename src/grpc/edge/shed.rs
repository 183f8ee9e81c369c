//! Refusing what is too much.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{domain::Error, pb::ErrorReason};

/// When a caller that was shed may come back: long enough for many calls to end.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Takes a place for as long as the call runs, or refuses.
pub(super) fn permit(permits: &Semaphore) -> Result<SemaphorePermit<'_>, Error> {
    permits.try_acquire().map_err(|_| {
        Error::new(ErrorReason::GatewayOverloaded, "the gateway has too much to do").retry_after(RETRY_AFTER)
    })
}
