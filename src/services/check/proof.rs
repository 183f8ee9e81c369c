//! What is proven of a check whose answer is lost.
//!
//! An accepted verification proves that some check was right. It proves it of this check only if no other check can have
//! been the right one. So the checks that have not ended as wrong are counted, by verification and by phone number.

use std::time::Duration;

use jiff::Timestamp;

use super::Verifications;
use crate::{
    domain::{CallContext, Error, VerificationRef},
    pb::ErrorReason,
    store::{self, Change},
    telnyx::{CheckResponse, ResponseCode, Verification, VerificationStatus},
    upstream::Page,
};

/// A check that is counted.
pub(super) struct CheckAttempt {
    key: String,
    started: Timestamp,
}

/// A margin for delays that no setting bounds.
const MARGIN: Duration = Duration::from_mins(10);

impl Verifications {
    /// Counts a check before it is made.
    pub(super) async fn begin_attempt(
        &self,
        context: &CallContext,
        target: &VerificationRef,
    ) -> Result<CheckAttempt, Error> {
        let key = match target {
            VerificationRef::Id(id) => self.count_key(context, &["id", id]),
            VerificationRef::PhoneNumber { phone_number, profile_id } => {
                self.count_key(context, &["phone", phone_number.as_e164(), profile_id])
            }
        };
        let started = self.deps.clock.now();
        self.count(context, &key, |open| open.saturating_add(1)).await?;
        Ok(CheckAttempt { key, started })
    }

    /// Returns the result of the check, or what is proven without it. A check that was not the right one is no longer
    /// counted.
    pub(super) async fn finish_attempt(
        &self,
        context: &CallContext,
        target: &VerificationRef,
        attempt: CheckAttempt,
        result: Result<CheckResponse, Error>,
    ) -> Result<CheckResponse, Error> {
        match &result {
            Err(error) if error.reason == ErrorReason::CheckOutcomeUnknown => {
                self.proven_acceptance(&context.internal(), target, &attempt).await.map_or(result, Ok)
            }
            Ok(answer) if answer.is_accepted() => result,
            _ => {
                let counted = self.count(context, &attempt.key, |open| open.saturating_sub(1)).await;
                // The check stays counted until the record expires. Until then less can be proven.
                _ = counted.inspect_err(|error| tracing::warn!(%error, "a finished check is still counted"));
                result
            }
        }
    }

    async fn proven_acceptance(
        &self,
        context: &CallContext,
        target: &VerificationRef,
        attempt: &CheckAttempt,
    ) -> Option<CheckResponse> {
        let candidates = match target {
            VerificationRef::Id(id) => vec![self.deps.upstream.verification(context, id).await.ok()?],
            VerificationRef::PhoneNumber { phone_number, profile_id } => {
                let list = self.deps.upstream.verifications(context, phone_number, Page::LARGEST).await.ok()?;
                list.data.into_iter().filter(|one| one.verify_profile_id.as_ref() == Some(profile_id)).collect()
            }
        };
        let mut accepted = candidates.into_iter().filter(|one| self.was_accepted_during(attempt, one));
        let verification = accepted.next().filter(|_| accepted.next().is_none())?;
        let (id, phone_number) = (verification.id.as_deref()?, verification.phone_number.as_deref()?);
        let profile_id = verification.verify_profile_id.as_deref()?;
        // Counted after the read: the right check was counted before it made the verification accepted.
        let mut open = 0;
        for key in [&["id", id][..], &["phone", phone_number, profile_id]] {
            open += self.count(context, &self.count_key(context, key), |open| open).await.ok()?;
        }
        let phone_number = verification.phone_number;
        (open == 1).then_some(CheckResponse { phone_number, response_code: Some(ResponseCode::Accepted) })
    }

    fn was_accepted_during(&self, attempt: &CheckAttempt, verification: &Verification) -> bool {
        let start = attempt.started.checked_sub(self.deps.settings.clock_skew);
        verification.status == Some(VerificationStatus::Accepted)
            && verification.updated_at.zip(start.ok()).is_some_and(|(updated, start)| updated.0 >= start)
    }

    /// Changes how many checks have not ended as wrong. Returns the new number.
    async fn count(&self, context: &CallContext, key: &str, change: impl Fn(u32) -> u32) -> Result<u32, store::Error> {
        let keep = self.deps.settings.clock_skew + 2 * self.deps.attempt_timeout + MARGIN;
        let counted = self.deps.store.update_by(key, context.deadline, |open: Option<u32>| {
            let before = open.unwrap_or(0);
            match change(before) {
                open if open == before => (Change::Keep, open),
                0 => (Change::Remove, 0),
                open => (Change::Put(open, keep), open),
            }
        });
        counted.await
    }

    fn count_key(&self, context: &CallContext, parts: &[&str]) -> String {
        let parts: Vec<_> = [context.tenant.id.as_str()].iter().chain(parts).map(|part| part.as_bytes()).collect();
        format!("check:{}", self.deps.store.digest(&parts))
    }
}
