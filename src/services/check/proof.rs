//! What became of a check whose answer is lost.
//!
//! That a verification is accepted proves that *some* check was right. It proves it of one check only if no other one
//! can have done it: so the checks are counted, by verification and by number, which have not ended as wrong.

use std::time::Duration;

use jiff::Timestamp;

use super::{VerificationRef, Verifications};
use crate::{
    domain::{CallContext, Error},
    pb::ErrorReason,
    store::{self, Change},
    telnyx::{CheckResponse, ResponseCode, Verification, VerificationStatus},
    upstream::Page,
};

/// A check that was begun and counted.
pub(super) struct Attempt {
    key: String,
    begun: Timestamp,
}

/// Longer than anything that is not counted in.
const SPARE: Duration = Duration::from_mins(10);

impl Verifications {
    /// Counts a check in. One that can't be counted must not be made: it may be right, and be taken for one that is not.
    pub(super) async fn begin(&self, context: &CallContext, target: &VerificationRef) -> Result<Attempt, Error> {
        let key = match target {
            VerificationRef::Id(id) => self.id_key(context, id),
            VerificationRef::Phone { phone_number, profile_id } => {
                self.phone_key(context, phone_number.as_e164(), profile_id)
            }
        };
        let begun = self.deps.clock.now();
        self.count(context, &key, |open| open.saturating_add(1)).await?;
        Ok(Attempt { key, begun })
    }

    /// The end of a check: the answer itself, or what can be proven without it.
    pub(super) async fn proven(
        &self,
        context: &CallContext,
        target: &VerificationRef,
        attempt: Attempt,
        end: Result<CheckResponse, Error>,
    ) -> Result<CheckResponse, Error> {
        match &end {
            Err(lost) if lost.reason == ErrorReason::CheckOutcomeUnknown => {
                self.acceptance(&context.internal(), target, &attempt).await.map_or(end, Ok)
            }
            Ok(answer) if answer.is_accepted() => end,
            // It was not this one that was right.
            _ => {
                let counted = self.count(context, &attempt.key, |open| open.saturating_sub(1)).await;
                // It counts for a while, and lets less be proven.
                _ = counted.inspect_err(|error| tracing::warn!(%error, "a check could not be counted out"));
                end
            }
        }
    }

    async fn acceptance(
        &self,
        context: &CallContext,
        target: &VerificationRef,
        attempt: &Attempt,
    ) -> Option<CheckResponse> {
        let verification = match target {
            VerificationRef::Id(id) => {
                self.deps.upstream.verification(context, id).await.ok().filter(|one| self.shows(attempt, one))
            }
            VerificationRef::Phone { phone_number, profile_id } => {
                let list = self.deps.upstream.verifications(context, phone_number, Page::LARGEST).await.ok()?;
                let mut shown = list
                    .data
                    .into_iter()
                    .filter(|one| one.verify_profile_id.as_ref() == Some(profile_id) && self.shows(attempt, one));
                shown.next().filter(|_| shown.next().is_none())
            }
        }?;
        let (id, phone) = (verification.id.as_deref()?, verification.phone_number.as_deref()?);
        let by_id = self.id_key(context, id);
        let by_phone = self.phone_key(context, phone, verification.verify_profile_id.as_deref()?);
        // Counted after the look: whoever made it accepted before that was counted in before.
        let mut open = 0;
        for key in [&by_id, &by_phone] {
            open += self.count(context, key, |open| open).await.ok()?;
        }
        (open == 1).then_some(CheckResponse {
            phone_number: verification.phone_number,
            response_code: Some(ResponseCode::Accepted),
        })
    }

    /// Whether `verification` became accepted while the attempt was under way.
    fn shows(&self, attempt: &Attempt, verification: &Verification) -> bool {
        let start = attempt.begun.checked_sub(self.deps.settings.clock_skew);
        verification.status == Some(VerificationStatus::Accepted)
            && verification.updated_at.zip(start.ok()).is_some_and(|(updated, start)| updated.0 >= start)
    }

    /// Changes how many checks have not ended as wrong, and tells how many.
    async fn count(&self, context: &CallContext, key: &str, change: impl Fn(u32) -> u32) -> Result<u32, store::Error> {
        let keep = self.deps.settings.clock_skew + 2 * self.deps.attempt_timeout + SPARE;
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

    fn id_key(&self, context: &CallContext, id: &str) -> String {
        let tenant = &context.tenant.id;
        format!("check:{}", self.deps.store.digest(&[tenant.as_str().as_bytes(), b"id", id.as_bytes()]))
    }

    fn phone_key(&self, context: &CallContext, phone: &str, profile_id: &str) -> String {
        let parts = [context.tenant.id.as_str(), "phone", phone, profile_id].map(str::as_bytes);
        format!("check:{}", self.deps.store.digest(&parts))
    }
}
