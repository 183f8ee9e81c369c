//! How much of what a tenant may do.

use std::{collections::BTreeMap, time::Duration};

use super::Country;

/// The limits of a tenant. None is a limit that is off.
///
/// The defaults protect a person from floods of messages and a code from being guessed. Limits on cost and concurrency
/// depend on the tenant, so they are off by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls a second, of every kind, in one gateway process.
    pub requests_per_second: Option<Limit<LimitRate>>,
    /// Calls under way at once, in one gateway process.
    pub concurrent_calls: Option<Limit<u32>>,
    /// Sends to one phone number, in any of these times.
    pub sends_per_phone_number: Option<Limit<Vec<LimitWindow>>>,
    /// Sends to the numbers of one country.
    pub sends_per_country: Option<Limit<CountryLimits>>,
    /// Sends to all numbers together.
    pub sends_per_day: Option<Limit<LimitWindow>>,
    /// The least time between two sends to one phone number.
    pub send_cool_down: Option<Limit<Duration>>,
    /// Checks of one verification.
    pub checks_per_verification: Option<Limit<u32>>,
    /// Wrong codes for one phone number, whatever verifications they are for.
    pub guesses_per_phone_number: Option<Limit<LimitWindow>>,
}

/// A limit that is not off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit<T> {
    /// What happens where it is reached.
    pub mode: LimitMode,
    /// Where it is reached.
    pub at: T,
}

/// What happens where a limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitMode {
    /// The call is refused.
    Enforce,
    /// It is counted and logged, and the call goes on.
    Observe,
}

/// So many in a second, and so many at once after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitRate {
    /// How many a second.
    pub max: u32,
    /// How many at once.
    pub burst: u32,
}

/// So many in any time of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitWindow {
    /// How many.
    pub max: u32,
    /// In which time, to the millisecond.
    pub per: Duration,
}

/// How many to the numbers of which country. Each country is counted by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CountryLimits {
    /// For countries that are not listed, and for the numbers of no country together; none for any number of sends.
    pub default: Option<LimitWindow>,
    /// For these, by their codes.
    pub listed: BTreeMap<String, LimitWindow>,
}

/// How long a day is, for the limits that count by the day: any 24 hours, not those of a calendar.
pub const DAY: Duration = Duration::from_hours(24);

impl CountryLimits {
    /// The window of `country`, if it has one.
    #[must_use]
    pub fn of(&self, country: Option<Country>) -> Option<&LimitWindow> {
        let listed = country.and_then(|country| self.listed.get(&country.to_string()));
        listed.or(self.default.as_ref())
    }
}

impl Limits {
    /// No limit at all.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            requests_per_second: None,
            concurrent_calls: None,
            sends_per_phone_number: None,
            sends_per_country: None,
            sends_per_day: None,
            send_cool_down: None,
            checks_per_verification: None,
            guesses_per_phone_number: None,
        }
    }

    /// The same limits, all of which only count and log.
    #[must_use]
    pub fn observed(mut self) -> Self {
        fn observe<T>(limit: &mut Option<Limit<T>>) {
            if let Some(limit) = limit {
                limit.mode = LimitMode::Observe;
            }
        }
        observe(&mut self.requests_per_second);
        observe(&mut self.concurrent_calls);
        observe(&mut self.sends_per_phone_number);
        observe(&mut self.sends_per_country);
        observe(&mut self.sends_per_day);
        observe(&mut self.send_cool_down);
        observe(&mut self.checks_per_verification);
        observe(&mut self.guesses_per_phone_number);
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        let window = |max, minutes| LimitWindow { max, per: Duration::from_mins(minutes) };
        Self {
            sends_per_phone_number: Some(Limit::enforced(vec![window(3, 10), window(5, 60)])),
            checks_per_verification: Some(Limit::enforced(5)),
            guesses_per_phone_number: Some(Limit::enforced(LimitWindow { max: 20, per: DAY })),
            ..Self::none()
        }
    }
}

impl<T> Limit<T> {
    /// A limit that refuses.
    #[must_use]
    pub const fn enforced(at: T) -> Self {
        Self { mode: LimitMode::Enforce, at }
    }
}
