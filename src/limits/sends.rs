//! How much a tenant sends.

use super::{LimitHit, LimitKind, Limiter, QuotaReservation, WindowRule, hit::verdict};
use crate::{
    config::human::write_duration,
    domain::{Error, LimitMode, LimitWindow, PhoneNumber, Tenant},
};

impl Limiter {
    /// Reserves quota for one send to `phone_number`. A refused send takes nothing.
    ///
    /// # Errors
    /// `PHONE_SEND_LIMIT_REACHED`, `SEND_COOL_DOWN`, `COUNTRY_SEND_LIMIT_REACHED`, `DAILY_SEND_LIMIT_REACHED`, and
    /// `STORE_UNAVAILABLE`.
    pub async fn reserve_send(&self, tenant: &Tenant, phone_number: &PhoneNumber) -> Result<QuotaReservation, Error> {
        // Without its record the send could be repeated.
        self.store.may_start()?;
        let mut reservation = QuotaReservation::default();
        match self.take_all(tenant, phone_number, &mut reservation).await {
            Ok(()) => Ok(reservation),
            Err(refused) => {
                self.release(&reservation).await;
                Err(refused)
            }
        }
    }

    async fn take_all(
        &self,
        tenant: &Tenant,
        phone_number: &PhoneNumber,
        reservation: &mut QuotaReservation,
    ) -> Result<(), Error> {
        let mut hits = Vec::new();
        for (key, rules) in self.send_rules(tenant, phone_number) {
            // All rules are evaluated, for the longest wait. Nothing more is taken after a refusal.
            let may_add = !hits.iter().any(LimitHit::refuses);
            let (entry, more) = self.take(tenant, key, &rules, may_add).await?;
            reservation.0.extend(entry);
            hits.extend(more);
        }
        verdict(hits, &tenant.id, &self.metrics)
    }

    /// The rules that apply to a send to `phone_number`, by the key of their window.
    fn send_rules(&self, tenant: &Tenant, phone_number: &PhoneNumber) -> Vec<(String, Vec<WindowRule>)> {
        let (limits, id) = (&tenant.limits, tenant.id.as_str());
        let mut rules = Vec::new();
        let mut per_number = Vec::new();
        if let Some(limit) = &limits.sends_per_phone_number {
            let to_rule =
                |window: &LimitWindow| rule(LimitKind::SENDS_PER_PHONE_NUMBER, limit.mode, *window, "a number");
            per_number.extend(limit.at.iter().map(to_rule));
        }
        if let Some(limit) = &limits.send_cool_down {
            per_number.push(WindowRule {
                kind: LimitKind::SEND_COOL_DOWN,
                mode: limit.mode,
                window: LimitWindow { max: 1, per: limit.at },
                allows: format!("at least {} between two sends to a number", write_duration(limit.at)),
            });
        }
        if !per_number.is_empty() {
            rules.push((self.key(tenant, "sends", &[&phone_number.identity()]), per_number));
        }
        if let Some(limit) = &limits.sends_per_country {
            let country = phone_number.country();
            if let Some(window) = limit.at.of(country) {
                let code = country.map(|country| country.to_string());
                let name = code.as_deref().unwrap_or("no country");
                let per_country = rule(LimitKind::SENDS_PER_COUNTRY, limit.mode, *window, name);
                let key = format!("limit:{id}:sends:country:{}", code.as_deref().unwrap_or("none"));
                rules.push((key, vec![per_country]));
            }
        }
        if let Some(limit) = &limits.sends_per_day {
            let per_day = rule(LimitKind::SENDS_PER_DAY, limit.mode, limit.at, "all numbers");
            rules.push((format!("limit:{id}:sends:day"), vec![per_day]));
        }
        rules
    }
}

fn rule(kind: LimitKind, mode: LimitMode, window: LimitWindow, to: &str) -> WindowRule {
    let allows = format!("at most {} sends to {to} in {}", window.max, write_duration(window.per));
    WindowRule { kind, mode, window, allows }
}
