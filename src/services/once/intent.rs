//! What must happen once.

use std::{future::Future, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::records::Trace;
use crate::{domain::Error, pb::ErrorReason, tenant::Context, upstream::Client};

/// Something that a caller wants to happen once, and that Telnyx would do twice if asked twice.
pub(in crate::services) trait Intent: Send + Sync + 'static {
    /// What it is answered with.
    type Answer: Clone + Send + Sync + Serialize + DeserializeOwned + 'static;

    /// Its rpc.
    const RPC: &'static str;
    /// Why a call fails that does not know whether it happened.
    const IN_DOUBT: ErrorReason;
    /// Whether its trace does not tell when it came to be. Then what is there [`before`](Self::before) must be known.
    const TIMELESS: bool = false;

    /// The caller's name for it.
    fn request_id(&self) -> Option<Uuid>;

    /// All that it consists of.
    fn content(&self) -> Vec<u8>;

    /// What it shares with everything that could be taken for it.
    fn target(&self) -> Vec<&[u8]>;

    /// How long another intent of the same content and without a name counts as this one.
    fn window(&self, context: &Context) -> Option<Duration> {
        let _ = context;
        None
    }

    /// What is there already and looks the same, by id.
    fn before(&self, upstream: &Client, context: &Context) -> impl Future<Output = Result<Vec<String>, Error>> + Send {
        let _ = (upstream, context);
        async { Ok(Vec::new()) }
    }

    /// Makes it happen.
    fn perform(&self, upstream: &Client, context: &Context)
    -> impl Future<Output = Result<Self::Answer, Error>> + Send;

    /// Looks for its trace.
    fn look(
        &self,
        upstream: &Client,
        context: &Context,
        seek: &Seek<'_>,
    ) -> impl Future<Output = Result<Found<Self::Answer>, Error>> + Send;

    /// The answer of an intent like this one, if that is still good.
    fn pending(
        &self,
        upstream: &Client,
        context: &Context,
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
    trace: &'a Trace,
    /// What belongs to other intents.
    others: Vec<&'a str>,
    skew: SignedDuration,
    /// How long after its last request's end it may still begin to exist.
    settle: SignedDuration,
}

impl<'a> Seek<'a> {
    pub(super) fn new(trace: &'a Trace, others: Vec<&'a str>, skew: Duration, settle: Duration) -> Self {
        let signed = |duration| SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
        Self { trace, others, skew: signed(skew), settle: signed(settle) }
    }

    /// Picks the oldest of the candidates that can be the intent's own. `is_whole` says whether the candidates are all
    /// that there are; one without id or time could be it and could be not.
    pub(in crate::services) fn pick<T>(
        &self,
        candidates: impl IntoIterator<Item = T>,
        is_whole: bool,
        facts: impl Fn(&T) -> (Option<&str>, Option<Timestamp>),
    ) -> Found<T> {
        let mut unclear = !is_whole;
        let mut found: Option<(Timestamp, T)> = None;
        for candidate in candidates {
            match facts(&candidate) {
                (Some(id), _) if self.is_known(id) => {}
                (Some(_), Some(created)) => {
                    if self.is_in_time(created) && found.as_ref().is_none_or(|(other, _)| created < *other) {
                        found = Some((created, candidate));
                    }
                }
                _ => unclear = true,
            }
        }
        match found {
            Some((_, own)) => Found::This(own),
            None if unclear => Found::Unclear,
            None => Found::Nothing,
        }
    }

    /// Whether `id` was there before, or belongs to another intent.
    pub(in crate::services) fn is_known(&self, id: &str) -> bool {
        self.others.contains(&id) || self.trace.before.iter().flatten().any(|before| before == id)
    }

    fn is_in_time(&self, created: Timestamp) -> bool {
        let (since, skew) = (self.trace.since, self.skew);
        let after_start = since.checked_sub(skew).is_ok_and(|start| created >= start);
        let end = self.trace.ended.and_then(|ended| ended.checked_add(self.settle).ok()?.checked_add(skew).ok());
        after_start && end.is_none_or(|end| created <= end)
    }
}
