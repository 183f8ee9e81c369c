//! The calls of one connection: how many run, and since when none does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use hyper::rt::Executor;
use tokio::time::{Instant, sleep_until};

/// Runs and counts the calls of a connection, each from its first header to its last byte.
#[derive(Clone)]
pub(super) struct ConnectionCalls(Arc<CallCounts>);

struct CallCounts {
    running: AtomicUsize,
    opened: Instant,
    /// When the last call began, in nanoseconds after `opened`.
    last_begin: AtomicU64,
    /// When the last call ended, in nanoseconds after `opened`.
    last_end: AtomicU64,
}

impl ConnectionCalls {
    /// The calls of a connection that opens now.
    pub(super) fn new() -> Self {
        let [last_begin, last_end] = Default::default();
        Self(Arc::new(CallCounts { running: AtomicUsize::new(0), opened: Instant::now(), last_begin, last_end }))
    }

    /// The number of running calls.
    pub(super) fn running(&self) -> usize {
        self.0.running.load(Ordering::Acquire)
    }

    /// Since when no call has begun or ended.
    pub(super) fn quiet_since(&self) -> Instant {
        let [begin, end] = [&self.0.last_begin, &self.0.last_end].map(|at| at.load(Ordering::Acquire));
        self.0.opened + Duration::from_nanos(begin.max(end))
    }

    /// Waits until no call has run for `limit`, which may change.
    pub(super) async fn idle(&self, limit: impl Fn() -> Duration) {
        loop {
            let limit = limit();
            // While a call runs, the earliest end of the wait moves on.
            let quiet_since = match self.running() {
                0 => self.0.opened + Duration::from_nanos(self.0.last_end.load(Ordering::Acquire)),
                _ => Instant::now(),
            };
            if quiet_since.elapsed() >= limit {
                return;
            }
            sleep_until(quiet_since + limit).await;
        }
    }

    /// Starts a call. It ends when the returned value is dropped.
    pub(super) fn begin(&self) -> RunningCall {
        self.0.running.fetch_add(1, Ordering::AcqRel);
        self.0.last_begin.fetch_max(self.0.age(), Ordering::AcqRel);
        RunningCall(Arc::clone(&self.0))
    }
}

impl CallCounts {
    /// The nanoseconds since the connection was opened.
    fn age(&self) -> u64 {
        self.opened.elapsed().as_nanos().try_into().unwrap_or(u64::MAX)
    }
}

/// A running call.
pub(super) struct RunningCall(Arc<CallCounts>);

impl Drop for RunningCall {
    fn drop(&mut self) {
        self.0.last_end.fetch_max(self.0.age(), Ordering::AcqRel);
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for ConnectionCalls {
    fn execute(&self, call: F) {
        let running = self.begin();
        tokio::spawn(async move {
            let _running = running;
            call.await;
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const LIMIT: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_when_the_limit_has_passed_since_its_last_call() {
        let (calls, opened) = (ConnectionCalls::new(), Instant::now());
        calls.idle(|| LIMIT).await;
        assert_eq!(opened.elapsed(), LIMIT);

        // Two calls that overlap; the idle wait begins while they run.
        let (calls, opened) = (ConnectionCalls::new(), Instant::now());
        let (first, second) = (calls.begin(), calls.begin());
        let idle = tokio::spawn({
            let calls = calls.clone();
            async move {
                calls.idle(|| LIMIT).await;
                opened.elapsed()
            }
        });
        advance(LIMIT / 2).await;
        drop(first);
        advance(LIMIT * 10).await;
        assert_eq!(calls.running(), 1);
        assert!(!idle.is_finished());
        drop(second);
        assert_eq!(idle.await.unwrap(), LIMIT / 2 + LIMIT * 10 + LIMIT);
    }

    #[tokio::test]
    async fn a_call_that_panics_has_ended() {
        let calls = ConnectionCalls::new();
        calls.execute(async { panic!("on purpose") });
        while calls.running() > 0 {
            tokio::task::yield_now().await;
        }
    }
}
