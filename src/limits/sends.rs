//! How much a tenant sends.

use super::{LimitHit, LimitKind, Limiter, QuotaReservation, WindowAllows, WindowRule, hit::verdict};
use crate::{
    domain::{Error, LimitMode, LimitWindow, PhoneNumber, Tenant},
    store::Digest,
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
                self.release(tenant, &reservation).await;
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
        let code = phone_number.country().map(|country| country.to_string());
        let mut hits = Vec::new();
        for (key, rules) in self.send_rules(tenant, phone_number, code.as_deref()) {
            // All rules are evaluated, for the longest wait. Nothing more is taken after a refusal.
            let may_add = !hits.iter().any(LimitHit::refuses);
            let (entry, more) = self.take(tenant, key, &rules, may_add).await?;
            reservation.0.extend(entry);
            hits.extend(more);
        }
        verdict(hits, &tenant.id, &self.metrics)
    }

    /// The key of the sends to a phone.
    pub(super) fn sends_key(tenant: &Tenant, phone: Digest) -> String {
        format!("limit:{}:sends:{phone}", tenant.id)
    }

    /// The rules that apply to a send to `phone_number` in the country `code`, by the key of their window.
    pub(super) fn send_rules<'r>(
        &self,
        tenant: &Tenant,
        phone_number: &PhoneNumber,
        code: Option<&'r str>,
    ) -> Vec<(String, Vec<WindowRule<'r>>)> {
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
                allows: WindowAllows::OneSendToANumber,
            });
        }
        if !per_number.is_empty() {
            let phone = self.phone(tenant, phone_number.as_e164());
            rules.push((Self::sends_key(tenant, phone), per_number));
        }
        if let Some(limit) = &limits.sends_per_country
            && let Some(window) = limit.at.of(phone_number.country())
        {
            let per_country = rule(LimitKind::SENDS_PER_COUNTRY, limit.mode, *window, code.unwrap_or("no country"));
            rules.push((format!("limit:{id}:sends:country:{}", code.unwrap_or("none")), vec![per_country]));
        }
        if let Some(limit) = &limits.sends_per_day {
            let per_day = rule(LimitKind::SENDS_PER_DAY, limit.mode, limit.at, "all numbers");
            rules.push((format!("limit:{id}:sends:day"), vec![per_day]));
        }
        rules
    }
}

fn rule(kind: LimitKind, mode: LimitMode, window: LimitWindow, to: &str) -> WindowRule<'_> {
    WindowRule { kind, mode, window, allows: WindowAllows::SendsTo(to) }
}
