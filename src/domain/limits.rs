//! The limits of a tenant.

use std::{collections::BTreeMap, time::Duration};

use super::Country;

/// The limits of a tenant. `None` is a limit that is off.
///
/// The defaults protect a person from floods of messages and a code from being guessed. Limits on cost and concurrency
/// depend on the tenant, so they are off by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls per second, in one gateway process.
    pub requests_per_second: Option<Limit<LimitRate>>,
    /// Calls at the same time, in one gateway process.
    pub concurrent_calls: Option<Limit<u32>>,
    /// Sends to one phone number, in each of these windows.
    pub sends_per_phone_number: Option<Limit<Vec<LimitWindow>>>,
    /// Sends to the numbers of one country.
    pub sends_per_country: Option<Limit<CountryLimits>>,
    /// Sends to all numbers together.
    pub sends_per_day: Option<Limit<LimitWindow>>,
    /// The minimum time between two sends to one phone number.
    pub send_cool_down: Option<Limit<Duration>>,
    /// Checks of one verification.
    pub checks_per_verification: Option<Limit<u32>>,
    /// Failed checks for one phone number, in all its verifications together.
    pub guesses_per_phone_number: Option<Limit<LimitWindow>>,
}

/// A limit that is not off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit<T> {
    /// What happens when it is reached.
    pub mode: LimitMode,
    /// Its bound.
    pub at: T,
}

/// What happens when a limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitMode {
    /// The call is refused.
    Enforce,
    /// The call is counted and logged, and goes on.
    Observe,
}

/// A rate with a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitRate {
    /// How many in a second.
    pub max: u32,
    /// How many at the same time after a pause.
    pub burst: u32,
}

/// A bound in a sliding window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitWindow {
    /// The bound.
    pub max: u32,
    /// The length of the window, in whole milliseconds.
    pub per: Duration,
}

/// The bounds of sends by country. Each country has its own counter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CountryLimits {
    /// For each country that is not listed, and for all numbers without a country together. `None` is no bound.
    pub default: Option<LimitWindow>,
    /// The bounds of single countries, by their codes.
    pub listed: BTreeMap<String, LimitWindow>,
}

/// The window of daily limits: any 24 hours, not a calendar day.
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

    /// The same limits in the mode `observe`.
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
    /// A limit in the mode `enforce`.
    #[must_use]
    pub const fn enforced(at: T) -> Self {
        Self { mode: LimitMode::Enforce, at }
    }
}
