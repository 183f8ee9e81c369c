//! What a tenant may do: its `allow` lists. An empty list allows everything.

use crate::{
    domain::{Error, PhoneNumber},
    pb::ErrorReason,
    telnyx::Channel,
    tenant::Tenant,
};

/// Refuses an rpc, by its bare name, that is not among the tenant's.
///
/// # Errors
/// `RPC_NOT_ALLOWED`.
pub fn rpc(tenant: &Tenant, rpc: &str) -> Result<(), Error> {
    let rpcs = &tenant.allow.rpcs;
    let allowed = rpcs.is_empty() || rpcs.iter().any(|one| one == rpc);
    check(allowed, ErrorReason::RpcNotAllowed, "allow.rpcs", "the tenant may not call this rpc")
}

/// Refuses a channel that is not among the tenant's.
///
/// # Errors
/// `CHANNEL_NOT_ALLOWED`.
pub fn channel(tenant: &Tenant, channel: Channel) -> Result<(), Error> {
    let channels = &tenant.allow.channels;
    let allowed = channels.is_empty() || channels.contains(&channel);
    check(allowed, ErrorReason::ChannelNotAllowed, "allow.channels", "the tenant may not use this channel")
}

/// Refuses a phone number whose country is not among the tenant's. A number of no country is of none of them.
///
/// # Errors
/// `COUNTRY_NOT_ALLOWED`.
pub fn country(tenant: &Tenant, phone_number: &PhoneNumber) -> Result<(), Error> {
    let countries = &tenant.allow.countries;
    // Finding the country takes some microseconds, so it is left out where nothing depends on it.
    let allowed = countries.is_empty() || phone_number.country().is_some_and(|country| countries.contains(&country));
    let message = "the tenant may not reach numbers of this country";
    check(allowed, ErrorReason::CountryNotAllowed, "allow.countries", message)
}

/// Refuses a profile, by its id, that is not among the tenant's.
///
/// # Errors
/// `PROFILE_NOT_ALLOWED`.
pub fn profile(tenant: &Tenant, profile_id: &str) -> Result<(), Error> {
    let profiles = &tenant.allow.profiles;
    let allowed = profiles.is_empty() || profiles.iter().any(|one| one == profile_id);
    check(allowed, ErrorReason::ProfileNotAllowed, "allow.profiles", "the tenant may not use this profile")
}

fn check(allowed: bool, reason: ErrorReason, rule: &'static str, message: &'static str) -> Result<(), Error> {
    if allowed { Ok(()) } else { Err(Error::new(reason, message).rule(rule)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Country, TenantId},
        tenant::{Allow, ApiKey, Limits, TestNumbers},
    };

    fn tenant(allow: Allow) -> Tenant {
        let (id, key) = (TenantId::new("a").unwrap(), ApiKey::new("KEY").unwrap());
        Tenant {
            id,
            key,
            default_profile: None,
            allow,
            duplicate_window: None,
            limits: Limits::none(),
            test_numbers: TestNumbers::default(),
        }
    }

    fn phone(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text).unwrap()
    }

    fn refusal(result: Result<(), Error>) -> Option<(ErrorReason, &'static str)> {
        result.err().map(|error| (error.reason, error.rule.unwrap()))
    }

    #[test]
    fn empty_lists_allow_everything() {
        let tenant = tenant(Allow::default());
        assert!(rpc(&tenant, "DeleteProfile").is_ok());
        assert!(channel(&tenant, Channel::Call).is_ok());
        assert!(country(&tenant, &phone("+870773123456")).is_ok());
        assert!(profile(&tenant, "p").is_ok());
    }

    #[test]
    fn a_list_allows_what_is_on_it_and_nothing_else() {
        let tenant = tenant(Allow {
            rpcs: vec!["CheckVerification".into()],
            channels: vec![Channel::Sms],
            countries: vec![Country::new("CA").unwrap()],
            profiles: vec!["p1".into()],
        });
        assert!(rpc(&tenant, "CheckVerification").is_ok());
        assert!(channel(&tenant, Channel::Sms).is_ok());
        assert!(country(&tenant, &phone("+14165551234")).is_ok());
        assert!(profile(&tenant, "p1").is_ok());

        assert_eq!(refusal(rpc(&tenant, "Check")), Some((ErrorReason::RpcNotAllowed, "allow.rpcs")));
        assert_eq!(refusal(channel(&tenant, Channel::Call)), Some((ErrorReason::ChannelNotAllowed, "allow.channels")));
        for number in ["+13035551234", "+870773123456"] {
            let expected = Some((ErrorReason::CountryNotAllowed, "allow.countries"));
            assert_eq!(refusal(country(&tenant, &phone(number))), expected, "{number}");
        }
        assert_eq!(refusal(profile(&tenant, "p")), Some((ErrorReason::ProfileNotAllowed, "allow.profiles")));
    }
}
