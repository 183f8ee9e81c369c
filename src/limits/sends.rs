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
        let cool_down = tenant.limits.send_cool_down.as_ref();
        let cool_down = cool_down.map(|limit| (limit.mode, LimitWindow { max: 1, per: limit.at }));
        let cool_down = cool_down.as_ref().map(|(mode, window)| WindowRule {
            allows: format!("at least {} between two sends to a number", write_duration(window.per)),
            ..rule(LimitKind::SendCoolDown, *mode, window, "a number")
        });
        let (mut reservation, mut hits) = (QuotaReservation::default(), Vec::new());
        let mut end = Ok(());
        for (key, rules) in self.send_rules(tenant, phone_number, cool_down) {
            // All rules are evaluated, for the longest wait. Nothing more is taken after a refusal.
            let may_add = !hits.iter().any(LimitHit::refuses);
            match self.take(key, &rules, may_add).await {
                Ok((entry, more)) => {
                    reservation.0.extend(entry);
                    hits.extend(more);
                }
                Err(error) => {
                    end = Err(error.into());
                    break;
                }
            }
        }
        if let Err(refused) = end.and_then(|()| verdict(hits, &tenant.id, &self.metrics)) {
            self.release(&reservation).await;
            return Err(refused);
        }
        Ok(reservation)
    }

    /// The rules that apply to a send to `phone_number`, by the key of their window.
    fn send_rules<'t>(
        &self,
        tenant: &'t Tenant,
        phone_number: &PhoneNumber,
        cool_down: Option<WindowRule<'t>>,
    ) -> Vec<(String, Vec<WindowRule<'t>>)> {
        let (limits, id) = (&tenant.limits, tenant.id.as_str());
        let mut rules = Vec::new();
        let per_number = limits.sends_per_phone_number.iter().flat_map(|limit| {
            limit.at.iter().map(|window| rule(LimitKind::SendsPerPhoneNumber, limit.mode, window, "a number"))
        });
        let per_number: Vec<_> = per_number.chain(cool_down).collect();
        if !per_number.is_empty() {
            rules.push((self.key(tenant, "sends", &[phone_number.as_e164()]), per_number));
        }
        if let Some(limit) = &limits.sends_per_country {
            let country = phone_number.country();
            let code = country.map(|country| country.to_string());
            let name = code.as_deref().unwrap_or("no country");
            let per_country =
                limit.at.of(country).map(|window| rule(LimitKind::SendsPerCountry, limit.mode, window, name));
            let key = format!("limit:{id}:sends:country:{}", code.as_deref().unwrap_or("none"));
            rules.extend(per_country.map(|rule| (key, vec![rule])));
        }
        if let Some(limit) = &limits.sends_per_day {
            let per_day = rule(LimitKind::SendsPerDay, limit.mode, &limit.at, "all numbers");
            rules.push((format!("limit:{id}:sends:day"), vec![per_day]));
        }
        rules
    }
}

fn rule<'t>(kind: LimitKind, mode: LimitMode, window: &'t LimitWindow, to: &str) -> WindowRule<'t> {
    let allows = format!("at most {} sends to {to} in {}", window.max, write_duration(window.per));
    WindowRule { kind, mode, window, allows }
}
