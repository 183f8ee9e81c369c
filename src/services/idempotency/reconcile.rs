//! How the outcome of an unresolved dispatch is found: by reading from Telnyx what the operation could have made.
//!
//! A candidate is the operation's own if it was created between the dispatch and the settle window after its end, give or
//! take the clock skew, and no other operation has claimed it. While the settle window lasts, a candidate with the
//! discriminator of another unresolved operation is left to that one.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, field::Empty, info_span};

use super::{
    Failure, IdempotentOperation, Job, RECONCILE_TIMEOUT,
    job::Dispatch,
    operation::{AnswerInfo, Candidates},
    request_record::stored_answer,
    target_lock::TargetLock,
};
use crate::{
    config,
    domain::{CallContext, Error},
    pb::ErrorReason,
    telemetry,
};

/// The pause between two reads: a lost request may still be on its way into Telnyx's lists.
const RECONCILE_INTERVAL: Duration = Duration::from_secs(1);

/// What the candidates say of a dispatch.
pub(super) enum Match<A> {
    /// It took effect: this is its answer.
    Found(A),
    /// It did not take effect, and no longer can.
    NoEffect,
    /// It may have taken effect, or still can.
    Unknown,
}

/// Tells which candidates can come from a dispatch.
struct ReconcileQuery<'a> {
    dispatch: &'a Dispatch,
    /// The IDs that other operations have claimed.
    claimed: Vec<&'a str>,
    /// The discriminators of other unresolved operations.
    discriminators: Vec<&'a str>,
    settings: &'a config::SendsConfig,
    /// Whether the settle window has elapsed: nothing of the dispatch can take effect any more.
    is_window_over: bool,
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
        let unknown = |wait: Option<Duration>| {
            let error = Error::new(O::OUTCOME_UNKNOWN, "it is not known yet whether the request took effect");
            let error = if let Some(wait) = wait { error.retry_after(wait) } else { error };
            Failure { error, unresolved: Some(dispatch.clone()) }
        };
        // The time before the read counts: the list may miss what is created during the read.
        let now = self.context.now();
        let window = self.context.deps.settings.settle_window;
        let end = dispatch.ended.unwrap_or(dispatch.since).saturating_add(window).unwrap_or(Timestamp::MAX);
        let left = end.duration_since(now);
        match self.reconcile(&self.context.call, lock, dispatch, !left.is_positive()).await {
            Ok(Match::Found(answer)) => Ok(Some(answer)),
            Ok(Match::NoEffect) => Ok(None),
            Ok(Match::Unknown) => Err(unknown(Duration::try_from(left).ok().filter(|left| !left.is_zero()))),
            Err(error) => {
                let failure = unknown(error.retry_after);
                Err(Failure { error: failure.error.source(error), ..failure })
            }
        }
    }

    /// Reconciles a dispatch whose answer was just lost: reads twice while a caller waits.
    pub(super) async fn reconcile_lost(&self, lock: &mut TargetLock, dispatch: &Dispatch) -> Option<O::Answer> {
        let span = telemetry::child_span(|| info_span!("reconcile", otel.kind = "internal", found = Empty));
        let found = async {
            for is_last in [false, true] {
                lock.renew().await.ok()?;
                let reconciled = self.reconcile(&self.context.call.internal(), lock, dispatch, false).await;
                if let Match::Found(answer) = reconciled.ok()? {
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

    async fn reconcile(
        &self,
        call: &CallContext,
        lock: &TargetLock,
        dispatch: &Dispatch,
        is_window_over: bool,
    ) -> Result<Match<O::Answer>, Error> {
        let deps = &self.context.deps;
        // An unresolved operation may have an answer in its request record that did not reach the target's record.
        let mut answers = Vec::new();
        for other in lock.unresolved_others() {
            answers.extend(stored_answer::<O::Answer>(&self.context, &other.key).await?);
        }
        let own = &self.context.keys.discriminator;
        let discriminators = lock.unresolved_others().map(|other| &*other.discriminator);
        let query = ReconcileQuery {
            dispatch,
            claimed: lock.claimed_by_others().chain(answers.iter().filter_map(|one| O::describe(one).id)).collect(),
            discriminators: discriminators.filter(|other| !other.is_empty() && other != own).collect(),
            settings: &deps.settings,
            is_window_over,
        };
        // The next call needs the outcome even if nobody waits now, so the read outlasts the caller.
        let deadline = call.deadline.max(Instant::now() + RECONCILE_TIMEOUT);
        let call = CallContext { deadline, cancelled: CancellationToken::new(), ..call.clone() };
        let candidates = self.operation.find(&deps.upstream, &call).await?;
        let (matched, own_candidates) = query.pick::<O>(candidates);
        if own_candidates > 1 && O::OUTCOME_UNKNOWN == ErrorReason::SendOutcomeUnknown {
            deps.metrics.duplicate_sent();
        }
        Ok(matched)
    }
}

impl ReconcileQuery<'_> {
    /// Picks the oldest candidate that can come from the dispatch, and counts those that no other operation contests. A
    /// candidate without ID or creation time makes the result unclear, and so does an incomplete list.
    fn pick<O: IdempotentOperation>(&self, candidates: Candidates<O::Answer>) -> (Match<O::Answer>, usize) {
        let mut is_unclear = !candidates.is_complete;
        let (mut own, mut contested, mut own_candidates) = (None, None, 0);
        for answer in candidates.answers {
            let AnswerInfo { id, created, discriminator } = O::describe(&answer);
            if id.is_some_and(|id| self.belongs_to_others(id)) {
                continue;
            }
            let created = if O::HAS_CREATION_TIME { created } else { Some(self.dispatch.since) };
            let Some(created) = created.filter(|_| id.is_some()) else {
                is_unclear = true;
                continue;
            };
            if !self.is_in_time(created) {
                continue;
            }
            let is_contested = self.discriminators.contains(&&*discriminator);
            own_candidates += usize::from(!is_contested);
            let oldest = if is_contested { &mut contested } else { &mut own };
            if oldest.as_ref().is_none_or(|(other, _)| created < *other) {
                *oldest = Some((created, answer));
            }
        }
        let matched = match own.or(contested.filter(|_| self.is_window_over)) {
            Some((_, answer)) => Match::Found(answer),
            None if is_unclear || !self.is_window_over => Match::Unknown,
            None => Match::NoEffect,
        };
        (matched, own_candidates)
    }

    /// Whether another operation has claimed `id`, or it existed before the dispatch.
    fn belongs_to_others(&self, id: &str) -> bool {
        self.claimed.contains(&id) || self.dispatch.preexisting.iter().any(|before| before == id)
    }

    fn is_in_time(&self, created: Timestamp) -> bool {
        let (skew, window) = (self.settings.clock_skew, self.settings.settle_window);
        let start = self.dispatch.since.saturating_sub(skew).unwrap_or(Timestamp::MIN);
        let latest = |ended: Timestamp| ended.saturating_add(window + skew).unwrap_or(Timestamp::MAX);
        created >= start && self.dispatch.ended.is_none_or(|ended| created <= latest(ended))
    }
}
