//! How the outcome of an unresolved dispatch is found: by reading from Telnyx what is at its target.
//!
//! `matching.rs` decides which of it the dispatch has made.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, field::Empty, info_span};

use super::{
    Failure, IdempotentOperation, Job,
    job::{self, Dispatch, RECONCILE_TIMEOUT, is_request},
    matching::{self, Expectation, ListedResource, Match},
    operation::Candidates,
    request_record::{self, OtherRecord},
    stored_target::Unresolved,
    target_lock::TargetLock,
};
use crate::{
    domain::{CallContext, Error},
    pb::ErrorReason,
    telemetry,
};

/// The pause between two reads: a lost request may still be on its way into Telnyx's lists.
const RECONCILE_INTERVAL: Duration = Duration::from_secs(1);

/// How many other operations a send resolves. It waits for each of them.
const MAX_RESOLVED: usize = 4;

/// The outcome of a dispatch.
pub(super) enum DispatchResult<A> {
    /// It took effect: this is its answer.
    Found(A),
    /// It did not take effect, and no longer can.
    Nothing,
    /// It may have taken effect, or still can.
    Unknown,
}

impl<O: IdempotentOperation> Job<O> {
    /// Reconciles the dispatch of an earlier job. Returns its answer, or none if it can no longer take effect.
    ///
    /// # Errors
    /// The outcome is still unknown. The error says how much of the settle window is left.
    pub(super) async fn reconcile_stale(
        &self,
        lock: &TargetLock,
        dispatch: &Dispatch,
    ) -> Result<Option<O::Answer>, Failure> {
        // The time before the read counts: the list may miss what is created during the read.
        let left = self.context.unsettled_for(dispatch);
        let (operation, call) = (self.context.operation(), &self.context.call);
        match self.reconcile(call, lock, (&operation, dispatch), left.is_none()).await {
            Ok(DispatchResult::Found(answer)) => Ok(Some(answer)),
            Ok(DispatchResult::Nothing) => Ok(None),
            Ok(DispatchResult::Unknown) => {
                Err(Failure { error: still_unknown::<O>(left), unresolved: Some(dispatch.clone()) })
            }
            Err(error) => {
                let unknown = still_unknown::<O>(error.retry_after).source(error);
                Err(Failure { error: unknown, unresolved: Some(dispatch.clone()) })
            }
        }
    }

    /// Reconciles a dispatch whose answer was just lost: reads twice while a caller waits.
    pub(super) async fn reconcile_lost(&self, lock: &mut TargetLock, dispatch: &Dispatch) -> Option<O::Answer> {
        let span = telemetry::child_span(|| info_span!("reconcile", otel.kind = "internal", found = Empty));
        let operation = self.context.operation();
        let found = async {
            for is_last in [false, true] {
                lock.renew().await.ok()?;
                let call = self.context.call.internal();
                let reconciled = self.reconcile(&call, lock, (&operation, dispatch), false).await;
                if let DispatchResult::Found(answer) = reconciled.ok()? {
                    return Some(answer);
                }
                if is_last || Instant::now() + RECONCILE_INTERVAL >= self.context.call.deadline {
                    return None;
                }
                sleep(RECONCILE_INTERVAL).await;
            }
            None
        };
        let found = found.instrument(span.clone()).await;
        span.record("found", found.is_some());
        self.context.deps.metrics.reconciled(O::RPC, if found.is_some() { "found" } else { "unknown" });
        found
    }

    /// Resolves what other operations at the target have left unresolved: those whose settle window has elapsed, and those
    /// that this operation repeats. The quota of what did not happen is released.
    ///
    /// # Errors
    /// This operation repeats one whose outcome is still unknown.
    pub(super) async fn resolve_others(&self, lock: &mut TargetLock) -> Result<(), Error> {
        let others: Vec<Unresolved> = lock.unresolved_others().cloned().collect();
        let mut reads = 0;
        for mut other in others {
            let is_duplicate = lock.is_duplicate(other.fingerprint, other.dispatch.since);
            let is_over = self.context.unsettled_for(&other.dispatch).is_none() && reads < MAX_RESOLVED;
            if !is_over && !is_duplicate {
                continue;
            }
            reads += 1;
            let result = match request_record::read::<O::Answer>(&self.context, &other.operation).await? {
                OtherRecord::Missing if is_request(&other.operation) => DispatchResult::Nothing,
                OtherRecord::Missing => self.outcome(lock, &other).await,
                OtherRecord::Leased => DispatchResult::Unknown,
                OtherRecord::Unresolved(None) => DispatchResult::Nothing,
                OtherRecord::Unresolved(Some(dispatch)) => {
                    other.dispatch = lock.known_end(&other.operation, dispatch);
                    self.outcome(lock, &other).await
                }
                OtherRecord::Done(answer) => DispatchResult::Found(answer),
            };
            let is_resolved = match result {
                DispatchResult::Found(answer) => self.resolve(lock, &other, Some(answer)).await?,
                DispatchResult::Nothing => self.resolve(lock, &other, None).await?,
                DispatchResult::Unknown => false,
            };
            if is_duplicate && !is_resolved {
                return Err(still_unknown::<O>(self.context.unsettled_for(&other.dispatch)));
            }
        }
        Ok(())
    }

