//! At most one message per intent.
//!
//! An intent is noted before its request leaves, so that whatever happens then, somebody can find out how it ended. What
//! is at it is its job: a caller that goes away ends what the job has not begun, and what it has is followed to its end. `docs/ARCHITECTURE.md` has the states and how they follow from each other.

mod intent;
mod job;
mod records;

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{Instrument, Span};
use uuid::Uuid;

pub(super) use self::intent::{Found, Intent, Seek};
use self::job::Job;
use super::tasks::{RunToCompletion, Tasks};
use crate::{
    clock::Clock,
    config,
    domain::{CallContext, Error},
    limits::Limiter,
    pb::ErrorReason,
    store::Store,
    sync::Mutex,
    telemetry::{Call, Metrics},
    upstream::Client,
};

/// An answer, and whose it is.
#[derive(Clone)]
pub struct Outcome<A> {
    /// The answer.
    pub answer: A,
    /// Which call made it happen.
    pub origin: Origin,
}

/// Which call made happen what an answer tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This one.
    ThisCall,
    /// An earlier one with the same `request_id`.
    SameRequest,
    /// An earlier one without a name, a short time ago, of the same content.
    Duplicate,
    /// None: it is about a test number, and nothing happened.
    TestNumber,
}

impl Origin {
    /// What became of a call that was to make happen what is `done` now.
    pub(super) const fn outcome(self, done: &'static str) -> &'static str {
        match self {
            Self::ThisCall => done,
            Self::SameRequest => "replayed",
            Self::Duplicate => "duplicate",
            Self::TestNumber => "test_number",
        }
    }
}

/// What every kind of intent needs.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) upstream: Client,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) settings: config::Sends,
    /// How long one request may take.
    pub(super) attempt_timeout: Duration,
    /// What outlives its caller.
    pub(super) tasks: Tasks,
    pub(super) metrics: Metrics,
    pub(super) limiter: Limiter,
}

/// Makes intents of one kind happen once. Clones are the same.
pub(super) struct Once<I: Intent> {
    parts: Parts,
    running: Arc<Mutex<HashMap<String, Known<I::Answer>>>>,
}

impl<I: Intent> Clone for Once<I> {
    fn clone(&self) -> Self {
        Self { parts: self.parts.clone(), running: self.running.clone() }
    }
}

/// A named intent that a job of this process is at.
struct Known<A> {
    fingerprint: String,
    progress: watch::Receiver<Progress<A>>,
    awaited: Weak<DropGuard>,
}

/// How far a job has come.
enum Progress<A> {
    /// Nothing has left.
    Begun,
    /// A request may have left.
    Sent,
    /// This is the end.
    Over(Result<Outcome<A>, Error>),
}

/// A caller's place at a job. When the last one is given up, the job begins nothing more.
struct Waiting<A> {
    /// The job itself, at the place of the one who began it.
    job: Option<RunToCompletion>,
    progress: watch::Receiver<Progress<A>>,
    awaited: Option<Arc<DropGuard>>,
}

impl<I: Intent> Once<I> {
    pub(super) fn new(parts: Parts) -> Self {
        Self { parts, running: Arc::default() }
    }

    /// Makes `intent` happen, or finds that it has.
    pub(super) async fn run(&self, context: &CallContext, intent: I) -> Result<Outcome<I::Answer>, Error> {
        let end = self.find_or_make(context, intent).await;
        match end.as_ref().map(|answered| answered.origin) {
            Ok(Origin::SameRequest) => self.parts.metrics.duplicate_suppressed(I::RPC, "same_request"),
            Ok(Origin::Duplicate) => self.parts.metrics.duplicate_suppressed(I::RPC, "duplicate"),
            Ok(Origin::ThisCall | Origin::TestNumber) | Err(_) => {}
        }
        end
    }

