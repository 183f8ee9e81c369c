//! Checking a code, and reporting a check that the caller made.

mod acceptance;
mod once;
mod proof;

use uuid::Uuid;

use self::proof::Evidence;
use super::{Origin, Outcome, Verifications};
use crate::{
    domain::{CallContext, Error, PhoneNumber, VerificationRef},
    events::VerificationProgress,
    limits::CheckResult,
    pb::ErrorReason,
    policy,
    secret::Secret,
    telemetry::audit,
    telnyx::{CheckResponse, ResponseCode, VerificationStatus},
};

/// A code to check.
#[derive(Clone, Debug)]
pub struct Check {
    /// The caller's name for the check.
    pub request_id: Option<Uuid>,
    /// The verification that the code belongs to.
    pub target: VerificationRef,
    /// What the person typed in.
    pub code: Secret,
}

/// A check that the caller made itself, of a custom code.
#[derive(Clone, Debug)]
pub struct Report {
    /// The caller's name for the report.
    pub request_id: Option<Uuid>,
    /// The verification's ID.
    pub verification_id: String,
    /// Whether the code was right.
    pub accepted: bool,
}

impl Report {
    /// What the caller reports.
    pub(super) const fn response_code(&self) -> ResponseCode {
        if self.accepted { ResponseCode::Accepted } else { ResponseCode::Rejected }
    }

    /// The state that the report gives the verification.
    pub(super) const fn status(&self) -> VerificationStatus {
        if self.accepted { VerificationStatus::Accepted } else { VerificationStatus::Invalid }
    }
}

impl Verifications {
    /// Checks a code: permissions → once → limits → upstream → proof, if the answer is lost.
    pub async fn check(&self, context: &CallContext, check: &Check) -> Result<Outcome<CheckResponse>, Error> {
        let Check { request_id, target, code } = check;
        audit::annotate(|subject| match target {
            VerificationRef::Id(id) => subject.verification_id = Some(id.clone()),
            VerificationRef::PhoneNumber { phone_number, profile_id } => {
                subject.phone_number(phone_number, self.deps.store.phone_hash(phone_number));
                subject.profile_id = Some(profile_id.clone());
            }
        });
        if let VerificationRef::PhoneNumber { phone_number, profile_id } = target {
            policy::profile(&context.identity, profile_id)?;
            policy::country(&context.identity, Some(phone_number))?;
        }
        if let Some(test) = self.test_number(context, target) {
            return test.answer_check(&self.deps, code).await;
        }
        let outcome = match request_id {
            None => self.make_check(context, check).await.map(Outcome::of_this_call),
            Some(id) => {
                let (this, own_context, own_check) = (self.clone(), context.clone(), check.clone());
                let make = async move { this.make_check(&own_context, &own_check).await };
                self.once(context, ("CheckVerification", *id), target, code.expose(), make).await
            }
        };
        self.record(context, target, outcome)
    }

    async fn make_check(&self, context: &CallContext, check: &Check) -> Result<CheckResponse, Error> {
        let Check { request_id, target, code } = check;
        let (tenant, limiter) = (&context.tenant, &self.deps.limiter);
        // The count for the proof does not depend on the limits, and a server is asked for both at once.
        let (reservation, begun) =
            tokio::join!(limiter.reserve_check(tenant, target), self.begin_attempt(context, target, *request_id));
        let reservation = match (reservation, &begun) {
            (Ok(reservation), _) => reservation,
            (Err(refused), Ok(attempt)) => {
                let result = Err(refused);
                self.end_attempt(context, attempt, &result).await;
                return result;
            }
            (Err(refused), Err(_)) => return Err(refused),
        };
        let result = match &begun {
            Ok(attempt) => {
                let mut result = self.deps.upstream.check(context, target, code).await;
                if is_unknown(&result)
                    && let Evidence::Accepted(answer) = self.evidence(&context.internal(), target, attempt).await
                {
                    result = Ok(answer);
                }
                result
            }
            Err(error) => Err(error.clone()),
        };
        let phone_number = result.as_ref().ok().and_then(|answer| answer.phone_number.as_deref());
        let phone_number = phone_number.and_then(PhoneNumber::from_telnyx);
        let finished = limiter.finish_check(tenant, reservation, check_result(&result), phone_number.as_ref());
        // The count for the proof and the counters of limits do not depend on each other.
        match &begun {
            Ok(attempt) => _ = tokio::join!(self.end_attempt(context, attempt, &result), finished),
            Err(_) => finished.await,
        }
        self.deps.record_checked(&context.tenant, target, &result, VerificationProgress::CheckRejected).await;
        result
    }

