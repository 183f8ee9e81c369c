//! At most one effect per operation.
//!
//! An operation is recorded before its request leaves, so that its outcome can always be found. [`Job::execute`] has the
//! steps. `docs/ARCHITECTURE.md` has the states of a request record.

mod job;
mod matching;
mod operation;
mod reconcile;
mod request_record;
mod stored_target;
mod target_lock;
mod waiters;

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};
use uuid::Uuid;

pub(super) use self::operation::{Admission, AnswerInfo, Candidates, Distinct, IdempotentOperation, OperationSpec};
pub(super) use self::{
    job::Dispatch,
    request_record::{AcquireResult, RequestEnd, RequestRecord},
};
use self::{
    job::{JobContext, OperationKeys},
    stored_target::{MAX_UNRESOLVED, StoredTarget},
    target_lock::TargetLock,
    waiters::{JobState, JobWaiter, Registration, RunningJobs},
};
use super::{Origin, Outcome, dependencies::Dependencies};
use crate::{
    domain::{CallContext, Error, Tenant},
    pb::ErrorReason,
    store::{self, Change},
    telemetry::Call,
};

/// Executes operations of one kind at most once each. Clones share their running jobs.
pub(super) struct IdempotentExecutor<O: IdempotentOperation> {
    deps: Arc<Dependencies>,
    running: RunningJobs<O::Answer>,
}

/// One execution of one operation.
struct Job<O: IdempotentOperation> {
    context: Arc<JobContext>,
    operation: Arc<O>,
    body: Bytes,
    /// None without a request ID.
    record: Option<RequestRecord<O::Answer>>,
    state: watch::Sender<JobState<O::Answer>>,
}

/// Why a job has no answer.
struct Failure {
    error: Error,
    /// The dispatch whose outcome is unknown. None if nothing took effect.
    unresolved: Option<Dispatch>,
}

type JobResult<A> = Result<Outcome<A>, Failure>;

/// Since when operations at a target may have been dispatched whose outcome is not known. It changes nothing.
pub(super) async fn unresolved_since(
    deps: &Dependencies,
    tenant: &Tenant,
    rpc: &str,
    target: &[&[u8]],
) -> Result<Vec<Timestamp>, store::Error> {
    let key = job::target_key(deps, tenant, rpc, target);
    let read = |target: Option<StoredTarget>| (Change::Keep, target.unwrap_or_default().unresolved_since());
    deps.store.update(&key, read).await
}

/// A failure that left nothing at Telnyx.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, unresolved: None }
    }
}

impl<O: IdempotentOperation> Job<O> {
    /// Executes the operation, or finds its answer. Steps 3 to 7 hold the target lock.
    async fn execute(&self) -> Result<Outcome<O::Answer>, Error> {
        // 1. Request record: create it, or find the answer or an unresolved dispatch in it. A call without a request ID
        //    has none, because nobody can repeat it.
        let mut earlier = None;
        if let Some(record) = &self.record {
            match record.acquire().await? {
                AcquireResult::Acquired { unresolved } => earlier = unresolved,
                AcquireResult::Done(answer) => {
                    let answer = self.operation.restore(answer);
                    return Ok(Outcome { answer, origin: Origin::SameRequest });
                }
            }
        }
        // 2. Target lock: operations that could be mistaken for each other run one after the other.
        let (result, is_stored) = match TargetLock::acquire(&self.context).await {
            Err(error) => {
                let result = Err(Failure { error, unresolved: earlier });
                let is_stored = self.finish(&result).await;
                (result, is_stored)
            }
            Ok(mut lock) => {
                let result = self.send_or_reuse(&mut lock, earlier.clone()).await;
                // 7 and 8. What the send changes beside it depends on neither.
                let ended = self.end(lock, earlier, &result);
                let (is_stored, ()) = tokio::join!(ended, self.executed(&result));
                (result, is_stored)
            }
        };
        // The gateway never returns an answer of an operation with a request ID that is stored nowhere: another operation
        // could claim the same message.
        match result {
            Ok(_) if !is_stored => Err(Error::new(O::OUTCOME_UNKNOWN, "the result could not be stored")),
            result => result.map_err(|failure| failure.error),
        }
    }

    /// Stores the end of an operation that holds the lock, and frees the lock. Returns whether a record has the result.
    async fn end(&self, lock: TargetLock, earlier: Option<Dispatch>, result: &JobResult<O::Answer>) -> bool {
        // 7. Finish the request record. If that fails, the record still has a dispatch that has ended.
        let is_stored = self.finish(result).await;
        // 8. Release: in the same write, the message is claimed and the dispatch stays unresolved. As long as a
        //    request record has a dispatch, the target must have it too.
        let id = result.as_ref().ok().and_then(|outcome| O::describe(&outcome.answer).id).map(str::to_owned);
        let unresolved = result.as_ref().err().and_then(|failure| failure.unresolved.clone());
        let still_recorded = || earlier.unwrap_or_else(|| lock.own_dispatch());
        let unresolved = unresolved.or_else(|| (!is_stored).then(still_recorded));
        let is_claimed = lock.release(id, unresolved.as_ref()).await;
        is_stored || is_claimed
    }

