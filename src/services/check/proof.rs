//! The proof of a check whose answer is lost: its count before the check, and what Telnyx shows after it.
//!
//! `acceptance.rs` decides what that proves.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::acceptance::{self, Acceptance, CheckLog, CheckTimes};
use crate::{
    domain::{CallContext, Error, PhoneNumber, VerificationRef},
    pb::ErrorReason,
    services::{Verifications, send::listing},
    store::{self, Change},
    telnyx::{CheckResponse, ResponseCode, Verification},
};

/// The age up to which something can be proven of a verification. Codes live for some minutes.
const MAX_AGE: Duration = Duration::from_mins(15);
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
        self.change(context, &attempt.key, |log| log.add(id)).await?;
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
            Ok(answer) => answer.is_accepted().then(|| self.deps.now()),
            Err(_) => None,
        };
        let changed = self.change(context, &attempt.key, |log| match accepted {
            Some(at) => log.accept(attempt.id, at),
            None => log.remove(attempt.id),
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
        let verifications = match target {
            VerificationRef::Id(id) => vec![upstream.verification(context, id).await.ok()?],
            VerificationRef::PhoneNumber { phone_number, profile_id } => {
                let listed = listing::read(upstream, context, phone_number, Timestamp::MIN).await.ok()?;
                acceptance::of_profile(listed, profile_id)?
            }
        };
        // After the read, which may have been the first answer to show Telnyx's time.
        let telnyx = self.deps.upstream.telnyx_clock(&context.tenant)?;
        let offset = self.deps.telnyx_offset(&context.tenant)?;
        let [earliest, latest] = attempt.began;
        // Counts are not kept for ever.
        let counted_since = self.deps.store.records_since().await?.max(self.deps.now().checked_sub(MAX_AGE).ok()?);
        let times = CheckTimes {
            began: [telnyx.earliest(earliest), telnyx.latest(latest)],
            counted_since: offset.latest(counted_since),
        };
        let (verification, created) = match Acceptance::of(verifications, &times) {
            Acceptance::Excluded => return Some(Evidence::NotAccepted),
            Acceptance::Possible(verification, created) => (verification, created),
            Acceptance::Unclear => return Some(Evidence::Unclear),
        };
        // Read after the verifications: the right check was counted before it made one accepted.
        let logs = self.check_logs(context, &verification).await?;
        if acceptance::is_only_cause(&logs, attempt.id, created, |at| offset.latest(at)) {
            let (phone_number, response_code) = (verification.phone_number, Some(ResponseCode::Accepted));
            return Some(Evidence::Accepted(CheckResponse { phone_number, response_code }));
        }
        Some(Evidence::Unclear)
    }

    /// The logs that count the checks of `verification`: by its ID, and by its phone number.
    async fn check_logs(&self, context: &CallContext, verification: &Verification) -> Option<[CheckLog; 2]> {
        let phone_number = PhoneNumber::from_telnyx(verification.phone_number.as_deref()?)?;
        let by_phone = self.phone_key(context, &phone_number, verification.verify_profile_id.as_deref()?);
        let by_id = self.id_key(context, verification.id.as_deref()?);
        let read = async |key: String| {
            let kept = |log: Option<CheckLog>| (Change::Keep, log.unwrap_or_default());
            self.deps.store.update_by(&key, context.deadline, kept).await.ok()
        };
        Some([read(by_id).await?, read(by_phone).await?])
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
                (if log.is_empty() { Change::Remove } else { Change::Put(log, keep) }, ())
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