    /// Reports how the caller's own check of a custom code ended.
    pub async fn report(&self, context: &CallContext, report: &Report) -> Result<Outcome<CheckResponse>, Error> {
        let target = VerificationRef::Id(report.verification_id.clone());
        audit::annotate(|subject| subject.verification_id = Some(report.verification_id.clone()));
        if let Some(test) = self.test_number(context, &target) {
            return Ok(test.answer_report(&self.deps, report).await);
        }
        let outcome = match report.request_id {
            None => self.make_report(context, report, &target).await.map(Outcome::of_this_call),
            Some(id) => {
                let (this, own_context, own_target) = (self.clone(), context.clone(), target.clone());
                let own_report = report.clone();
                let make = async move { this.make_report(&own_context, &own_report, &own_target).await };
                let subject = if report.accepted { "accepted" } else { "rejected" };
                self.once(context, ("ReportVerification", id), &target, subject, make).await
            }
        };
        self.record(context, &target, outcome)
    }

    async fn make_report(
        &self,
        context: &CallContext,
        report: &Report,
        target: &VerificationRef,
    ) -> Result<CheckResponse, Error> {
        let id = &report.verification_id;
        // A report that accepts can be the cause of an acceptance, as a check can.
        let attempt =
            if report.accepted { Some(self.begin_attempt(context, target, report.request_id).await?) } else { None };
        let mut result = self.deps.upstream.report(context, id, report.response_code()).await;
        if is_unknown(&result) {
            // If the verification has the reported state, it does not matter which report caused it.
            let current = self.deps.upstream.verification(&context.internal(), id).await;
            if let Some(verification) = current.ok().filter(|current| current.status == Some(report.status())) {
                let response_code = Some(report.response_code());
                result = Ok(CheckResponse { phone_number: verification.phone_number, response_code });
            }
        }
        if let Some(attempt) = attempt {
            self.end_attempt(context, &attempt, &result).await;
        }
        self.deps.record_checked(&context.tenant, target, &result, VerificationProgress::Invalid).await;
        result
    }

    /// Records the result of a check in metrics and audit.
    fn record(
        &self,
        context: &CallContext,
        target: &VerificationRef,
        outcome: Result<Outcome<CheckResponse>, Error>,
    ) -> Result<Outcome<CheckResponse>, Error> {
        let Outcome { answer, origin } = outcome?;
        let outcome = answer.response_code.as_ref().and_then(ResponseCode::known).unwrap_or("unspecified");
        let is_first = origin == Origin::ThisCall;
        if is_first {
            self.deps.metrics.check_ended(outcome);
        }
        let phone_number = answer.phone_number.as_deref().and_then(PhoneNumber::from_telnyx);
        audit::annotate(|subject| {
            subject.outcome = Some(origin.audit_outcome(outcome));
            if let Some(phone_number) = &phone_number {
                subject.phone_number(phone_number, self.deps.store.phone_hash(phone_number));
            }
        });
        if is_first && answer.is_accepted() {
            let country = phone_number.and_then(|phone_number| phone_number.country());
            self.deps.metrics.converted(self.conversions.take(&context.tenant.id, target), country);
        }
        Ok(Outcome { answer, origin })
    }
}

fn is_unknown(result: &Result<CheckResponse, Error>) -> bool {
    result.as_ref().is_err_and(|error| error.reason == ErrorReason::CheckOutcomeUnknown)
}

/// What a check tells of the code. A response that is not known counts as a wrong code, so that guessing does not pay.
fn check_result(result: &Result<CheckResponse, Error>) -> CheckResult {
    match result {
        Ok(answer) => match answer.response_code {
            Some(ResponseCode::Accepted | ResponseCode::Expired | ResponseCode::MaxAttemptsExceeded) => {
                CheckResult::Over
            }
            _ => CheckResult::Wrong,
        },
        Err(error) if error.reason == ErrorReason::CheckOutcomeUnknown => CheckResult::Unknown,
        Err(_) => CheckResult::NotChecked,
    }
}