    /// Tells the operation that it took effect, unless the answer is another one's.
    async fn executed(&self, result: &JobResult<O::Answer>) {
        let JobContext { deps, call, .. } = &*self.context;
        if let Ok(Outcome { answer, origin: Origin::ThisCall | Origin::SameRequest }) = result {
            self.operation.executed(deps, call, answer).await;
        }
    }

    /// Stores the result in the request record, if there is one. Returns whether it could.
    async fn finish(&self, result: &JobResult<O::Answer>) -> bool {
        let Some(record) = &self.record else { return true };
        let end = match result {
            Ok(outcome) => RequestEnd::Done(O::redact(&outcome.answer)),
            Err(Failure { unresolved: Some(dispatch), .. }) => RequestEnd::Unresolved(dispatch),
            Err(Failure { unresolved: None, .. }) => RequestEnd::NoEffect,
        };
        record.finish(end).await
    }

    /// Finds that the operation took effect, or dispatches it. Rare steps are boxed, which keeps the common future small.
    async fn send_or_reuse(&self, lock: &mut TargetLock, earlier: Option<Dispatch>) -> JobResult<O::Answer> {
        let JobContext { deps, call, .. } = &*self.context;
        // 3. Reuse. What others left unresolved comes first, because it decides what is left for this operation. An
        //    earlier dispatch that took effect is the answer. One that did not returns its quota.
        if lock.has_unresolved_others() {
            Box::pin(self.resolve_others(lock))
                .await
                .map_err(|error| Failure { error, unresolved: earlier.clone() })?;
        }
        if let Some(dispatch) = earlier {
            let dispatch = lock.known_end(&self.context.operation(), dispatch);
            if let Some(answer) = Box::pin(self.reconcile_stale(lock, &dispatch)).await? {
                return Ok(Outcome { answer, origin: Origin::SameRequest });
            }
            deps.limiter.release(&call.tenant, &dispatch.reservation).await;
        }
        // The request is made distinct from what is still unresolved.
        let distinct = if lock.has_unresolved_others() { Box::pin(self.distinguish(lock)).await? } else { None };
        // 4. Quota: reserved here and not earlier, because what is reused needs none. A duplicate is reused too.
        let preexisting = if O::HAS_CREATION_TIME { Vec::new() } else { self.preexisting().await? };
        let reservation = match self.operation.admit(deps, call, lock.duplicate()).await? {
            Admission::Dispatch(reservation) => reservation,
            Admission::Reuse(answer) => return Ok(Outcome { answer, origin: Origin::Duplicate }),
        };
        let dispatch = self.context.new_dispatch(preexisting, reservation);
        let result = self.dispatch(lock, dispatch.clone(), distinct).await;
        // The dispatch record keeps the reservation of what may have been sent.
        if let Err(Failure { unresolved: None, .. }) = &result {
            deps.limiter.release(&call.tenant, &dispatch.reservation).await;
        }
        result
    }

    async fn dispatch(
        &self,
        lock: &mut TargetLock,
        mut dispatch: Dispatch,
        distinct: Option<Distinct>,
    ) -> JobResult<O::Answer> {
        let JobContext { deps, call, .. } = &*self.context;
        let mut body = self.body.clone();
        if let Some(distinct) = distinct {
            body = distinct.body;
            dispatch.echo.timeout_secs = Some(distinct.timeout_secs);
            dispatch.is_distinct = true;
        }
        if !lock.publish(&dispatch).await.map_err(Error::from)? {
            return Err(Error::new(ErrorReason::DeadlineExceeded, "another request took over the target").into());
        }
        // 5. Dispatch: record it, publish it, and only then send. A process that is killed leaves the dispatch record.
        if let Some(record) = &self.record
            && !record.record_dispatch(&dispatch).await?
        {
            return Err(Error::new(O::OUTCOME_UNKNOWN, "another call took over the request").into());
        }
        self.state.send_replace(JobState::Dispatched);
        // Checked after publishing: see `JobWaiter::wait`.
        if call.cancelled.is_cancelled() {
            return Err(Error::new(ErrorReason::DeadlineExceeded, "no caller waits for the request").into());
        }
        let error = match self.operation.execute(&deps.upstream, call, body).await {
            Ok(answer) => return Ok(Outcome::of_this_call(answer)),
            Err(error) if error.reason == O::OUTCOME_UNKNOWN => error,
            Err(error) => return Err(error.into()),
        };
        // 6. Reconcile: the answer was lost, but the message may be in Telnyx's list.
        dispatch.ended = Some(self.context.now());
        match Box::pin(self.reconcile_lost(lock, &dispatch)).await {
            Some(answer) => Ok(Outcome::of_this_call(answer)),
            None => Err(Failure { error, unresolved: Some(dispatch) }),
        }
    }

