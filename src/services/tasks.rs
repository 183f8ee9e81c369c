//! Work that outlives its caller.

use std::{
    future::{Future, ready},
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
    killed: CancellationToken,
}

impl Tasks {
    /// Work that runs in its caller's task while the caller polls it. If the caller drops it, it continues in a task of
    /// its own.
    pub(super) fn run_to_completion(&self, work: impl Future<Output = ()> + Send + 'static) -> RunToCompletion {
        self.run_with_last_act(work, ready(()))
    }

    /// The same, with an act that follows if the work is aborted.
    pub(super) fn run_with_last_act(
        &self,
        work: impl Future<Output = ()> + Send + 'static,
        last_act: impl Future<Output = ()> + Send + 'static,
    ) -> RunToCompletion {
        let Self { tracker, aborted, killed } = self.clone();
        let work = Box::pin(async move {
            if aborted.run_until_cancelled(work).await.is_none() {
                _ = killed.run_until_cancelled(last_act).await;
            }
        });
        RunToCompletion { work: Some(work), tracker }
    }

    /// Waits for the work that outlived its callers.
    pub async fn drain(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Aborts all work, which then has its last act. Returns how many tasks were running.
    pub fn abort(&self) -> usize {
        self.aborted.cancel();
        self.tracker.len()
    }

    /// Aborts all work without a last act, as the end of the process does.
    pub fn kill(&self) {
        self.killed.cancel();
        self.aborted.cancel();
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
