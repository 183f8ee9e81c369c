//! How often codes are checked, and how often they were wrong.
//!
//! A guess is noted before its check leaves, and taken back where the code was not wrong, so that guesses at the same
//! time can't be more than those one after the other. One whose answer is lost stays.
//!
//! By whom a verification is meant is known from the gateway's own sends ([`Limits::sent`]). The number of one that it
//! does not know is learnt from Telnyx's first answer, which counts as a guess after the fact.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Limit, Limits, Log, Place, Places, Reached, Rule, grain, reached::verdict};
use crate::{
    domain::Error,
    store::{Change, Unavailable},
    telemetry::metrics::Verified,
    tenant::Tenant,
};

/// A check that was let through.
#[derive(Debug, Default)]
#[must_use = "how it ended must be told"]
pub struct Guess {
    /// The key of the verification's record, where that is known and counted.
    verification: Option<String>,
    /// Whether it is known whose number it is.
    is_of_known_number: bool,
    places: Places,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guessed {
    /// The code was wrong.
    Wrong,
    /// The code was right, or came too late for that to matter: no further check can tell anything.
    Over,
    /// Nothing was checked.
    NotChecked,
    /// Nobody knows.
    Unknown,
}

/// What is known of a verification.
#[derive(Debug, Deserialize, Serialize)]
struct Known {
    /// The key of its number's guesses.
    number: Option<String>,
    /// How often it was checked.
    checks: u32,
    /// When it does not matter any more.
    until: Timestamp,
}

/// How long a verification matters whose lifetime nobody told.
const USUAL: Duration = Duration::from_hours(1);
/// What may lie between Telnyx's clock and the gateway's.
const SPARE: Duration = Duration::from_mins(10);

impl Limits {
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
        let pending_key = self.pending_key(tenant, phone_number, profile_id);
        let known = self.store.update(&by_id, |known: Option<Known>| {
            let checks = known.map_or(0, |known| known.checks);
            (Change::Put(Known { number: Some(number.clone()), checks, until }, keep), ())
        });
        let pending = self.store.update(&pending_key, |_: Option<String>| (Change::Put(by_id.clone(), keep), ()));
        let (known, pending) = tokio::join!(known, pending);
        not_counted(known.and(pending));
    }

    /// Lets a check begin. Where the store is down, it is let through: no new code can be sent then, and Telnyx bounds
    /// the checks of each verification itself.
    ///
    /// # Errors
    /// `CHECK_LIMIT_REACHED` and `GUESS_LIMIT_REACHED`.
    pub async fn check(&self, tenant: &Tenant, verified: Verified<'_>) -> Result<Guess, Error> {
        if !counts(tenant) {
            return Ok(Guess::default());
        }
        let (verification, number) = match verified {
            Verified::Id(id) => (Some(self.verification_key(tenant, id)), None),
            Verified::Phone(phone_number, profile_id) => {
                let pending = self.pending_key(tenant, phone_number, profile_id);
                let pending = self.store.update(&pending, |by_id: Option<String>| (Change::Keep, by_id)).await;
                (not_counted(pending).flatten(), Some(self.guesses_key(tenant, phone_number)))
            }
        };
        let (mut reached, mut guess) = (Vec::new(), Guess::default());
        let mut number = number;
        if let Some(key) = verification {
            let (known, hit) = not_counted(self.count_check(tenant, &key).await).unwrap_or_default();
            reached.extend(hit);
            number = number.or(known);
            guess.verification = Some(key);
        }
        if let (Some(key), false) = (&number, reached.iter().any(Reached::refuses)) {
            let (place, hits) = not_counted(self.count_guess(tenant, key).await).unwrap_or_default();
            guess.places.0.extend(place);
            if hits.iter().any(Reached::refuses) {
                self.uncount_check(&guess).await;
            }
            reached.extend(hits);
        }
        guess.is_of_known_number = number.is_some();
        verdict(reached, &tenant.id, &self.metrics)?;
        Ok(guess)
    }

    /// Notes how a check ended. `phone_number` is the one that the answer tells.
    pub async fn checked(&self, tenant: &Tenant, guess: Guess, end: Guessed, phone_number: Option<&str>) {
        match end {
            Guessed::Unknown => {}
            Guessed::Wrong if guess.is_of_known_number => {}
            Guessed::Wrong => {
                if let Some(phone_number) = phone_number.filter(|_| counts(tenant)) {
                    self.learn(tenant, &guess, phone_number).await;
                }
            }
            Guessed::Over => {
                self.give_back(&guess.places).await;
                if let Some(key) = &guess.verification {
                    not_counted(self.store.update(key, |_: Option<Known>| (Change::Remove, ())).await);
                }
            }
            Guessed::NotChecked => {
                self.give_back(&guess.places).await;
                self.uncount_check(&guess).await;
            }
        }
    }

