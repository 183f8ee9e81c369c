//! What is known of verifications: whose number they are for, and how often they were checked.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Kind, Limiter, Reached,
    guesses::{counts, not_counted},
};
use crate::{
    domain::Tenant,
    store::{Change, Unavailable},
};

/// What is known of a verification.
#[derive(Debug, Deserialize, Serialize)]
struct Known {
    /// The key of its number's guesses.
    number: Option<String>,
    /// The key under which it is known as the one that its number waits for.
    pending: Option<String>,
    /// How often it was checked.
    checks: u32,
    /// When it does not matter any more.
    until: Timestamp,
}

/// How long a verification matters whose lifetime nobody told.
const USUAL: Duration = Duration::from_hours(1);
/// What may lie between Telnyx's clock and the gateway's.
const SPARE: Duration = Duration::from_mins(10);

impl Limiter {
    /// Notes that a verification was sent, so that checks of it are counted.
    pub async fn sent(
        &self,
        tenant: &Tenant,
        (verification_id, phone_number, profile_id): (&str, &str, &str),
        timeout_secs: Option<u64>,
    ) {
        if !counts(tenant) {
            return;
        }
        let keep = timeout_secs.map_or(USUAL, Duration::from_secs).saturating_add(SPARE);
        let until = self.clock.now().saturating_add(keep).unwrap_or(Timestamp::MAX);
        let (by_id, number) = (self.verification_key(tenant, verification_id), self.guesses_key(tenant, phone_number));
        let by_phone = self.pending_key(tenant, phone_number, profile_id);
        let known = self.store.update(&by_id, |known: Option<Known>| {
            let checks = known.map_or(0, |known| known.checks);
            let known = Known { number: Some(number.clone()), pending: Some(by_phone.clone()), checks, until };
            (Change::Put(known, keep), ())
        });
        let pending = self.store.update(&by_phone, |_: Option<String>| (Change::Put(by_id.clone(), keep), ()));
        let (known, pending) = tokio::join!(known, pending);
        not_counted(known.and(pending));
    }

    /// The verification that the number waits for a code of, by its key.
    pub(super) async fn pending(&self, tenant: &Tenant, phone_number: &str, profile_id: &str) -> Option<String> {
        let by_phone = self.pending_key(tenant, phone_number, profile_id);
        not_counted(self.store.update(&by_phone, |by_id: Option<String>| (Change::Keep, by_id)).await)?
    }

    /// Notes that the verification at `key` is for the number whose guesses are counted at `number`.
    pub(super) async fn is_for(&self, key: &str, number: &str) {
        let noted = self.store.update(key, |known: Option<Known>| {
            let known = known.unwrap_or_else(|| self.unknown());
            (self.put(Known { number: Some(number.to_owned()), ..known }), ())
        });
        not_counted(noted.await);
    }

    /// Forgets the verification at `key`: it is over.
    pub(super) async fn forget(&self, key: &str) {
        let pending = |known: Option<Known>| (Change::Remove, known.and_then(|known| known.pending));
        if let Some(by_phone) = not_counted(self.store.update(key, pending).await).flatten() {
            let forgotten = self.store.update(&by_phone, |by_id: Option<String>| {
                // There may be a newer one.
                (if by_id.as_deref() == Some(key) { Change::Remove } else { Change::Keep }, ())
            });
            not_counted(forgotten.await);
        }
    }

    /// Counts a check of the verification at `key`, and tells where the guesses of its number are counted.
    pub(super) async fn count_check(
        &self,
        tenant: &Tenant,
        key: &str,
    ) -> Result<(Option<String>, Option<Reached>), Unavailable> {
        let limit = tenant.limits.checks_per_verification.as_ref();
        let counted = self.store.update(key, |known: Option<Known>| {
            let mut known = known.unwrap_or_else(|| self.unknown());
            let reached = limit.filter(|limit| known.checks >= limit.at).map(|limit| Reached {
                kind: Kind::ChecksPerVerification,
                mode: limit.mode,
                allows: format!("at most {} checks of a verification: only a new one helps", limit.at).into(),
                wait: None,
            });
            let number = known.number.clone();
            if reached.as_ref().is_some_and(Reached::refuses) {
                return (Change::Keep, (number, reached));
            }
            known.checks = known.checks.saturating_add(1);
            (self.put(known), (number, reached))
        });
        counted.await
    }

    /// Takes back that a check of the verification at `key` was counted.
    pub(super) async fn uncount_check(&self, key: &str) {
        let uncounted = self.store.update(key, |known: Option<Known>| match known {
            None => (Change::Keep, ()),
            Some(Known { number: None, checks: ..=1, .. }) => (Change::Remove, ()),
            Some(known) => (self.put(Known { checks: known.checks.saturating_sub(1), ..known }), ()),
        });
        not_counted(uncounted.await);
    }

    /// What is known of a verification that nothing is known of.
    fn unknown(&self) -> Known {
        Known {
            number: None,
            pending: None,
            checks: 0,
            until: self.clock.now().saturating_add(USUAL).unwrap_or(Timestamp::MAX),
        }
    }

    fn put(&self, known: Known) -> Change<Known> {
        match Duration::try_from(known.until.duration_since(self.clock.now())) {
            Ok(keep) if !keep.is_zero() => Change::Put(known, keep),
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
