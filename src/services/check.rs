//! Checking a code, and reporting a check that the caller made.

mod proof;

use super::{Origin, Outcome, Verifications};
use crate::{
    domain::{CallContext, Error, PhoneNumber},
    limits::{CheckResult, VerificationKey},
    pb::ErrorReason,
    policy,
    secret::Secret,
    telemetry::audit,
    telnyx::{CheckRequest, CheckResponse, ResponseCode, VerificationStatus},
    upstream::CheckTarget,
};

/// A code to check.
#[derive(Debug)]
pub struct Check {
    /// Which verification it belongs to.
    pub target: VerificationRef,
    /// What the person typed in.
    pub code: Secret,
}

/// A check that the caller made itself, of a custom code.
#[derive(Debug)]
pub struct Report {
    /// The verification's ID.
    pub verification_id: String,
    /// Whether the code was right.
    pub accepted: bool,
}

/// Which verification a code belongs to.
#[derive(Debug)]
pub enum VerificationRef {
    /// The one with this id.
    Id(String),
    /// The pending one of this number and profile.
    Phone {
        /// The number.
        phone_number: PhoneNumber,
        /// The profile it was sent with.
        profile_id: String,
    },
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
    /// Checks a code: allowed → within the limits → upstream → what became of it, where the answer is lost.
    ///
    /// # Errors
    /// As `CheckVerification` documents them.
    pub async fn check(&self, context: &CallContext, check: &Check) -> Result<Outcome<CheckResponse>, Error> {
        audit::annotate(|subject| match &check.target {
            VerificationRef::Id(id) => subject.verification_id = Some(id.clone()),
            VerificationRef::Phone { phone_number, profile_id } => {
                subject.phone_number(phone_number);
                subject.profile_id = Some(profile_id.clone());
            }
        });
        let code = Some(check.code.expose());
        let (target, verify_profile_id) = match &check.target {
            VerificationRef::Id(id) => (CheckTarget::Id(id), None),
            VerificationRef::Phone { phone_number, profile_id } => {
                policy::profile(&context.identity, profile_id)?;
                policy::country(&context.identity, Some(phone_number))?;
                (CheckTarget::Phone(phone_number), Some(profile_id.as_str()))
            }
        };
        if let Some(outcome) = self.answer_check_for_test_number(context, check).await {
            return outcome;
        }
        let key = match &check.target {
            VerificationRef::Id(id) => VerificationKey::Id(id),
            VerificationRef::Phone { phone_number, profile_id } => {
                VerificationKey::PhoneNumber { phone_number: phone_number.as_e164(), profile_id }
            }
        };
        let reservation = self.deps.limiter.reserve_check(&context.tenant, key).await?;
        let end = match self.begin(context, &check.target).await {
            Ok(attempt) => {
                let request = CheckRequest { code, status: None, verify_profile_id };
                let end = self.deps.upstream.check(context, target, &request).await;
                self.proven(context, &check.target, attempt, end).await
            }
            Err(refused) => Err(refused),
        };
        let phone_number = end.as_ref().ok().and_then(|answer| answer.phone_number.as_deref());
        self.deps.limiter.finish_check(&context.tenant, reservation, check_result(&end), phone_number).await;
        self.tell(context, key, &end);
        end.map(|answer| Outcome { answer, origin: Origin::ThisCall })
    }

    /// Reports how the caller's own check of a custom code ended.
    ///
    /// # Errors
    /// As `ReportVerification` documents them.
    pub async fn report(&self, context: &CallContext, report: &Report) -> Result<Outcome<CheckResponse>, Error> {
        let verification_id = &report.verification_id;
        audit::annotate(|subject| subject.verification_id = Some(verification_id.to_owned()));
        if let Some(outcome) = self.answer_report_for_test_number(context, report).await {
            return Ok(outcome);
        }
        let body = CheckRequest { status: Some(report.response_code()), ..CheckRequest::default() };
        let end = self.deps.upstream.check(context, CheckTarget::Id(verification_id), &body).await;
        let end = self.reported(context, report, end).await;
        self.tell(context, VerificationKey::Id(verification_id), &end);
        end.map(|answer| Outcome { answer, origin: Origin::ThisCall })
    }

    /// The end of a report: the answer itself, or what the verification shows without it.
    async fn reported(
        &self,
        context: &CallContext,
        report: &Report,
        end: Result<CheckResponse, Error>,
    ) -> Result<CheckResponse, Error> {
        let Err(lost) = end.as_ref() else { return end };
        if lost.reason != ErrorReason::CheckOutcomeUnknown {
            return end;
        }
        // What was reported and what is recorded agree: it does not matter which report did it.
        match self.deps.upstream.verification(&context.internal(), &report.verification_id).await {
            Ok(verification) if verification.status == Some(report.status()) => Ok(CheckResponse {
                phone_number: verification.phone_number,
                response_code: Some(report.response_code()),
            }),
            _ => end,
        }
    }

    /// Counts what a check showed.
    fn tell(&self, context: &CallContext, key: VerificationKey<'_>, end: &Result<CheckResponse, Error>) {
        let Ok(answer) = end else { return };
        let outcome = answer.response_code.as_ref().and_then(ResponseCode::known).unwrap_or("unspecified");
        self.deps.metrics.check_ended(outcome);
        let phone_number = answer.phone_number.as_deref().and_then(PhoneNumber::parse);
        audit::annotate(|subject| {
            subject.outcome = Some(outcome);
            if let Some(phone_number) = &phone_number {
                subject.phone_number(phone_number);
            }
        });
        if answer.is_accepted() {
            let country = phone_number.and_then(|phone_number| phone_number.country());
            self.deps.metrics.converted(self.conversions.take(&context.tenant.id, key), country);
        }
    }
}

/// What a check says of the code. Where it says nothing that is known, the code was wrong: guessing must not pay.
fn check_result(end: &Result<CheckResponse, Error>) -> CheckResult {
    match end {
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
