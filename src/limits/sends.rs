//! How much a tenant sends.

use super::{Kind, Limiter, Place, Places, Reached, Rule, reached::verdict};
use crate::{
    config::human::write_duration,
    domain::{Error, LimitMode, LimitWindow, PhoneNumber, Tenant},
    pb::ErrorReason,
    store::Unavailable,
};

impl Limiter {
    /// Takes the places of one send to `phone_number`, or none.
    ///
    /// # Errors
    /// `PHONE_SEND_LIMIT_REACHED`, `SEND_COOL_DOWN`, `COUNTRY_SEND_LIMIT_REACHED`, `DAILY_SEND_LIMIT_REACHED`, and
    /// `STORE_UNAVAILABLE`.
    pub async fn send(&self, tenant: &Tenant, phone_number: &PhoneNumber) -> Result<Places, Error> {
        let (limits, id) = (&tenant.limits, tenant.id.as_str());
        let cool_down = limits.send_cool_down.as_ref();
        let cool_down = cool_down.map(|limit| (limit.mode, LimitWindow { max: 1, per: limit.at }));

        let mut of_phone = Vec::new();
        if let Some(limit) = &limits.sends_per_phone_number {
            let rules = limit.at.iter().map(|window| rule(Kind::SendsPerPhoneNumber, limit.mode, window, "a number"));
            of_phone.extend(rules);
        }
        of_phone.extend(cool_down.as_ref().map(|(mode, window)| Rule {
            allows: format!("at least {} between two sends to a number", write_duration(window.per)),
            ..rule(Kind::SendCoolDown, *mode, window, "a number")
        }));
        let mut logs = Vec::new();
        if !of_phone.is_empty() {
            let digest = self.store.digest(&[id.as_bytes(), b"sends", phone_number.as_e164().as_bytes()]);
            logs.push((format!("limit:{id}:sends:{digest}"), of_phone));
        }
        if let Some(limit) = &limits.sends_per_country {
            let country = phone_number.country();
            let name = country.map_or_else(|| "no country".to_owned(), |country| country.to_string());
            let rules = limit.at.of(country).map(|window| rule(Kind::SendsPerCountry, limit.mode, window, &name));
            let code = country.map_or_else(|| "none".to_owned(), |country| country.to_string());
            logs.extend(rules.map(|rule| (format!("limit:{id}:sends:country:{code}"), vec![rule])));
        }
        if let Some(limit) = &limits.sends_per_day {
            let rule = rule(Kind::SendsPerDay, limit.mode, &limit.at, "all numbers");
            logs.push((format!("limit:{id}:sends:day"), vec![rule]));
        }

        let (mut places, mut reached) = (Vec::new(), Vec::new());
        let end = self.take_all(logs, &mut places, &mut reached).await;
        let end = match end {
            Ok(()) => verdict(reached, &tenant.id, &self.metrics),
            Err(unavailable) => Err(unavailable_store(unavailable)),
        };
        let places = Places(places);
        if let Err(refused) = end {
            self.give_back(&places).await;
            return Err(refused);
        }
        Ok(places)
    }

    /// Takes a place in each log, as long as no rule of one before refuses. All rules are asked.
    async fn take_all(
        &self,
        logs: Vec<(String, Vec<Rule<'_>>)>,
        places: &mut Vec<Place>,
        reached: &mut Vec<Reached>,
    ) -> Result<(), Unavailable> {
        for (key, rules) in logs {
            let may = !reached.iter().any(Reached::refuses);
            let (place, more) = self.take(key, &rules, may).await?;
            places.extend(place);
            reached.extend(more);
        }
        Ok(())
    }
}

fn rule<'t>(kind: Kind, mode: LimitMode, window: &'t LimitWindow, to: &str) -> Rule<'t> {
    let allows = format!("at most {} sends to {to} in {}", window.max, write_duration(window.per));
    Rule { kind, mode, window, allows }
}

fn unavailable_store(unavailable: Unavailable) -> Error {
    Error::new(ErrorReason::StoreUnavailable, "the gateway can't count what it is about to do")
        .retry_after(std::time::Duration::from_secs(1))
        .source(unavailable)
}
