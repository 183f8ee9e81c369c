//! How callers wait for jobs: the call that starts a job runs it, and equal calls at the same time wait for it.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};
use tokio_util::sync::DropGuard;

use super::super::{outcome::Outcome, tasks::RunToCompletion};
use super::request_record::request_id_reused;
use crate::{domain::Error, pb::ErrorReason, store::Digest, sync::Mutex};

/// How far a job has come.
pub(super) enum JobState<A> {
    /// No request has left.
    Started,
    /// A request may have left.
    Dispatched,
    /// The job has finished.
    Finished(Result<Outcome<A>, Error>),
}

/// The jobs of this process whose operations have a request ID, by the key of the request record. Clones share them.
pub(super) type RunningJobs<A> = Arc<Mutex<HashMap<String, RunningJob<A>>>>;

pub(super) struct RunningJob<A> {
    fingerprint: Digest,
    state: watch::Receiver<JobState<A>>,
    waiters: Weak<DropGuard>,
}

/// Removes a job from the running ones when it is dropped.
pub(super) struct Registration<A> {
    jobs: RunningJobs<A>,
    key: String,
}

/// One caller that waits for a job. When the last one is dropped, the job starts no further attempt.
pub(super) struct JobWaiter<A> {
    /// The job itself, for the caller that started it.
    pub(super) job: Option<RunToCompletion>,
    pub(super) state: watch::Receiver<JobState<A>>,
    /// Cancels the job when the last waiter drops it.
    pub(super) waiters: Option<Arc<DropGuard>>,
}

/// Waits for the job at `key` if there is one, else starts it. Returns whether there was one.
///
/// # Errors
/// `REQUEST_ID_REUSED` if the job has another fingerprint.
pub(super) fn join_or_start<A>(
    running: &RunningJobs<A>,
    (key, fingerprint): (&str, Digest),
    start: impl FnOnce(Registration<A>) -> JobWaiter<A>,
) -> Result<(JobWaiter<A>, bool), Error> {
    let mut jobs = running.lock();
    match jobs.get(key) {
        Some(job) if job.fingerprint != fingerprint => Err(request_id_reused()),
        Some(job) => Ok((JobWaiter { job: None, state: job.state.clone(), waiters: job.waiters.upgrade() }, true)),
        None => {
            let waiter = start(Registration { jobs: running.clone(), key: key.to_owned() });
            let waiters = waiter.waiters.as_ref().map(Arc::downgrade).unwrap_or_default();
            let job = RunningJob { fingerprint, state: waiter.state.clone(), waiters };
            jobs.insert(key.to_owned(), job);
            Ok((waiter, false))
        }
    }
}

impl<A> Drop for Registration<A> {
    fn drop(&mut self) {
        self.jobs.lock().remove(&self.key);
    }
}

impl<A: Clone> JobWaiter<A> {
    /// Waits until the job has finished or `deadline` has passed. `outcome_unknown` is the reason of the error if a
    /// request may have left by then.
    pub(super) async fn wait(mut self, deadline: Instant, outcome_unknown: ErrorReason) -> Result<Outcome<A>, Error> {
        let error = match timeout_at(deadline, self.finished()).await {
            Ok(()) => Error::new(ErrorReason::Internal, "the gateway failed"),
            Err(_) => Error::new(ErrorReason::DeadlineExceeded, "the deadline was exceeded"),
        };
        // Cancelled before the state is read: the job publishes the state before it looks whether it is cancelled. So no
        // caller gets an error that says that nothing has left while something leaves.
        drop(self.waiters.take());
        match &*self.state.borrow() {
            JobState::Finished(result) => result.clone(),
            JobState::Dispatched => {
                Err(Error::new(outcome_unknown, "it is not known whether the request took effect").source(error))
            }
            JobState::Started => Err(error),
        }
    }

    async fn finished(&mut self) {
        match &mut self.job {
            Some(job) => job.await,
            None => _ = self.state.wait_for(|state| matches!(state, JobState::Finished(_))).await,
        }
    }
}
