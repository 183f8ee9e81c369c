//! What must happen once.

use std::{future::Future, time::Duration};

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::records::Trace;
use crate::{
    domain::{CallContext, Error},
    limits::{Limiter, QuotaReservation},
    pb::ErrorReason,
    telemetry::Metrics,
    upstream::Client,
};

/// Something that a caller wants to happen once, and that Telnyx would do twice if asked twice.
pub(in crate::services) trait Intent: Send + Sync + 'static {
    /// What it is answered with.
    type Answer: Clone + Send + Sync + Serialize + DeserializeOwned + 'static;

    /// Its rpc.
    const RPC: &'static str;
    /// Why a call fails that does not know whether it happened.
    const IN_DOUBT: ErrorReason;

    /// The caller's name for it.
    fn request_id(&self) -> Option<Uuid>;

    /// All that it consists of.
    fn content(&self) -> Vec<u8>;

    /// What it shares with everything that could be taken for it.
    fn target(&self) -> Vec<&[u8]>;

    /// What its trace bears and not every other's at the same target; empty where there is nothing such.
    fn mark(&self) -> String {
        String::new()
    }

    /// Whether a trace bears `mark`.
    fn bears(answer: &Self::Answer, mark: &str) -> bool {
        let _ = (answer, mark);
        false
    }

    /// How long another intent of the same content and without a name counts as this one.
    fn window(&self, context: &CallContext) -> Option<Duration> {
        let _ = context;
        None
    }

    /// What is there already and looks the same, by id. Only where a trace does not tell when it came to be.
    fn before(
        &self,
        upstream: &Client,
        context: &CallContext,
    ) -> impl Future<Output = Result<Vec<String>, Error>> + Send {
        let _ = (upstream, context);
        async { Ok(Vec::new()) }
    }

    /// Takes its places in the tenant's limits, just before it is made to happen. They are given back where it provably
    /// did not.
    fn admit(
        &self,
        limiter: &Limiter,
        context: &CallContext,
    ) -> impl Future<Output = Result<QuotaReservation, Error>> + Send {
        let _ = (limiter, context);
        async { Ok(QuotaReservation::default()) }
    }

    /// Notes in the limits that it has happened.
    fn happened(
        &self,
        limiter: &Limiter,
        context: &CallContext,
        answer: &Self::Answer,
    ) -> impl Future<Output = ()> + Send {
        let _ = (limiter, context, answer);
        async {}
    }

    /// Makes it happen.
    fn perform(
        &self,
        upstream: &Client,
        context: &CallContext,
    ) -> impl Future<Output = Result<Self::Answer, Error>> + Send;

    /// Looks for its trace.
    fn look(
        &self,
        upstream: &Client,
        context: &CallContext,
        seek: &Seek<'_>,
    ) -> impl Future<Output = Result<Found<Self::Answer>, Error>> + Send;

    /// The answer of an intent like this one, if that is still good.
    fn pending(
        &self,
        upstream: &Client,
        context: &CallContext,
        id: &str,
    ) -> impl Future<Output = Result<Option<Self::Answer>, Error>> + Send {
        let _ = (upstream, context, id);
        async { Ok(None) }
    }

    /// The id in an answer.
    fn id(answer: &Self::Answer) -> Option<&str>;

    /// An answer without what must not be stored, such as phone numbers and codes.
    fn stored(answer: &Self::Answer) -> Self::Answer;

    /// A stored answer with what was left out.
    fn restored(&self, answer: Self::Answer) -> Self::Answer;
}

/// What a look for a trace found.
pub(in crate::services) enum Found<A> {
    /// This is it.
    This(A),
    /// There is none.
    Nothing,
    /// There may be one: what Telnyx shows does not tell.
    Unclear,
}

/// Which traces are an intent's own.
pub(in crate::services) struct Seek<'a> {
    pub(super) trace: &'a Trace,
    /// What belongs to other intents.
    pub(super) others: Vec<&'a str>,
    /// The marks of other intents that may still look for their traces.
    pub(super) marks: Vec<&'a str>,
    pub(super) skew: Duration,
    /// How long after its last request's end a trace may still come to be.
    pub(super) settle: Duration,
    /// Whether that time is over.
    pub(super) settled: bool,
    pub(super) metrics: &'a Metrics,
}

impl Seek<'_> {
    /// Picks the oldest of the candidates that can be the intent's own. `is_whole` says whether the candidates are all
    /// that there are; one without id or time could be it and could be not.
    ///
    /// What bears another one's mark is left to that one while the own trace may still come to be.
    pub(in crate::services) fn pick<I: Intent>(
        &self,
        candidates: impl IntoIterator<Item = I::Answer>,
        is_whole: bool,
        created: impl Fn(&I::Answer) -> Option<Timestamp>,
    ) -> Found<I::Answer> {
        let mut unclear = !is_whole;
        let (mut own, mut contested, mut own_traces) = (None, None, 0);
        for candidate in candidates {
            let (Some(id), Some(created)) = (I::id(&candidate), created(&candidate)) else {
                unclear |= I::id(&candidate).is_none_or(|id| !self.is_known(id));
                continue;
            };
            if self.is_known(id) || !self.is_in_time(created) {
                continue;
            }
            let is_contested = self.marks.iter().any(|mark| I::bears(&candidate, mark));
            own_traces += usize::from(!is_contested);
            let place: &mut Option<(Timestamp, I::Answer)> = if is_contested { &mut contested } else { &mut own };
            if place.as_ref().is_none_or(|(other, _)| created < *other) {
                *place = Some((created, candidate));
            }
        }
        if own_traces > 1 && I::IN_DOUBT == ErrorReason::SendOutcomeUnknown {
            self.metrics.duplicate_sent();
        }
        unclear |= contested.is_some() && !self.settled;
        match own.or(contested.filter(|_| self.settled)) {
            Some((_, trace)) => Found::This(trace),
            None if unclear => Found::Unclear,
            None => Found::Nothing,
        }
    }

    /// Whether `id` was there before, or belongs to another intent.
    pub(in crate::services) fn is_known(&self, id: &str) -> bool {
        self.others.contains(&id) || self.trace.before.iter().any(|before| before == id)
    }

    fn is_in_time(&self, created: Timestamp) -> bool {
        let start = self.trace.since.saturating_sub(self.skew).unwrap_or(Timestamp::MIN);
        let latest = |ended: Timestamp| ended.saturating_add(self.settle + self.skew).unwrap_or(Timestamp::MAX);
        created >= start && self.trace.ended.is_none_or(|ended| created <= latest(ended))
    }
}
