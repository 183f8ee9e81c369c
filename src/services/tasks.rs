//! Work that outlives its caller.

use std::{future::Future, time::Duration};

use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Work that outlives its caller, but not the gateway. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    end: CancellationToken,
}

impl Tasks {
    /// Begins `work`.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let end = self.end.clone();
        self.tracker.spawn(async move { end.run_until_cancelled(work).await });
    }

    /// Waits for what is under way, at most for `limit`, and then ends it where it stands. Whether all came to its end.
    pub async fn drain(&self, limit: Duration) -> bool {
        self.tracker.close();
        let in_time = timeout(limit, self.tracker.wait()).await.is_ok();
        self.end.cancel();
        in_time
    }
}
