//! Checking a code, and reporting a check that the caller made.

mod proof;

use super::Verifications;
use crate::{
    domain::{Error, PhoneNumber},
    pb::ErrorReason,
    policy,
    secret::Secret,
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
        let attempt = self.begin(context, &check.target).await;
        let end = self.upstream.check(context, target, &CheckRequest { code, status: None, verify_profile_id }).await;
        self.proven(context, &check.target, attempt, end).await
    }

    /// Reports how the caller's own check of a custom code ended.
    ///
    /// # Errors
    /// As `ReportVerification` documents them.
    pub async fn report(&self, context: &Context, verification_id: &str, accepted: bool) -> Result<CheckAnswer, Error> {
        let (outcome, state) = if accepted { ("accepted", "accepted") } else { ("rejected", "invalid") };
        let body = CheckRequest { status: Some(outcome), ..CheckRequest::default() };
        let end = self.upstream.check(context, CheckTarget::Id(verification_id), &body).await;
        let Err(lost) = end.as_ref() else { return end };
        if lost.reason != ErrorReason::CheckOutcomeUnknown {
            return end;
        }
        // What was reported and what is recorded agree: it does not matter which report did it.
        match self.upstream.verification(context, verification_id).await {
            Ok(verification) if verification.status.as_deref() == Some(state) => {
                Ok(CheckAnswer { phone_number: verification.phone_number, response_code: Some(outcome.to_owned()) })
            }
            _ => end,
        }
    }
}
