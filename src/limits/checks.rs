//! How often codes are checked, and how many checks failed.
//!
//! A check counts as failed before its request leaves. It is taken back if the code was not wrong, so concurrent checks
//! cannot exceed the limit. A check whose answer is lost stays counted.
//!
//! The gateway knows the phone number of a verification from its own sends ([`Limiter::record_send`]). For any other
//! verification it learns the number from the first answer of Telnyx, and counts that failed check afterwards.

use super::{LimitHit, LimitKind, Limiter, QuotaReservation, WindowAllows, WindowEntry, WindowRule, hit::verdict};
use crate::{
    domain::{Error, Limit, LimitMode, LimitWindow, PhoneNumber, Tenant, VerificationRef},
    store::{self, Digest},
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
        let guesses = tenant.limits.guesses_per_phone_number;
        let (verification, phone, counted, failed) = match target {
            VerificationRef::Id(id) => {
                let key = Self::verification_key(tenant, self.verification(tenant, id));
                let (phone, hit) = self.count_check(tenant, &key).await?;
                let failed = match phone {
                    Some(phone) if !refuses(hit.as_slice()) => self.count_failure(tenant, guesses, phone).await?,
                    _ => (None, Vec::new()),
                };
                (Some(key), phone, hit, failed)
            }
            // Neither count needs the other, and a server is asked for both at once.
            VerificationRef::PhoneNumber { phone_number, profile_id } => {
                let phone = self.phone(tenant, phone_number.as_e164());
                let by_verification = async {
                    let Some(key) = self.pending(tenant, phone_number.as_e164(), profile_id).await else {
                        return Ok((None, None));
                    };
                    let (_, hit) = self.count_check(tenant, &key).await?;
                    Ok::<_, store::Error>((Some(key), hit))
                };
                let failed = self.count_failure(tenant, guesses, phone);
                let (by_verification, failed) = tokio::join!(by_verification, failed);
                let (key, hit) = by_verification?;
                (key, Some(phone), hit, failed?)
            }
        };
        let (entry, mut hits) = failed;
        let quota = QuotaReservation(entry.into_iter().collect());
        // What one limit refuses takes nothing from the other.
        if refuses(&hits)
            && let (Some(key), false) = (&verification, refuses(counted.as_slice()))
        {
            self.uncount_check(tenant, key).await;
        }
        if refuses(counted.as_slice()) {
            self.release(tenant, &quota).await;
        }
        hits.extend(counted);
        verdict(hits, &tenant.id, &self.metrics)?;
        Ok(CheckReservation { verification, knows_phone_number: phone.is_some(), quota })
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
        let released = async {
            if matches!(result, CheckResult::Over | CheckResult::NotChecked) {
                self.release(tenant, &quota).await;
            }
        };
        let counted = self.end_count(tenant, verification, knows_phone_number, result, phone_number);
        tokio::join!(released, counted);
    }

    /// Ends the count of a verification's checks.
    async fn end_count(
        &self,
        tenant: &Tenant,
        verification: Option<String>,
        knows_phone_number: bool,
        result: CheckResult,
        phone_number: Option<&PhoneNumber>,
    ) {
        let Some(verification) = verification else { return };
        match (result, phone_number) {
            (CheckResult::Over, _) => self.forget(tenant, &verification).await,
            (CheckResult::NotChecked, _) => self.uncount_check(tenant, &verification).await,
            (CheckResult::Wrong, Some(phone_number)) if !knows_phone_number => {
                let phone = self.phone(tenant, phone_number.as_e164());
                self.record_phone(tenant, &verification, phone).await;
                // The check was made, so it counts even above the limit.
                let limit = tenant.limits.guesses_per_phone_number;
                let observed = limit.map(|limit| Limit { mode: LimitMode::Observe, ..limit });
                ok_or_warn(self.count_failure(tenant, observed, phone).await);
            }
            (CheckResult::Wrong | CheckResult::Unknown, _) => {}
        }
    }

    /// Counts a failed check of a phone.
    async fn count_failure(
        &self,
        tenant: &Tenant,
        limit: Option<Limit<LimitWindow>>,
        phone: Digest,
    ) -> Result<(Option<WindowEntry>, Vec<LimitHit>), store::Error> {
        self.take(tenant, Self::guesses_key(tenant, phone), Self::guess_rule(limit).as_slice(), true).await
    }

    pub(super) fn guess_rule(limit: Option<Limit<LimitWindow>>) -> Option<WindowRule<'static>> {
        limit.map(|limit| WindowRule {
            kind: LimitKind::GUESSES_PER_PHONE_NUMBER,
            mode: limit.mode,
            window: limit.at,
            allows: WindowAllows::Guesses,
        })
    }

    /// The key of the wrong codes for a phone.
    pub(super) fn guesses_key(tenant: &Tenant, phone: Digest) -> String {
        format!("limit:{}:guesses:{phone}", tenant.id)
    }
}

fn refuses(hits: &[LimitHit]) -> bool {
    hits.iter().any(LimitHit::refuses)
}

/// Whether any limit of the tenant counts checks.
pub(super) fn counts_checks(tenant: &Tenant) -> bool {
    tenant.limits.checks_per_verification.is_some() || tenant.limits.guesses_per_phone_number.is_some()
}

/// The value, if the store gave one. No call fails because of what follows a check.
pub(super) fn ok_or_warn<T>(result: Result<T, store::Error>) -> Option<T> {
    result.inspect_err(|error| tracing::warn!(%error, "a check could not be counted")).ok()
}
