//! What is proven of a check whose answer is lost.
//!
//! An accepted verification proves that something made it accepted. It proves that of this check only if everything else is
//! excluded:
//!
//! 1. It became accepted after the check began, by Telnyx's clock. Before, it was not accepted.
//! 2. No other check or accepted report through the gateway can have done it. They are counted by Telnyx account, because
//!    tenants with one account share its verifications, under the ID and under the phone number of the verification.
//! 3. The store has counted without a gap since the verification was created.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    domain::{CallContext, Error, PhoneNumber, VerificationRef},
    pb::ErrorReason,
    services::{Verifications, dependencies::TelnyxOffset, send::listing},
    store::{self, Change},
    telnyx::{CheckResponse, ResponseCode, Verification, VerificationStatus},
};

/// The age up to which something can be proven of a verification. Codes live for some minutes.
const MAX_AGE: Duration = Duration::from_mins(15);
/// How many checks of one verification or phone number are kept.
const MAX_CHECKS: usize = 32;

/// A check that is counted.
pub(super) struct CheckAttempt {
    pub(super) id: Uuid,
    pub(super) key: String,
    /// When it began at the earliest and at the latest, by the clock of this process.
    pub(super) began: [Timestamp; 2],
}

/// What Telnyx shows of a check whose answer is lost.
pub(super) enum Evidence {
    /// It was right, with this answer.
    Accepted(CheckResponse),
    /// No verification that it can have made accepted is accepted.
    NotAccepted,
    /// It may have been right, and so may another one.
    Unclear,
}

/// The checks that can have made a verification accepted, of one verification or phone number.
#[derive(Default, Deserialize, Serialize)]
struct CheckLog {
    checks: Vec<CountedCheck>,
    /// Whether there were too many. Then nothing can be excluded.
    is_truncated: bool,
}

#[derive(Deserialize, Serialize)]
struct CountedCheck {
    id: Uuid,
    /// When the gateway knew that it had been accepted. None if it may still take effect.
    #[serde(with = "store::time_or_none")]
    accepted: Option<Timestamp>,
}

impl Verifications {
    /// Counts a check before it is made. Without an ID it gets one of its own.
    pub(super) async fn begin_attempt(
        &self,
        context: &CallContext,
        target: &VerificationRef,
        id: Option<Uuid>,
    ) -> Result<CheckAttempt, Error> {
        let (id, key) = (id.unwrap_or_else(Uuid::new_v4), self.target_key(context, target));
        let attempt = CheckAttempt { id, key, began: [self.deps.clock.now(); 2] };
        let added = self.change(context, &attempt.key, |log| {
            log.checks.retain(|check| check.id != id);
            log.is_truncated |= log.checks.len() >= MAX_CHECKS;
            log.checks.truncate(MAX_CHECKS - 1);
            log.checks.push(CountedCheck { id: attempt.id, accepted: None });
        });
        added.await?;
        Ok(attempt)
    }

    /// Records how a counted check ended. One that can't have been the right one is no longer counted.
    pub(super) async fn end_attempt(
        &self,
        context: &CallContext,
        attempt: &CheckAttempt,
        result: &Result<CheckResponse, Error>,
    ) {
        let accepted = match result {
            // It may have been the right one.
            Err(error) if error.reason == ErrorReason::CheckOutcomeUnknown => return,
            Ok(answer) if answer.is_accepted() => Some(self.deps.now()),
            _ => None,
        };
        let changed = self.change(context, &attempt.key, |log| match accepted {
            None => log.checks.retain(|check| check.id != attempt.id),
            Some(_) => log.checks.iter_mut().filter(|check| check.id == attempt.id).for_each(|check| {
                check.accepted = accepted;
            }),
        });
        // It stays counted as one that may take effect. Until the record expires, less can be proven.
        _ = changed.await.inspect_err(|error| tracing::warn!(%error, "a finished check is still counted"));
    }

    /// What Telnyx shows of the check, whose answer is lost.
    pub(super) async fn evidence(
        &self,
        context: &CallContext,
        target: &VerificationRef,
        attempt: &CheckAttempt,
    ) -> Evidence {
        self.read_evidence(context, target, attempt).await.unwrap_or(Evidence::Unclear)
    }