    /// Reconciles another operation. A failed read leaves it unknown.
    async fn outcome(&self, lock: &TargetLock, other: &Unresolved) -> DispatchResult<O::Answer> {
        let is_window_over = self.context.unsettled_for(&other.dispatch).is_none();
        let (call, operation) = (self.context.call.internal(), (&*other.operation, &other.dispatch));
        self.reconcile(&call, lock, operation, is_window_over).await.unwrap_or(DispatchResult::Unknown)
    }

    /// Stores the result of another operation. False if a job of its own works on it.
    async fn resolve(
        &self,
        lock: &mut TargetLock,
        other: &Unresolved,
        answer: Option<O::Answer>,
    ) -> Result<bool, Error> {
        let Unresolved { operation, dispatch, .. } = other;
        // The request record first: while it has the dispatch, the target must have the operation too.
        let redacted = answer.as_ref().map(O::redact);
        if !request_record::resolve(&self.context, operation, dispatch.since, redacted.as_ref()).await? {
            return Ok(false);
        }
        let id = answer.as_ref().and_then(|answer| O::describe(answer).id).map(str::to_owned);
        lock.resolve(other, id).await?;
        let deps = &self.context.deps;
        deps.metrics.reconciled(O::RPC, if answer.is_some() { "found" } else { "nothing" });
        if answer.is_none() {
            deps.limiter.release(&self.context.call.tenant, &dispatch.reservation).await;
        }
        Ok(true)
    }

    async fn reconcile(
        &self,
        call: &CallContext,
        lock: &TargetLock,
        (operation, dispatch): (&str, &Dispatch),
        is_window_over: bool,
    ) -> Result<DispatchResult<O::Answer>, Error> {
        let deps = &self.context.deps;
        // An unresolved operation may have an answer in its request record that did not reach the target's record.
        let mut answers = Vec::new();
        for other in lock.others_than(operation) {
            if let OtherRecord::Done(answer) =
                request_record::read::<O::Answer>(&self.context, &other.operation).await?
            {
                answers.push(answer);
            }
        }
        let claimed = answers.iter().filter_map(|one| O::describe(one).id).chain(lock.claimed_by_others(operation));
        let claimed: Vec<&str> = claimed.collect();
        // The next call needs the outcome even if nobody waits now, so the read outlasts the caller.
        let deadline = call.deadline.max(Instant::now() + RECONCILE_TIMEOUT);
        let call = CallContext { deadline, cancelled: CancellationToken::new(), ..call.clone() };
        // Until Telnyx's time is known, all of the list is read.
        let is_time_known = deps.telnyx_offset(&call.tenant).is_some();
        let start = *self.context.expectation::<O>(operation, dispatch).window.start();
        let since = if is_time_known { start } else { Timestamp::MIN };
        let Candidates { answers: mut listed, is_complete } = self.operation.find(&deps.upstream, &call, since).await?;
        listed.retain(|answer| !O::describe(answer).id.is_some_and(|id| claimed.contains(&id)));
        let resources: Vec<ListedResource<'_>> = listed.iter().map(|answer| self.resource(answer)).collect();
        // After the read, which may have been the first to tell Telnyx's time.
        let expected = self.context.expectation::<O>(operation, dispatch);
        let others = lock.others_than(operation);
        let others = others.map(|one| self.context.expectation::<O>(&one.operation, &one.dispatch));
        let others: Vec<Expectation<'_>> = others.collect();
        let is_over = is_window_over && is_complete;
        let (matched, own) = matching::find(&expected, &others, &resources, is_over);
        drop(resources);
        if own > 1 && O::OUTCOME_UNKNOWN == ErrorReason::SendOutcomeUnknown {
            deps.metrics.duplicate_sent();
        }
        Ok(match matched {
            Match::Found(index) => DispatchResult::Found(listed.swap_remove(index)),
            Match::None => DispatchResult::Nothing,
            Match::Unknown => DispatchResult::Unknown,
        })
    }

    fn resource<'a>(&self, answer: &'a O::Answer) -> ListedResource<'a> {
        let one = O::describe(answer);
        let echo = job::echo(&self.context.deps, one.timeout_secs, one.custom_code);
        ListedResource { id: one.id, created: one.created, echo, is_partial: one.is_partial }
    }
}

fn still_unknown<O: IdempotentOperation>(left: Option<Duration>) -> Error {
    let error = Error::new(O::OUTCOME_UNKNOWN, "it is not known yet whether the request took effect");
    if let Some(wait) = left { error.retry_after(wait) } else { error }
}
