//! What an identity may do. A refusal names the key of the tenants file that would permit the call.

use crate::{
    domain::{Allowed, Error, Identity, PhoneNumber, Tenant},
    pb::ErrorReason,
    telnyx::Channel,
};

/// Refuses an RPC that the identity may not call. `rpc` is its name without the service.
///
/// # Errors
/// `RPC_NOT_ALLOWED`.
pub fn rpc(identity: &Identity, rpc: &str) -> Result<(), Error> {
    let allowed = identity.permissions.rpcs.has(rpc);
    check(identity, allowed, ErrorReason::RpcNotAllowed, "rpcs", "the identity may not call this rpc")
}

/// Refuses a channel that the identity may not use.
///
/// # Errors
/// `CHANNEL_NOT_ALLOWED`.
pub fn channel(identity: &Identity, channel: Channel) -> Result<(), Error> {
    let allowed = identity.permissions.channels.has(&channel);
    check(identity, allowed, ErrorReason::ChannelNotAllowed, "channels", "the identity may not use this channel")
}

/// Refuses a phone number in a country that the identity may not reach. A number that is unknown or belongs to no country
/// needs all countries.
///
/// # Errors
/// `COUNTRY_NOT_ALLOWED`.
pub fn country(identity: &Identity, phone_number: Option<&PhoneNumber>) -> Result<(), Error> {
    let countries = &identity.permissions.countries;
    let allowed = *countries == Allowed::Any
        || phone_number.and_then(PhoneNumber::country).is_some_and(|country| countries.has(&country));
    let message = "the identity may not reach numbers of this country";
    check(identity, allowed, ErrorReason::CountryNotAllowed, "countries", message).map_err(|refused| match phone_number
    {
        Some(phone_number) => refused.phone_number(phone_number),
        None => refused,
    })
}

/// Refuses a phone number of a special type, such as premium rate, unless the tenant allows that type.
///
/// # Errors
/// `NUMBER_TYPE_NOT_ALLOWED`.
pub fn number_type(tenant: &Tenant, phone_number: &PhoneNumber) -> Result<(), Error> {
    let number_type = phone_number.number_type();
    if !number_type.is_special() || tenant.number_types.contains(&number_type) {
        return Ok(());
    }
    let message = format!("the tenant sends to no numbers of the type {number_type}");
    Err(Error::new(ErrorReason::NumberTypeNotAllowed, message).rule("number_types").phone_number(phone_number))
}

/// Refuses a profile that the identity may not use.
///
/// # Errors
/// `PROFILE_NOT_ALLOWED`.
pub fn profile(identity: &Identity, profile_id: &str) -> Result<(), Error> {
    let allowed = identity.permissions.profiles.has(profile_id);
    check(identity, allowed, ErrorReason::ProfileNotAllowed, "profiles", "the identity may not use this profile")
}

fn check(
    identity: &Identity,
    allowed: bool,
    reason: ErrorReason,
    rule: &'static str,
    message: &'static str,
) -> Result<(), Error> {
    if allowed { Ok(()) } else { Err(Error::new(reason, message).rule(rule).identity(identity.name.clone())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Country, Permissions};

    fn identity(permissions: Permissions) -> Identity {
        Identity { name: "service".into(), permissions }
    }

    fn phone(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text).unwrap()
    }

    fn refusal(result: Result<(), Error>) -> Option<(ErrorReason, &'static str)> {
        result.err().map(|error| {
            let rule = error.rule.unwrap();
            assert_eq!(rule.identity.as_deref(), Some("service"));
            (error.reason, rule.name)
        })
    }

    #[test]
    fn without_permissions_everything_is_refused() {
        let nobody = identity(Permissions::default());
        assert_eq!(refusal(rpc(&nobody, "GetProfile")), Some((ErrorReason::RpcNotAllowed, "rpcs")));
        assert_eq!(refusal(channel(&nobody, Channel::Sms)), Some((ErrorReason::ChannelNotAllowed, "channels")));
        assert_eq!(
            refusal(country(&nobody, Some(&phone("+13035551234")))),
            Some((ErrorReason::CountryNotAllowed, "countries"))
        );
        assert_eq!(refusal(profile(&nobody, "p")), Some((ErrorReason::ProfileNotAllowed, "profiles")));
    }

    #[test]
    fn all_permissions_allow_everything() {
        let admin = identity(Permissions::all());
        assert!(rpc(&admin, "DeleteProfile").is_ok());
        assert!(channel(&admin, Channel::Call).is_ok());
        assert!(country(&admin, Some(&phone("+870773123456"))).is_ok());
        assert!(profile(&admin, "p").is_ok());
    }

    #[test]
    fn a_list_allows_only_its_entries() {
        let some = identity(Permissions {
            rpcs: Allowed::Only(vec!["CheckVerification"]),
            channels: Allowed::Only(vec![Channel::Sms]),
            countries: Allowed::Only(vec![Country::new("CA").unwrap()]),
            profiles: Allowed::Only(vec!["p1".into()]),
        });
        assert!(rpc(&some, "CheckVerification").is_ok());
        assert!(channel(&some, Channel::Sms).is_ok());
        assert!(country(&some, Some(&phone("+14165551234"))).is_ok());
        assert!(profile(&some, "p1").is_ok());

        assert!(rpc(&some, "Check").is_err() && channel(&some, Channel::Call).is_err());
        for number in ["+13035551234", "+870773123456"] {
            assert!(country(&some, Some(&phone(number))).is_err(), "{number}");
        }
        assert!(profile(&some, "p").is_err());
    }
}