    /// Notes whose number a verification is for, and the guess that showed it.
    async fn learn(&self, tenant: &Tenant, guess: &Guess, phone_number: &str) {
        let number = self.guesses_key(tenant, phone_number);
        if let Some(key) = &guess.verification {
            let noted = self.store.update(key, |known: Option<Known>| {
                let known = known.unwrap_or_else(|| self.unknown());
                (self.put(Known { number: Some(number.clone()), ..known }), ())
            });
            not_counted(noted.await);
        }
        if let Some(limit) = &tenant.limits.guesses_per_phone_number {
            let (now, grain) = (self.clock.now(), grain(&limit.at));
            let noted = self.store.update(&number, |log: Option<Log>| {
                let mut log = log.unwrap_or_default();
                log.note(now, grain);
                log.forget([&limit.at].into_iter(), now);
                (Change::Put(log, limit.at.per + Duration::from_millis(grain.unsigned_abs())), ())
            });
            not_counted(noted.await);
        }
    }

    /// Counts a check of the verification at `key`, and tells where the guesses of its number are counted.
    async fn count_check(&self, tenant: &Tenant, key: &str) -> Result<(Option<String>, Option<Reached>), Unavailable> {
        let limit = tenant.limits.checks_per_verification.as_ref();
        self.store
            .update(key, |known: Option<Known>| {
                let mut known = known.unwrap_or_else(|| self.unknown());
                let reached = limit.filter(|limit| known.checks >= limit.at).map(|limit| Reached {
                    limit: Limit::ChecksPerVerification,
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
            })
            .await
    }

    async fn uncount_check(&self, guess: &Guess) {
        let Some(key) = &guess.verification else { return };
        let uncounted = self.store.update(key, |known: Option<Known>| match known {
            None => (Change::Keep, ()),
            Some(Known { number: None, checks: ..=1, .. }) => (Change::Remove, ()),
            Some(known) => (self.put(Known { checks: known.checks.saturating_sub(1), ..known }), ()),
        });
        not_counted(uncounted.await);
    }

    /// What is known of a verification that nothing is known of.
    fn unknown(&self) -> Known {
        Known { number: None, checks: 0, until: self.clock.now().saturating_add(USUAL).unwrap_or(Timestamp::MAX) }
    }

    fn put(&self, known: Known) -> Change<Known> {
        match Duration::try_from(known.until.duration_since(self.clock.now())) {
            Ok(keep) if !keep.is_zero() => Change::Put(known, keep),
            _ => Change::Remove,
        }
    }

    async fn count_guess(&self, tenant: &Tenant, key: &str) -> Result<(Option<Place>, Vec<Reached>), Unavailable> {
        let rule = tenant.limits.guesses_per_phone_number.as_ref().map(|limit| Rule {
            limit: Limit::GuessesPerPhoneNumber,
            mode: limit.mode,
            window: &limit.at,
            allows: format!("at most {} wrong codes for a number in a day", limit.at.max),
        });
        self.take(key.to_owned(), rule.as_slice(), true).await
    }

    fn verification_key(&self, tenant: &Tenant, id: &str) -> String {
        self.key(tenant, "checks", &["id", id])
    }

    fn pending_key(&self, tenant: &Tenant, phone_number: &str, profile_id: &str) -> String {
        self.key(tenant, "checks", &["pending", phone_number, profile_id])
    }

    fn guesses_key(&self, tenant: &Tenant, phone_number: &str) -> String {
        self.key(tenant, "guesses", &[phone_number])
    }

    fn key(&self, tenant: &Tenant, what: &str, parts: &[&str]) -> String {
        let id = tenant.id.as_str();
        let parts: Vec<&[u8]> = [id, what].iter().chain(parts).map(|part| part.as_bytes()).collect();
        format!("limit:{id}:{what}:{}", self.store.digest(&parts))
    }
}

/// Whether any check of the tenant is counted.
fn counts(tenant: &Tenant) -> bool {
    tenant.limits.checks_per_verification.is_some() || tenant.limits.guesses_per_phone_number.is_some()
}

/// What the store says, if it is there.
fn not_counted<T>(end: Result<T, Unavailable>) -> Option<T> {
    end.inspect_err(|error| tracing::warn!(%error, "a check could not be counted")).ok()
}
