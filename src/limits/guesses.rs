//! How often codes are checked, and how often they were wrong.
//!
//! A guess is noted before its check leaves, and taken back where the code was not wrong, so that guesses at the same
//! time can't be more than those one after the other. One whose answer is lost stays.
//!
//! Whose number a verification is for is known from the gateway's own sends ([`Limiter::sent`]). The number of one that
//! it does not know is learnt from Telnyx's first answer, which counts as a guess after the fact.

use super::{Kind, Limiter, Place, Places, Reached, Rule, reached::verdict};
use crate::{
    domain::{Error, Limit, LimitMode, LimitWindow, Tenant},
    store::Unavailable,
    telemetry::metrics::Verified,
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

impl Limiter {
    /// Lets a check begin, unless it can't be counted.
    ///
    /// # Errors
    /// `CHECK_LIMIT_REACHED`, `GUESS_LIMIT_REACHED` and `STORE_UNAVAILABLE`.
    pub async fn check(&self, tenant: &Tenant, verified: Verified<'_>) -> Result<Guess, Error> {
        if !counts(tenant) {
            return Ok(Guess::default());
        }
        let (verification, mut number) = match verified {
            Verified::Id(id) => (Some(self.verification_key(tenant, id)), None),
            Verified::Phone(phone_number, profile_id) => {
                let pending = self.pending(tenant, phone_number, profile_id).await;
                (pending, Some(self.guesses_key(tenant, phone_number)))
            }
        };
        let mut reached = Vec::new();
        if let Some(key) = &verification {
            let (known, hit) = self.count_check(tenant, key).await?;
            reached.extend(hit);
            number = number.or(known);
        }
        let mut places = Places::default();
        if let (Some(key), false) = (&number, reached.iter().any(Reached::refuses)) {
            let limit = tenant.limits.guesses_per_phone_number.as_ref();
            let (place, hits) = self.count_guess(limit, key).await?;
            if let (Some(verification), true) = (&verification, hits.iter().any(Reached::refuses)) {
                self.uncount_check(verification).await;
            }
            places.0.extend(place);
            reached.extend(hits);
        }
        verdict(reached, &tenant.id, &self.metrics)?;
        Ok(Guess { verification, is_of_known_number: number.is_some(), places })
    }

    /// Notes how a check ended. `phone_number` is the one that the answer tells.
    pub async fn checked(&self, tenant: &Tenant, guess: Guess, end: Guessed, phone_number: Option<&str>) {
        match end {
            Guessed::Wrong => {
                let unknown = guess.verification.as_ref().filter(|_| !guess.is_of_known_number);
                if let Some((verification, phone_number)) = unknown.zip(phone_number) {
                    let number = self.guesses_key(tenant, phone_number);
                    self.is_for(verification, &number).await;
                    // It was made, whatever the limit says.
                    let limit = tenant.limits.guesses_per_phone_number;
                    let observed = limit.map(|limit| Limit { mode: LimitMode::Observe, ..limit });
                    not_counted(self.count_guess(observed.as_ref(), &number).await);
                }
            }
            Guessed::Over => {
                self.give_back(&guess.places).await;
                if let Some(verification) = &guess.verification {
                    self.forget(verification).await;
                }
            }
            Guessed::NotChecked => {
                self.give_back(&guess.places).await;
                if let Some(verification) = &guess.verification {
                    self.uncount_check(verification).await;
                }
            }
            Guessed::Unknown => {}
        }
    }

    /// Notes a guess at the number whose guesses are counted at `key`, as the limit's mode says.
    async fn count_guess(
        &self,
        limit: Option<&Limit<LimitWindow>>,
        key: &str,
    ) -> Result<(Option<Place>, Vec<Reached>), Unavailable> {
        let rule = limit.map(|limit| Rule {
            kind: Kind::GuessesPerPhoneNumber,
            mode: limit.mode,
            window: &limit.at,
            allows: format!("at most {} wrong codes for a number in a day", limit.at.max),
        });
        self.take(key.to_owned(), rule.as_slice(), true).await
    }

    pub(super) fn guesses_key(&self, tenant: &Tenant, phone_number: &str) -> String {
        self.key(tenant, "guesses", &[phone_number])
    }

    pub(super) fn key(&self, tenant: &Tenant, what: &str, parts: &[&str]) -> String {
        let id = tenant.id.as_str();
        let parts: Vec<&[u8]> = [id, what].iter().chain(parts).map(|part| part.as_bytes()).collect();
        format!("limit:{id}:{what}:{}", self.store.digest(&parts))
    }
}

/// Whether any check of the tenant is counted.
pub(super) fn counts(tenant: &Tenant) -> bool {
    tenant.limits.checks_per_verification.is_some() || tenant.limits.guesses_per_phone_number.is_some()
}

/// What the store says, if it is there.
pub(super) fn not_counted<T>(end: Result<T, Unavailable>) -> Option<T> {
    end.inspect_err(|error| tracing::warn!(%error, "a check could not be counted")).ok()
}