    /// The request with a timeout that no unresolved dispatch at the target has.
    ///
    /// # Errors
    /// `REQUEST_LIMIT_REACHED` if there are too many.
    async fn distinguish(&self, lock: &TargetLock) -> Result<Option<Distinct>, Error> {
        let JobContext { deps, call, .. } = &*self.context;
        let others: Vec<_> = lock.unresolved_others().map(|other| other.dispatch.echo.timeout_secs).collect();
        if others.len() >= MAX_UNRESOLVED {
            let message = "too many equal requests of the tenant are unresolved";
            let error = Error::new(ErrorReason::RequestLimitReached, message);
            return Err(error.retry_after(deps.settings.settle_window));
        }
        self.operation.distinguish(&deps.upstream, &call.internal(), &others).await
    }

    /// The IDs of the candidates that exist before the dispatch.
    async fn preexisting(&self) -> Result<Vec<String>, Error> {
        let (upstream, call) = (&self.context.deps.upstream, &self.context.call);
        let candidates = self.operation.find(upstream, call, Timestamp::MIN).await?;
        Ok(candidates.answers.iter().filter_map(|one| O::describe(one).id).map(str::to_owned).collect())
    }
}

impl<O: IdempotentOperation> Clone for IdempotentExecutor<O> {
    fn clone(&self) -> Self {
        Self { deps: self.deps.clone(), running: self.running.clone() }
    }
}

impl<O: IdempotentOperation> IdempotentExecutor<O> {
    pub(super) fn new(deps: &Arc<Dependencies>) -> Self {
        Self { deps: deps.clone(), running: Arc::default() }
    }

    /// Executes `operation` at most once: joins a running job of the same request ID, or starts one.
    pub(super) async fn run(&self, call: &CallContext, operation: O) -> Result<Outcome<O::Answer>, Error> {
        let operation = Arc::new(operation);
        let spec = operation.spec(&call.tenant);
        let body = spec.body.clone();
        let keys = Arc::new(OperationKeys::new::<O>(&self.deps, call, spec));
        let start = |registration| self.start(call, (&operation, &body, &keys), registration);
        let result = loop {
            let (waiter, is_joined) = match &keys.request {
                None => (start(None), false),
                Some(key) => {
                    waiters::join_or_start(&self.running, (key, keys.fingerprint), |guard| start(Some(guard)))?
                }
            };
            let answered = waiter.wait(call.deadline, O::OUTCOME_UNKNOWN);
            let answered = if is_joined { call.permit.given_back(answered).await } else { answered.await };
            match answered {
                // The deadline that passed was that of the call that started the job.
                Err(error)
                    if is_joined && error.reason == ErrorReason::DeadlineExceeded && Instant::now() < call.deadline => {
                }
                Ok(outcome) if is_joined => break Ok(Outcome { origin: Origin::SameRequest, ..outcome }),
                result => break result,
            }
        };
        match result.as_ref().map(|outcome| outcome.origin) {
            Ok(Origin::SameRequest) => self.deps.metrics.duplicate_suppressed(O::RPC, "same_request"),
            Ok(Origin::Duplicate) => self.deps.metrics.duplicate_suppressed(O::RPC, "duplicate"),
            Ok(Origin::ThisCall | Origin::TestNumber) | Err(_) => {}
        }
        result
    }

    /// Starts a job. The call that starts it runs it. If the call ends first, the job continues on its own: it starts no
    /// further attempt, but waits for the running one and stores its result.
    fn start(
        &self,
        call: &CallContext,
        (operation, body, keys): (&Arc<O>, &Bytes, &Arc<OperationKeys>),
        registration: Option<Registration<O::Answer>>,
    ) -> JobWaiter<O::Answer> {
        let (state, waiter) = watch::channel(JobState::Started);
        let cancelled = CancellationToken::new();
        let context = Arc::new(JobContext {
            id: Uuid::new_v4(),
            deps: self.deps.clone(),
            call: CallContext { cancelled: cancelled.clone(), run_to_completion: true, ..call.clone() },
            keys: keys.clone(),
        });
        let record = RequestRecord::new(&context);
        let job = Job { context: context.clone(), operation: operation.clone(), body: body.clone(), record, state };
        let work = async move {
            let result = job.execute().await;
            if Call::current().is_some_and(|call| call.is_abandoned()) {
                job.operation.ended_alone(&job.context.deps, &result);
            }
            // Removed before the end is published: a call that starts now must find the stored answer, not this job.
            drop(registration);
            job.state.send_replace(JobState::Finished(result));
        };
        // Boxed before it is wrapped: each move would copy all of it.
        let work = Call::in_current_call(Box::pin(work).instrument(Span::current()));
        JobWaiter {
            job: Some(self.deps.tasks.run_with_last_act(work, async move { give_back(&context).await })),
            state: waiter,
            waiters: Some(Arc::new(cancelled.drop_guard())),
        }
    }
}

/// Ends the leases of an aborted job, so that nobody waits for them. What it may have dispatched stays unresolved.
async fn give_back(job: &JobContext) {
    let result = async {
        request_record::give_back(job).await?;
        target_lock::give_back(job).await
    };
    if let Err(error) = result.await {
        tracing::warn!(%error, "the leases of an aborted operation run out by themselves");
    }
}

#[cfg(test)]
mod tests;
