//! The records of verifications: their phone number, and how often they were checked.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    LimitHit, LimitKind, Limiter,
    checks::{counts_checks, ok_or_warn},
};
use crate::{
    domain::Tenant,
    store::{self, Change},
};

/// A verification that was sent.
#[derive(Clone, Copy, Debug)]
pub struct SentVerification<'a> {
    /// The ID that Telnyx gave it.
    pub id: &'a str,
    /// In E.164.
    pub phone_number: &'a str,
    /// The ID of its profile.
    pub profile_id: &'a str,
    /// How long its code is valid, if that is known.
    pub timeout_secs: Option<u64>,
}

#[derive(Debug, Deserialize, Serialize)]
struct VerificationRecord {
    /// The key of the failed checks of its phone number.
    number: Option<String>,
    checks: u32,
    until: Timestamp,
}

/// How long a verification of unknown lifetime is kept.
const DEFAULT_LIFETIME: Duration = Duration::from_hours(1);
/// Covers the difference between the clocks of Telnyx and the gateway.
const CLOCK_MARGIN: Duration = Duration::from_mins(10);

impl Limiter {
    /// Records a verification, so that its checks count against its phone number.
    pub async fn record_send(&self, tenant: &Tenant, sent: SentVerification<'_>) {
        if !counts_checks(tenant) {
            return;
        }
        let lifetime = sent.timeout_secs.map_or(DEFAULT_LIFETIME, Duration::from_secs).saturating_add(CLOCK_MARGIN);
        let until = self.store.now().saturating_add(lifetime).unwrap_or(Timestamp::MAX);
        let by_id = self.verification_key(tenant, sent.id);
        let by_phone = self.pending_key(tenant, sent.phone_number, sent.profile_id);
        let number = self.failures_key(tenant, sent.phone_number);
        let store = self.store.counters_of(&tenant.id);
        let record = store.update(&by_id, |record: Option<VerificationRecord>| {
            let checks = record.map_or(0, |record| record.checks);
            (Change::Put(VerificationRecord { number: Some(number.clone()), checks, until }, lifetime), ())
        });
        let pending = store.update(&by_phone, |_: Option<String>| (Change::Put(by_id.clone(), lifetime), ()));
        let (record, pending) = tokio::join!(record, pending);
        ok_or_warn(record.and(pending));
    }

    /// The key of the newest verification of this number and profile.
    pub(super) async fn pending(&self, tenant: &Tenant, phone_number: &str, profile_id: &str) -> Option<String> {
        let by_phone = self.pending_key(tenant, phone_number, profile_id);
        ok_or_warn(self.store.update(&by_phone, |by_id: Option<String>| (Change::Keep, by_id)).await)?
    }

    /// Records the key of the failed checks of the verification's phone number.
    pub(super) async fn record_phone_number(&self, tenant: &Tenant, key: &str, number: &str) {
        let recorded = self.store.counters_of(&tenant.id).update(key, |record: Option<VerificationRecord>| {
            let record = record.unwrap_or_else(|| self.new_record());
            (self.put(VerificationRecord { number: Some(number.to_owned()), ..record }), ())
        });
        ok_or_warn(recorded.await);
    }

    /// Removes the record of a verification that can't be checked any more. Its number and profile may still lead to it: a check
    /// by them begins a new count.
    pub(super) async fn forget(&self, key: &str) {
        let forgotten = self.store.update(key, |_: Option<VerificationRecord>| (Change::Remove, ()));
        ok_or_warn(forgotten.await);
    }

    /// Counts a check. Returns the key of the failed checks of the verification's phone number.
    pub(super) async fn count_check(
        &self,
        tenant: &Tenant,
        key: &str,
    ) -> Result<(Option<String>, Option<LimitHit>), store::Error> {
        let limit = tenant.limits.checks_per_verification.as_ref();
        let counted = self.store.counters_of(&tenant.id).update(key, |record: Option<VerificationRecord>| {
            let mut record = record.unwrap_or_else(|| self.new_record());
            let hit = limit.filter(|limit| record.checks >= limit.at).map(|limit| LimitHit {
                kind: LimitKind::CHECKS_PER_VERIFICATION,
                mode: limit.mode,
                allows: format!("at most {} checks of a verification: only a new one helps", limit.at),
                wait: None,
            });
            let number = record.number.clone();
            if hit.as_ref().is_some_and(LimitHit::refuses) {
                return (Change::Keep, (number, hit));
            }
            record.checks = record.checks.saturating_add(1);
            (self.put(record), (number, hit))
        });
        counted.await
    }

    /// Takes back a check that was counted.
    pub(super) async fn uncount_check(&self, key: &str) {
        let uncounted = self.store.update(key, |record: Option<VerificationRecord>| match record {
            None => (Change::Keep, ()),
            Some(VerificationRecord { number: None, checks: ..=1, .. }) => (Change::Remove, ()),
            Some(record) => (self.put(VerificationRecord { checks: record.checks.saturating_sub(1), ..record }), ()),
        });
        ok_or_warn(uncounted.await);
    }

    /// The record of a verification that this gateway did not send.
    fn new_record(&self) -> VerificationRecord {
        let until = self.store.now().saturating_add(DEFAULT_LIFETIME).unwrap_or(Timestamp::MAX);
        VerificationRecord { number: None, checks: 0, until }
    }

    fn put(&self, record: VerificationRecord) -> Change<VerificationRecord> {
        match Duration::try_from(record.until.duration_since(self.store.now())) {
            Ok(keep) if !keep.is_zero() => Change::Put(record, keep),
            _ => Change::Remove,
        }
    }

    pub(super) fn verification_key(&self, tenant: &Tenant, id: &str) -> String {
        self.key(tenant, "checks", &["id", id])
    }

    fn pending_key(&self, tenant: &Tenant, phone_number: &str, profile_id: &str) -> String {
        self.key(tenant, "checks", &["pending", phone_number, profile_id])
    }
}
