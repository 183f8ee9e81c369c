//! Work that outlives its caller.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    thread,
};

use tokio::runtime::Handle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Work that outlives its caller, but not the gateway. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    end: CancellationToken,
}

impl Tasks {
    /// Work that its caller does while it waits. When the caller is gone, it goes on by itself.
    pub(super) fn follow(&self, work: impl Future<Output = ()> + Send + 'static) -> Followed {
        let end = self.end.clone();
        let work = Box::pin(async move { _ = end.run_until_cancelled(work).await });
        Followed { work: Some(work), tracker: self.tracker.clone() }
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

/// Work that its caller does while it waits: a task of its own would cost a hand-over to it and back.
pub(super) struct Followed {
    work: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    tracker: TaskTracker,
}

impl Future for Followed {
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

impl Drop for Followed {
    fn drop(&mut self) {
        // What panicked can't go on, and without a runtime nothing can.
        if let (Some(work), Ok(runtime), false) = (self.work.take(), Handle::try_current(), thread::panicking()) {
            self.tracker.spawn_on(work, &runtime);
        }
    }
}
