//! Work that outlives its caller.

use std::future::Future;

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

    /// Waits for what is under way.
    pub async fn drain(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Ends what is under way where it stands, and tells how much that was.
    #[must_use]
    pub fn cut(&self) -> usize {
        self.end.cancel();
        self.tracker.len()
    }
}
