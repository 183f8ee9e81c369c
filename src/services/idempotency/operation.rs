//! What an operation provides so that it can be executed at most once.

use std::{future::Future, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::super::{Outcome, dependencies::Dependencies};
use crate::{
    domain::{CallContext, Error, Tenant},
    limits::QuotaReservation,
    pb::ErrorReason,
    telnyx::List,
    upstream::Client,
};

/// Something that must take effect at most once. Telnyx would do it twice if it were requested twice.
pub(in crate::services) trait IdempotentOperation: Send + Sync + 'static {
    /// What the operation returns.
    type Answer: Clone + Send + Sync + Serialize + DeserializeOwned + 'static;

    /// The name of the RPC.
    const RPC: &'static str;
    /// The reason of the error that says that the outcome is unknown.
    const OUTCOME_UNKNOWN: ErrorReason;
    /// Whether Telnyx tells when an answer was created. If not, the candidates that exist before the dispatch are
    /// recorded, to tell them from a new one.
    const HAS_CREATION_TIME: bool = true;

    /// What identifies the operation.
    fn spec(&self, tenant: &Tenant) -> OperationSpec<'_>;

    /// Requests the operation from Telnyx. `body` is the one of the spec.
    fn execute(
        &self,
        upstream: &Client,
        call: &CallContext,
        body: Bytes,
    ) -> impl Future<Output = Result<Self::Answer, Error>> + Send;

    /// Lists what Telnyx has at the operation's target, at least all that was created `since` then by Telnyx's clock.
    fn find(
        &self,
        upstream: &Client,
        call: &CallContext,
        since: Timestamp,
    ) -> impl Future<Output = Result<Candidates<Self::Answer>, Error>> + Send;

    /// Reserves quota just before the dispatch. `duplicate` is the ID of an equal operation within the duplicate window;
    /// its answer may be reused instead.
    fn admit(
        &self,
        _deps: &Dependencies,
        _call: &CallContext,
        _duplicate: Option<&str>,
    ) -> impl Future<Output = Result<Admission<Self::Answer>, Error>> + Send {
        async { Ok(Admission::Dispatch(QuotaReservation::default())) }
    }

    /// A timeout that no dispatch in `others` has, and the body with it. None if Telnyx echoes no timeout. A timeout of
    /// `None` in `others` is that of the profile.
    fn distinguish(
        &self,
        _upstream: &Client,
        _call: &CallContext,
        _others: &[Option<u64>],
    ) -> impl Future<Output = Result<Option<Distinct>, Error>> + Send {
        async { Ok(None) }
    }

    /// Runs once it is known that the operation took effect.
    fn executed(
        &self,
        _deps: &Dependencies,
        _call: &CallContext,
        _answer: &Self::Answer,
    ) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Runs when the operation has ended after its caller went away: nobody else counts and audits it.
    fn ended_alone(&self, _deps: &Dependencies, _result: &Result<Outcome<Self::Answer>, Error>) {}

    /// What identifies an answer.
    fn describe(answer: &Self::Answer) -> AnswerInfo<'_>;

    /// An answer without what must not be stored, such as phone numbers and codes.
    fn redact(answer: &Self::Answer) -> Self::Answer {
        answer.clone()
    }

    /// A stored answer with what [`Self::redact`] removed.
    fn restore(&self, answer: Self::Answer) -> Self::Answer {
        answer
    }
}

/// What identifies an operation.
pub(in crate::services) struct OperationSpec<'a> {
    pub(in crate::services) request_id: Option<Uuid>,
    /// The request's body. With the target it is the content that a request ID stands for.
    pub(in crate::services) body: Bytes,
    /// What the operation shares with all operations that it could be mistaken for.
    pub(in crate::services) target: Vec<&'a [u8]>,
    /// The lifetime of the code that the caller asks for, in seconds. Telnyx echoes it.
    pub(in crate::services) timeout_secs: Option<u64>,
    /// The caller's own code. Telnyx echoes it.
    pub(in crate::services) custom_code: Option<&'a str>,
    /// How long an equal operation without a request ID counts as a duplicate of this one.
    pub(in crate::services) duplicate_window: Option<Duration>,
}

/// What happens to an operation that is about to be dispatched.
pub(in crate::services) enum Admission<A> {
    /// It is dispatched with this quota.
    Dispatch(QuotaReservation),
    /// It is a duplicate, and this is its answer.
    Reuse(A),
}

/// What identifies an answer.
#[derive(Default)]
pub(in crate::services) struct AnswerInfo<'a> {
    pub(in crate::services) id: Option<&'a str>,
    /// When it was created, if Telnyx tells.
    pub(in crate::services) created: Option<Timestamp>,
    pub(in crate::services) timeout_secs: Option<u64>,
    pub(in crate::services) custom_code: Option<&'a str>,
    /// Whether it lacks a property that tells whether it is at the operation's target.
    pub(in crate::services) is_partial: bool,
}

/// A request that differs from all others at its target.
pub(in crate::services) struct Distinct {
    pub(in crate::services) timeout_secs: u64,
    pub(in crate::services) body: Bytes,
}

/// What Telnyx has at the target of an operation.
pub(in crate::services) struct Candidates<A> {
    pub(in crate::services) answers: Vec<A>,
    /// Whether Telnyx listed all that it has.
    pub(in crate::services) is_complete: bool,
}

impl<A> Candidates<A> {
    /// The resources of `list` that are at the target.
    pub(in crate::services) fn new(list: List<A>, is_at_target: impl Fn(&A) -> bool) -> Self {
        let total = list.meta.and_then(|meta| meta.total_results);
        let is_complete = total.is_none_or(|total| total <= list.data.len() as u64);
        Self { answers: list.data.into_iter().filter(is_at_target).collect(), is_complete }
    }
}
