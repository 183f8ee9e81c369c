//! Checking a code, and reporting a check that the caller made.

mod proof;

use super::Verifications;
use crate::{
    domain::{Error, PhoneNumber},
    pb::ErrorReason,
    policy,
    secret::Secret,
    telemetry::metrics::Verified,
    telnyx::{CheckAnswer, CheckRequest},
    tenant::Context,
    upstream::CheckTarget,
};

/// A code to check.
#[derive(Debug)]
pub struct Check {
    /// Which verification it belongs to.
    pub target: Target,
    /// What the person typed in.
    pub code: Secret,
}

/// Which verification a code belongs to.
#[derive(Debug)]
pub enum Target {
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

impl Verifications {
    /// Checks a code: allowed → upstream → what became of it, where the answer is lost.
    ///
    /// # Errors
    /// As `CheckVerification` documents them.
    pub async fn check(&self, context: &Context, check: &Check) -> Result<CheckAnswer, Error> {
        let code = Some(check.code.expose());
        let (target, verify_profile_id) = match &check.target {
            Target::Id(id) => (CheckTarget::Id(id), None),
            Target::Phone { phone_number, profile_id } => {
                policy::profile(&context.tenant, profile_id)?;
                policy::country(&context.tenant, phone_number)?;
                (CheckTarget::Phone(phone_number), Some(profile_id.as_str()))
            }
        };
        let attempt = self.begin(context, &check.target).await?;
        let end = self.upstream.check(context, target, &CheckRequest { code, status: None, verify_profile_id }).await;
        let end = self.proven(context, &check.target, attempt, end).await;
        let verified = match &check.target {
            Target::Id(id) => Verified::Id(id),
            Target::Phone { phone_number, profile_id } => Verified::Phone(phone_number.as_e164(), profile_id),
        };
        self.tell(context, verified, &end);
        end
    }

    /// Reports how the caller's own check of a custom code ended.
    ///
    /// # Errors
    /// As `ReportVerification` documents them.
    pub async fn report(&self, context: &Context, verification_id: &str, accepted: bool) -> Result<CheckAnswer, Error> {
        let (outcome, state) = if accepted { ("accepted", "accepted") } else { ("rejected", "invalid") };
        let body = CheckRequest { status: Some(outcome), ..CheckRequest::default() };
        let end = self.upstream.check(context, CheckTarget::Id(verification_id), &body).await;
        let end = self.reported(context, verification_id, (outcome, state), end).await;
        self.tell(context, Verified::Id(verification_id), &end);
        end
    }

    /// The end of a report: the answer itself, or what the verification shows without it.
    async fn reported(
        &self,
        context: &Context,
        verification_id: &str,
        (outcome, state): (&str, &str),
        end: Result<CheckAnswer, Error>,
    ) -> Result<CheckAnswer, Error> {
        let Err(lost) = end.as_ref() else { return end };
        if lost.reason != ErrorReason::CheckOutcomeUnknown {
            return end;
        }
        // What was reported and what is recorded agree: it does not matter which report did it.
        match self.upstream.verification(&context.unasked(), verification_id).await {
            Ok(verification) if verification.status.as_deref() == Some(state) => {
                Ok(CheckAnswer { phone_number: verification.phone_number, response_code: Some(outcome.to_owned()) })
            }
            _ => end,
        }
    }

    /// Counts what a check showed.
    fn tell(&self, context: &Context, verified: Verified<'_>, end: &Result<CheckAnswer, Error>) {
        let Ok(answer) = end else { return };
        let outcomes = ["accepted", "rejected", "expired", "max_attempts_exceeded"];
        let known = outcomes.into_iter().find(|outcome| answer.response_code.as_deref() == Some(*outcome));
        self.metrics.check_ended(known.unwrap_or("unspecified"));
        if answer.is_accepted() {
            let phone_number = answer.phone_number.as_deref().and_then(PhoneNumber::parse);
            let country = phone_number.and_then(|phone_number| phone_number.country());
            self.metrics.converted(&context.tenant.id, verified, country);
        }
    }
}
