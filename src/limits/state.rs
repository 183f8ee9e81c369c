//! What the limits say of one phone number, for operators.

use jiff::Timestamp;
use serde::Serialize;

use super::{Limiter, SlidingWindow, WindowRule};
use crate::{
    domain::{LimitMode, PhoneNumber, Tenant},
    store::{self, Change},
};

/// What one limit says of a phone number.
#[derive(Debug, Serialize)]
pub struct LimitState {
    /// Its setting in the tenants file.
    pub limit: &'static str,
    /// Whether it refuses.
    pub refuses: bool,
    /// How many events are in its window.
    pub count: u32,
    /// How many it allows.
    pub max: u32,
    /// Until when it is reached. None if it is not.
    pub reached_until: Option<Timestamp>,
}

impl Limiter {
    /// What the limits of sends and of wrong codes say of `phone_number`. It changes nothing.
    ///
    /// # Errors
    /// The store is unavailable.
    pub async fn states(&self, tenant: &Tenant, phone_number: &PhoneNumber) -> Result<Vec<LimitState>, store::Error> {
        let code = phone_number.country().map(|country| country.to_string());
        let mut windows = self.send_rules(tenant, phone_number, code.as_deref());
        let guesses = Self::guess_rule(tenant.limits.guesses_per_phone_number).into_iter().collect();
        windows.push((Self::guesses_key(tenant, self.phone(tenant, phone_number.as_e164())), guesses));
        let mut states = Vec::new();
        for (key, rules) in windows {
            let read = self.store.update(&key, |window: Option<SlidingWindow>| {
                let (window, now) = (window.unwrap_or_default(), self.store.now());
                (Change::Keep, rules.iter().map(|rule| state(rule, &window, now)).collect::<Vec<_>>())
            });
            states.extend(read.await?);
        }
        Ok(states)
    }

    /// Forgets the sends to `phone_number` and the wrong codes for it. Limits of a country or of a day keep their counts.
    ///
    /// # Errors
    /// The store is unavailable.
    pub async fn unlock(&self, tenant: &Tenant, phone_number: &PhoneNumber) -> Result<(), store::Error> {
        let phone = self.phone(tenant, phone_number.as_e164());
        for key in [Self::sends_key(tenant, phone), Self::guesses_key(tenant, phone)] {
            let counters = self.store.counters_of(&tenant.id);
            counters.update(&key, |_: Option<SlidingWindow>| (Change::Remove, ())).await?;
        }
        Ok(())
    }
}

fn state(rule: &WindowRule<'_>, window: &SlidingWindow, now: Timestamp) -> LimitState {
    LimitState {
        limit: rule.kind.name(),
        refuses: rule.mode == LimitMode::Enforce,
        count: window.count(&rule.window, now),
        max: rule.window.max,
        reached_until: window.wait(&rule.window, now).and_then(|wait| now.checked_add(wait).ok()),
    }
}
