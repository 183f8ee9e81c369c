//! What was read of profiles a short time ago.
//!
//! A profile tells why a send was refused, and how long a code lives. Reading it for each send would double the load of an
//! upstream that has a problem already.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};

use super::keyed_cache::KeyedCache;
use crate::{
    domain::{CallContext, Error, KeyIdentity},
    pb::ErrorReason,
    telnyx::Profile,
};

/// How long it is known what a profile is, or that there is none.
const KNOWN_FOR: Duration = Duration::from_mins(1);
/// How long another failure counts for those that wait for the same read.
const FAILED_FOR: Duration = Duration::from_secs(1);

/// What was read of the profiles of all accounts.
pub(super) struct KnownProfiles(KeyedCache<(KeyIdentity, String), Arc<Mutex<Option<ProfileRead>>>>);

/// The result of a read.
struct ProfileRead {
    at: Instant,
    result: Result<Arc<Profile>, Error>,
}

impl KnownProfiles {
    pub(super) fn new() -> Self {
        Self(KeyedCache::new(Arc::default))
    }

    /// Forgets a profile that has changed.
    pub(super) fn forget(&self, context: &CallContext, id: &str) {
        self.0.remove(&(*context.tenant.key.identity(), id.to_owned()));
    }

    /// A profile as it was within the last minute: what is known of it, else the result of `read`. Equal reads at the same
    /// time wait for one.
    pub(super) async fn get(
        &self,
        context: &CallContext,
        id: &str,
        read: impl Future<Output = Result<Profile, Error>>,
    ) -> Result<Arc<Profile>, Error> {
        let profile = self.0.get(&(*context.tenant.key.identity(), id.to_owned()));
        let Ok(mut known) = timeout_at(context.deadline, profile.lock()).await else {
            return Err(Error::new(ErrorReason::DeadlineExceeded, "the deadline was exceeded"));
        };
        if let Some(read) = known.as_ref().filter(|read| read.is_current()) {
            return read.result.clone();
        }
        let result = read.await.map(Arc::new);
        *known = Some(ProfileRead { at: Instant::now(), result: result.clone() });
        result
    }
}

impl ProfileRead {
    fn is_current(&self) -> bool {
        let is_known = self.result.as_ref().map_or_else(|error| error.reason == ErrorReason::ProfileNotFound, |_| true);
        self.at.elapsed() < if is_known { KNOWN_FOR } else { FAILED_FOR }
    }
}
