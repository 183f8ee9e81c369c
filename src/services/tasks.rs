//! Work that outlives its caller.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    thread,
};

use tokio::runtime::Handle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Work that outlives its caller, but not the gateway. Clones share the work.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    aborted: CancellationToken,
}

impl Tasks {
    /// Work that runs in its caller's task while the caller polls it. If the caller drops it, it continues in a task of
    /// its own.
    pub(super) fn run_to_completion(&self, work: impl Future<Output = ()> + Send + 'static) -> RunToCompletion {
        let aborted = self.aborted.clone();
        let work = Box::pin(async move { _ = aborted.run_until_cancelled(work).await });
        RunToCompletion { work: Some(work), tracker: self.tracker.clone() }
    }

    /// Waits for the work that outlived its callers.
    pub async fn drain(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Aborts all work. Returns how many tasks were running.
    #[must_use]
    pub fn abort(&self) -> usize {
        self.aborted.cancel();
        self.tracker.len()
    }
}

/// Work that its caller polls. A task from the start would cost two context switches for each call.
pub(super) struct RunToCompletion {
    work: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    tracker: TaskTracker,
}

impl Future for RunToCompletion {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(work) = &mut self.work else { return Poll::Ready(()) };
        let poll = work.as_mut().poll(cx);
        if poll.is_ready() {
            self.work = None;
        }
        poll
    }
}

impl Drop for RunToCompletion {
    fn drop(&mut self) {
        // Work that panicked cannot continue, and neither can work without a runtime.
        if let (Some(work), Ok(runtime), false) = (self.work.take(), Handle::try_current(), thread::panicking()) {
            self.tracker.spawn_on(work, &runtime);
        }
    }
}
