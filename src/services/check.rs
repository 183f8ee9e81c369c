//! Checking a code, and reporting a check that the caller made.

use super::Verifications;
use crate::{
    domain::{Error, PhoneNumber},
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
    /// Checks a code: allowed → upstream.
    ///
    /// # Errors
    /// As `CheckVerification` documents them.
    pub async fn check(&self, context: &Context, check: &Check) -> Result<CheckAnswer, Error> {
        let code = Some(check.code.expose());
        match &check.target {
            Target::Id(id) => {
                let body = CheckRequest { code, ..CheckRequest::default() };
                self.upstream.check(context, CheckTarget::Id(id), &body).await
            }
            Target::Phone { phone_number, profile_id } => {
                policy::profile(&context.tenant, profile_id)?;
                policy::country(&context.tenant, phone_number)?;
                let body = CheckRequest { code, verify_profile_id: Some(profile_id), ..CheckRequest::default() };
                self.upstream.check(context, CheckTarget::Phone(phone_number), &body).await
            }
        }
    }

    /// Reports how the caller's own check of a custom code ended.
    ///
    /// # Errors
    /// As `ReportVerification` documents them.
    pub async fn report(&self, context: &Context, verification_id: &str, accepted: bool) -> Result<CheckAnswer, Error> {
        let status = Some(if accepted { "accepted" } else { "rejected" });
        let body = CheckRequest { status, ..CheckRequest::default() };
        self.upstream.check(context, CheckTarget::Id(verification_id), &body).await
    }
}