    async fn find_or_make(&self, context: &CallContext, intent: I) -> Result<Outcome<I::Answer>, Error> {
        let intent = Arc::new(intent);
        let fingerprint = self.parts.store.digest(&[&intent.content()]);
        loop {
            let (waiting, joined) = match intent.request_id() {
                None => (self.start(context, &intent, &fingerprint, None), false),
                Some(id) => self.join_or_start(context, &intent, &fingerprint, id)?,
            };
            match waiting.end(context.deadline, I::IN_DOUBT).await {
                // The time that ran out was that of the call which was joined.
                Err(error) if joined && is_late(&error) && Instant::now() < context.deadline => {}
                Ok(answered) if joined => return Ok(Outcome { origin: Origin::SameRequest, ..answered }),
                end => return end,
            }
        }
    }

    fn join_or_start(
        &self,
        context: &CallContext,
        intent: &Arc<I>,
        fingerprint: &str,
        id: Uuid,
    ) -> Result<(Waiting<I::Answer>, bool), Error> {
        let name = format!("request:{}:{}:{id}", context.tenant.id, I::RPC);
        let mut running = self.running.lock();
        match running.get(&name) {
            Some(known) if known.fingerprint != fingerprint => Err(reused()),
            Some(known) => {
                let (progress, awaited) = (known.progress.clone(), known.awaited.upgrade());
                Ok((Waiting { job: None, progress, awaited }, true))
            }
            None => {
                let waiting = self.start(context, intent, fingerprint, Some(&name));
                let awaited = waiting.awaited.as_ref().map(Arc::downgrade).unwrap_or_default();
                let known = Known { fingerprint: fingerprint.to_owned(), progress: waiting.progress.clone(), awaited };
                running.insert(name, known);
                Ok((waiting, false))
            }
        }
    }

    fn start(
        &self,
        context: &CallContext,
        intent: &Arc<I>,
        fingerprint: &str,
        name: Option<&str>,
    ) -> Waiting<I::Answer> {
        let (progress, waiting) = watch::channel(Progress::Begun);
        let cancelled = CancellationToken::new();
        let id = Uuid::new_v4();
        let mut target = vec![context.tenant.id.as_str().as_bytes(), I::RPC.as_bytes()];
        target.extend(intent.target());
        let job = Job {
            id,
            target: format!("target:{}", self.parts.store.digest(&target)),
            once: self.clone(),
            context: CallContext { cancelled: cancelled.clone(), run_to_completion: true, ..context.clone() },
            intent: intent.clone(),
            fingerprint: fingerprint.to_owned(),
            is_named: name.is_some(),
            name: name.map_or_else(|| id.to_string(), str::to_owned),
            progress,
        };
        // Boxed before anything is put around it: each move would copy all of it.
        let job = Box::pin(job.run()).instrument(Span::current());
        let job = self.parts.tasks.run_to_completion(Call::in_current_call(job));
        Waiting { job: Some(job), progress: waiting, awaited: Some(Arc::new(cancelled.drop_guard())) }
    }
}

impl<A: Clone> Waiting<A> {
    /// The end of the job, or of the caller's time.
    async fn end(mut self, deadline: Instant, in_doubt: ErrorReason) -> Result<Outcome<A>, Error> {
        let lost = match timeout_at(deadline, self.over()).await {
            Ok(()) => Error::new(ErrorReason::Internal, "the gateway failed"),
            Err(_) => Error::new(ErrorReason::DeadlineExceeded, "the deadline ran out"),
        };
        drop(self.awaited.take());
        match &*self.progress.borrow() {
            Progress::Over(end) => end.clone(),
            Progress::Sent => Err(Error::new(in_doubt, "whether it happened is not known").source(lost)),
            Progress::Begun => Err(lost),
        }
    }

    async fn over(&mut self) {
        match &mut self.job {
            Some(job) => job.await,
            None => _ = self.progress.wait_for(|progress| matches!(progress, Progress::Over(_))).await,
        }
    }
}

fn is_late(error: &Error) -> bool {
    error.reason == ErrorReason::DeadlineExceeded
}

fn reused() -> Error {
    Error::new(ErrorReason::RequestIdReused, "the request_id names another request")
}
