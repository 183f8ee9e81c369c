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
    store::{self, Change, Digest},
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
    /// Its phone, if that is known.
    phone: Option<Digest>,
    checks: u32,
    #[serde(with = "store::time")]
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
        let (by_id, by_phone) =
            (self.verification(tenant, sent.id), self.pending_key(tenant, sent.phone_number, sent.profile_id));
        let phone = Some(self.phone(tenant, sent.phone_number));
        let key = Self::verification_key(tenant, by_id);
        let store = self.store.counters_of(&tenant.id);
        let record = store.update(&key, |record: Option<VerificationRecord>| {
            let checks = record.map_or(0, |record| record.checks);
            (Change::Put(VerificationRecord { phone, checks, until }, lifetime), ())
        });
        let pending = store.update(&by_phone, |_: Option<Digest>| (Change::Put(by_id, lifetime), ()));
        let (record, pending) = tokio::join!(record, pending);
        ok_or_warn(record.and(pending));
    }

    /// The key of the newest verification of this number and profile.
    pub(super) async fn pending(&self, tenant: &Tenant, phone_number: &str, profile_id: &str) -> Option<String> {
        let by_phone = self.pending_key(tenant, phone_number, profile_id);
        let by_id = ok_or_warn(self.store.update(&by_phone, |by_id: Option<Digest>| (Change::Keep, by_id)).await)?;
        by_id.map(|by_id| Self::verification_key(tenant, by_id))
    }

    /// Records the phone of the verification.
    pub(super) async fn record_phone(&self, tenant: &Tenant, key: &str, phone: Digest) {
        let recorded = self.store.counters_of(&tenant.id).update(key, |record: Option<VerificationRecord>| {
            let record = record.unwrap_or_else(|| self.new_record());
            (self.put(VerificationRecord { phone: Some(phone), ..record }), ())
        });
        ok_or_warn(recorded.await);
    }

    /// Removes the record of a verification that can't be checked any more. Its number and profile may still lead to it: a check
    /// by them begins a new count.
    pub(super) async fn forget(&self, tenant: &Tenant, key: &str) {
        let forgotten =
            self.store.counters_of(&tenant.id).update(key, |_: Option<VerificationRecord>| (Change::Remove, ()));
        ok_or_warn(forgotten.await);
    }

    /// Counts a check. Returns the phone of the verification.
    pub(super) async fn count_check(
        &self,
        tenant: &Tenant,
        key: &str,
    ) -> Result<(Option<Digest>, Option<LimitHit>), store::Error> {
        let limit = tenant.limits.checks_per_verification.as_ref();
        let counted = self.store.counters_of(&tenant.id).update(key, |record: Option<VerificationRecord>| {
            let mut record = record.unwrap_or_else(|| self.new_record());
            let hit = limit.filter(|limit| record.checks >= limit.at).map(|limit| LimitHit {
                kind: LimitKind::CHECKS_PER_VERIFICATION,
                mode: limit.mode,
                allows: format!("at most {} checks of a verification: only a new one helps", limit.at),
                wait: None,
            });
            let phone = record.phone;
            if hit.as_ref().is_some_and(LimitHit::refuses) {
                return (Change::Keep, (phone, hit));
            }
            record.checks = record.checks.saturating_add(1);
            (self.put(record), (phone, hit))
        });
        counted.await
    }

    /// Takes back a check that was counted.
    pub(super) async fn uncount_check(&self, tenant: &Tenant, key: &str) {
        let uncounted =
            self.store.counters_of(&tenant.id).update(key, |record: Option<VerificationRecord>| match record {
                None => (Change::Keep, ()),
                Some(VerificationRecord { phone: None, checks: ..=1, .. }) => (Change::Remove, ()),
                Some(record) => {
                    (self.put(VerificationRecord { checks: record.checks.saturating_sub(1), ..record }), ())
                }
            });
        ok_or_warn(uncounted.await);
    }

    /// The record of a verification that this gateway did not send.
    fn new_record(&self) -> VerificationRecord {
        let until = self.store.now().saturating_add(DEFAULT_LIFETIME).unwrap_or(Timestamp::MAX);
        VerificationRecord { phone: None, checks: 0, until }
    }

    fn put(&self, record: VerificationRecord) -> Change<VerificationRecord> {
        match Duration::try_from(record.until.duration_since(self.store.now())) {
            Ok(keep) if !keep.is_zero() => Change::Put(record, keep),
            _ => Change::Remove,
        }
    }

    /// What stands for the verification with this ID.
    pub(super) fn verification(&self, tenant: &Tenant, id: &str) -> Digest {
        self.digest(tenant, &["verification", id])
    }

    /// The key of the record of a verification.
    pub(super) fn verification_key(tenant: &Tenant, verification: Digest) -> String {
        format!("limit:{}:checks:{verification}", tenant.id)
    }

    fn pending_key(&self, tenant: &Tenant, phone_number: &str, profile_id: &str) -> String {
        format!("limit:{}:pending:{}", tenant.id, self.digest(tenant, &["pending", phone_number, profile_id]))
    }
}
