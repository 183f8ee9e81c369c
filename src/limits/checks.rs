//! How often codes are checked, and how many checks failed.
//!
//! A check counts as failed before its request leaves. It is taken back if the code was not wrong, so concurrent checks
//! cannot exceed the limit. A check whose answer is lost stays counted.
//!
//! The gateway knows the phone number of a verification from its own sends ([`Limiter::record_send`]). For any other
//! verification it learns the number from the first answer of Telnyx, and counts that failed check afterwards.

use super::{LimitHit, LimitKind, Limiter, QuotaReservation, WindowEntry, WindowRule, hit::verdict};
use crate::{
    domain::{Error, Limit, LimitMode, LimitWindow, PhoneNumber, Tenant, VerificationRef, phone_identity},
    store,
};

/// What a check has taken from its limits. [`Limiter::finish_check`] settles it.
#[derive(Debug, Default)]
#[must_use = "the limiter needs the result of the check"]
pub struct CheckReservation {
    /// The key of the verification's record. None if the verification is unknown or checks are not counted.
    verification: Option<String>,
    knows_phone_number: bool,
    quota: QuotaReservation,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckResult {
    /// The code was wrong.
    Wrong,
    /// The code was right, or no later check can succeed.
    Over,
    /// Telnyx checked nothing.
    NotChecked,
    /// The answer was lost.
    Unknown,
}

impl Limiter {
    /// Counts a check before it is made.
    ///
    /// # Errors
    /// `CHECK_LIMIT_REACHED`, `GUESS_LIMIT_REACHED` and `STORE_UNAVAILABLE`.
    pub async fn reserve_check(&self, tenant: &Tenant, target: &VerificationRef) -> Result<CheckReservation, Error> {
        if !counts_checks(tenant) {
            return Ok(CheckReservation::default());
        }
        let (verification, mut failures) = match target {
            VerificationRef::Id(id) => (Some(self.verification_key(tenant, id)), None),
            VerificationRef::PhoneNumber { phone_number, profile_id } => {
                let phone_number = phone_number.as_e164();
                let pending = self.pending(tenant, phone_number, profile_id).await;
                (pending, Some(self.failures_key(tenant, phone_number)))
            }
        };
        let mut hits = Vec::new();
        if let Some(key) = &verification {
            let (recorded, hit) = self.count_check(tenant, key).await?;
            hits.extend(hit);
            failures = failures.or(recorded);
        }
        let mut quota = QuotaReservation::default();
        if let (Some(key), false) = (&failures, hits.iter().any(LimitHit::refuses)) {
            let (entry, more) = self.count_failure(tenant, tenant.limits.guesses_per_phone_number, key).await?;
            if let (Some(verification), true) = (&verification, more.iter().any(LimitHit::refuses)) {
                self.uncount_check(verification).await;
            }
            quota.0.extend(entry);
            hits.extend(more);
        }
        verdict(hits, &tenant.id, &self.metrics)?;
        Ok(CheckReservation { verification, knows_phone_number: failures.is_some(), quota })
    }

    /// Settles a reservation by the result of its check. `phone_number` is the one in the answer.
    pub async fn finish_check(
        &self,
        tenant: &Tenant,
        reservation: CheckReservation,
        result: CheckResult,
        phone_number: Option<&PhoneNumber>,
    ) {
        let CheckReservation { verification, knows_phone_number, quota } = reservation;
        if matches!(result, CheckResult::Over | CheckResult::NotChecked) {
            self.release(&quota).await;
        }
        let Some(verification) = verification else { return };
        match (result, phone_number) {
            (CheckResult::Over, _) => self.forget(&verification).await,
            (CheckResult::NotChecked, _) => self.uncount_check(&verification).await,
            (CheckResult::Wrong, Some(phone_number)) if !knows_phone_number => {
                let failures = self.failures_key(tenant, phone_number.as_e164());
                self.record_phone_number(tenant, &verification, &failures).await;
                // The check was made, so it counts even above the limit.
                let limit = tenant.limits.guesses_per_phone_number;
                let observed = limit.map(|limit| Limit { mode: LimitMode::Observe, ..limit });
                ok_or_warn(self.count_failure(tenant, observed, &failures).await);
            }
            (CheckResult::Wrong | CheckResult::Unknown, _) => {}
        }
    }

    /// Counts a failed check of the phone number whose window is at `key`.
    async fn count_failure(
        &self,
        tenant: &Tenant,
        limit: Option<Limit<LimitWindow>>,
        key: &str,
    ) -> Result<(Option<WindowEntry>, Vec<LimitHit>), store::Error> {
        let rule = limit.map(|limit| WindowRule {
            kind: LimitKind::GUESSES_PER_PHONE_NUMBER,
            mode: limit.mode,
            window: limit.at,
            allows: format!("at most {} wrong codes for a number in a day", limit.at.max),
        });
        self.take(tenant, key.to_owned(), rule.as_slice(), true).await
    }

    /// The key of the window of a phone number's failed checks.
    pub(super) fn failures_key(&self, tenant: &Tenant, phone_number: &str) -> String {
        self.key(tenant, "guesses", &[&phone_identity(phone_number)])
    }
}

/// Whether any limit of the tenant counts checks.
pub(super) fn counts_checks(tenant: &Tenant) -> bool {
    tenant.limits.checks_per_verification.is_some() || tenant.limits.guesses_per_phone_number.is_some()
}

/// The value, if the store gave one. No call fails because of what follows a check.
pub(super) fn ok_or_warn<T>(result: Result<T, store::Error>) -> Option<T> {
    result.inspect_err(|error| tracing::warn!(%error, "a check could not be counted")).ok()
}