    /// None if something that decides it can't be read.
    async fn read_evidence(
        &self,
        context: &CallContext,
        target: &VerificationRef,
        attempt: &CheckAttempt,
    ) -> Option<Evidence> {
        let upstream = &self.deps.upstream;
        let mut accepted = match target {
            VerificationRef::Id(id) => vec![upstream.verification(context, id).await.ok()?],
            VerificationRef::PhoneNumber { phone_number, profile_id } => {
                let listed = listing::read(upstream, context, phone_number, Timestamp::MIN).await.ok()?;
                // One that does not show its profile may be the one that was checked.
                let is_readable = listed.answers.iter().all(|one| one.verify_profile_id.is_some());
                let mut listed = Some(listed.answers).filter(|_| listed.is_complete && is_readable)?;
                listed.retain(|one| one.verify_profile_id.as_ref() == Some(profile_id));
                listed
            }
        };
        if accepted.iter().any(|one| one.status.is_none()) {
            return None;
        }
        accepted.retain(|one| one.status == Some(VerificationStatus::Accepted));
        // After the read, which may have been the first answer to show Telnyx's time.
        let telnyx = self.deps.upstream.telnyx_clock(&context.tenant)?;
        let offset = self.deps.telnyx_offset(&context.tenant)?;
        let [earliest, latest] = attempt.began;
        let updated = |one: &Verification| one.updated_at.map(|time| time.0);
        accepted.retain(|one| updated(one).is_none_or(|updated| updated >= telnyx.earliest(earliest)));
        let verification = match accepted.len() {
            0 => return Some(Evidence::NotAccepted),
            1 => accepted.pop()?,
            _ => return Some(Evidence::Unclear),
        };
        let is_later = updated(&verification)? > telnyx.latest(latest);
        let records_since = self.deps.store.records_since().await?;
        let created = verification.created_at?.0;
        let is_counted = created > offset.latest(records_since.max(self.deps.now().checked_sub(MAX_AGE).ok()?));
        // Counted after the read: the right check was counted before it made the verification accepted.
        if is_later && is_counted && self.is_only_cause(context, attempt, &verification, created, offset).await? {
            let (phone_number, response_code) = (verification.phone_number, Some(ResponseCode::Accepted));
            return Some(Evidence::Accepted(CheckResponse { phone_number, response_code }));
        }
        Some(Evidence::Unclear)
    }

    /// Whether no other counted check can have made `verification` accepted. One that was accepted before the
    /// verification was created made another one accepted.
    async fn is_only_cause(
        &self,
        context: &CallContext,
        attempt: &CheckAttempt,
        verification: &Verification,
        created: Timestamp,
        offset: TelnyxOffset,
    ) -> Option<bool> {
        let phone_number = PhoneNumber::from_telnyx(verification.phone_number.as_deref()?)?;
        let by_phone = self.phone_key(context, &phone_number, verification.verify_profile_id.as_deref()?);
        let mut is_counted = false;
        for key in [self.id_key(context, verification.id.as_deref()?), by_phone] {
            let log = self
                .deps
                .store
                .update_by(&key, context.deadline, |log: Option<CheckLog>| (Change::Keep, log.unwrap_or_default()));
            let log = log.await.ok()?;
            is_counted |= log.checks.iter().any(|check| check.id == attempt.id);
            let mut others = log.checks.iter().filter(|check| check.id != attempt.id);
            let is_earlier = |check: &CountedCheck| check.accepted.is_some_and(|at| offset.latest(at) < created);
            if log.is_truncated || !others.all(is_earlier) {
                return Some(false);
            }
        }
        Some(is_counted)
    }

    async fn change(
        &self,
        context: &CallContext,
        key: &str,
        change: impl Fn(&mut CheckLog),
    ) -> Result<(), store::Error> {
        // A lost check may take effect within the settle window.
        let keep = MAX_AGE + self.deps.settings.settle_window + 2 * self.deps.attempt_timeout;
        let changed =
            self.deps.store.records_of(&context.tenant.id).update_by(key, context.deadline, |log: Option<CheckLog>| {
                let mut log = log.unwrap_or_default();
                change(&mut log);
                (if log.checks.is_empty() && !log.is_truncated { Change::Remove } else { Change::Put(log, keep) }, ())
            });
        changed.await
    }

    /// The key of the log that counts the checks of `target`.
    pub(super) fn target_key(&self, context: &CallContext, target: &VerificationRef) -> String {
        match target {
            VerificationRef::Id(id) => self.id_key(context, id),
            VerificationRef::PhoneNumber { phone_number, profile_id } => {
                self.phone_key(context, phone_number, profile_id)
            }
        }
    }

    /// IDs that differ only in case are one.
    fn id_key(&self, context: &CallContext, id: &str) -> String {
        self.log_key(context, &["id", &id.to_ascii_lowercase()])
    }

    fn phone_key(&self, context: &CallContext, phone_number: &PhoneNumber, profile_id: &str) -> String {
        self.log_key(context, &["phone", &phone_number.identity(), &profile_id.to_ascii_lowercase()])
    }

    fn log_key(&self, context: &CallContext, parts: &[&str]) -> String {
        let parts = parts.iter().map(|part| part.as_bytes());
        let parts: Vec<_> = std::iter::once(context.tenant.account_id()).chain(parts).collect();
        format!("check:{}", self.deps.store.digest(&parts))
    }
}
