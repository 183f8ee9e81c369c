//! Checks and reports with a request ID: a repeated call gets the answer of the first one.
//!
//! Telnyx accepts a code once. A caller whose answer was lost would learn from a second check only that the verification is
//! used up. With the request ID it learns the answer. Only the same identity can repeat a check, with the same content.

use std::future::Future;

use jiff::Timestamp;
use uuid::Uuid;

use super::proof::{CheckAttempt, Evidence};
use crate::{
    domain::{CallContext, Error, VerificationRef},
    pb::ErrorReason,
    services::{
        Origin, Outcome, Verifications,
        idempotency::{AcquireResult, RequestEnd, RequestRecord},
    },
    telemetry::Call,
    telnyx::CheckResponse,
};

type Checked = Result<CheckResponse, Error>;

impl Verifications {
    /// Makes a check once. `request` is its RPC and request ID, and `subject` distinguishes it from others. `make` makes the
    /// check, even if the caller is gone.
    pub(super) async fn once<F>(
        &self,
        context: &CallContext,
        request: (&'static str, Uuid),
        target: &VerificationRef,
        subject: &str,
        make: F,
    ) -> Result<Outcome<CheckResponse>, Error>
    where
        F: Future<Output = Checked> + Send + 'static,
    {
        let target_name = target_name(target);
        let named = [context.identity.name.as_bytes(), target_name.as_bytes(), subject.as_bytes()];
        let record = RequestRecord::of_request(&self.deps, context, request, &named);
        let (this, context, target) = (self.clone(), context.clone(), target.clone());
        let (result, finished) = tokio::sync::oneshot::channel();
        let work = async move {
            let outcome = this.make_once(&context, request.1, &target, &record, make).await;
            // No caller waits for it any more.
            _ = result.send(outcome);
        };
        self.deps.tasks.run_to_completion(Call::in_current_call(work)).await;
        finished.await.unwrap_or_else(|_| Err(Error::new(ErrorReason::CheckOutcomeUnknown, "the gateway is stopping")))
    }

    async fn make_once(
        &self,
        context: &CallContext,
        id: Uuid,
        target: &VerificationRef,
        record: &RequestRecord<CheckResponse>,
        make: impl Future<Output = Checked>,
    ) -> Result<Outcome<CheckResponse>, Error> {
        let earlier = match record.acquire().await? {
            AcquireResult::Acquired { unresolved } => unresolved,
            AcquireResult::Done(answer) => {
                let answer = self.with_phone_number(context, target, answer).await;
                return Ok(Outcome { answer, origin: Origin::SameRequest });
            }
        };
        let mut dispatch = earlier.clone().unwrap_or_else(|| record.new_dispatch());
        let result = if let Some(earlier) = earlier {
            self.repeat(context, id, target, earlier.since, make).await
        } else if record.record_dispatch(&dispatch).await? {
            make.await
        } else {
            return Err(Error::new(ErrorReason::CheckOutcomeUnknown, "another call took over the request"));
        };
        dispatch.ended = Some(self.deps.now());
        let end = match &result {
            Ok(answer) => RequestEnd::Done(CheckResponse { phone_number: None, ..answer.clone() }),
            Err(error) if error.reason == ErrorReason::CheckOutcomeUnknown => RequestEnd::Unresolved(&dispatch),
            Err(_) => RequestEnd::NoEffect,
        };
        // If it can't be stored, a repetition finds the check unresolved.
        record.finish(end).await;
        result.map(Outcome::of_this_call)
    }

    /// Repeats a check whose outcome is unknown, unless it may have been accepted.
    async fn repeat(
        &self,
        context: &CallContext,
        id: Uuid,
        target: &VerificationRef,
        began: Timestamp,
        make: impl Future<Output = Checked>,
    ) -> Checked {
        // Another process may have dated the record, by the clock of the store.
        let skew = self.deps.settings.clock_skew;
        let began =
            began.saturating_add(self.deps.clock.now().duration_since(self.deps.now())).unwrap_or(Timestamp::MAX);
        let began = [began.saturating_sub(skew), began.saturating_add(skew)].map(|at| at.unwrap_or(Timestamp::MAX));
        let attempt = CheckAttempt { id, key: self.target_key(context, target), began };
        let mut result = Err(Error::new(ErrorReason::CheckOutcomeUnknown, "it is not known which check was accepted"));
        let mut evidence = self.evidence(&context.internal(), target, &attempt).await;
        if matches!(evidence, Evidence::NotAccepted) {
            let repeated = make.await;
            if repeated.as_ref().is_ok_and(CheckResponse::is_accepted) {
                return repeated;
            }
            // Telnyx answers so too if the earlier check was accepted in the meantime, or is listed late.
            evidence = self.evidence(&context.internal(), target, &attempt).await;
            if matches!(evidence, Evidence::NotAccepted) {
                return repeated;
            }
        }
        if let Evidence::Accepted(answer) = evidence {
            result = Ok(answer);
        }
        self.end_attempt(context, &attempt, &result).await;
        result
    }

    /// A stored answer, with the phone number that is not stored.
    async fn with_phone_number(
        &self,
        context: &CallContext,
        target: &VerificationRef,
        answer: CheckResponse,
    ) -> CheckResponse {
        let phone_number = match target {
            VerificationRef::PhoneNumber { phone_number, .. } => Some(phone_number.as_e164().to_owned()),
            VerificationRef::Id(id) => {
                let verification = self.deps.upstream.verification(context, id).await;
                verification.ok().and_then(|verification| verification.phone_number)
            }
        };
        CheckResponse { phone_number, ..answer }
    }
}

fn target_name(target: &VerificationRef) -> String {
    match target {
        VerificationRef::Id(id) => format!("id {id}"),
        VerificationRef::PhoneNumber { phone_number, profile_id } => {
            format!("phone {} {profile_id}", phone_number.as_e164())
        }
    }
}
