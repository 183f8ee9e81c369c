//! The paths of the API, below its base URL (`https://api.telnyx.com/v2`).

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Channel;

/// Everything except the unreserved characters of RFC 3986 is encoded in a path segment. A raw `+` was seen to end in
/// 404, so phone numbers need this too.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The path of a resource. `Display` percent-encodes the variable parts.
#[derive(Clone, Copy)]
pub enum Route<'a> {
    /// Starts verifications on a channel.
    Send(Channel),
    /// A verification, by id.
    Verification(&'a str),
    /// The verifications of a phone number.
    ByPhone(&'a str),
    /// Checks a verification, by id.
    Check(&'a str),
    /// Checks the pending verification of a phone number.
    CheckByPhone(&'a str),
    /// The profiles.
    Profiles,
    /// A profile, by id.
    Profile(&'a str),
    /// The templates.
    Templates,
    /// A template, by id.
    Template(&'a str),
}

impl fmt::Display for Route<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segment = |text| utf8_percent_encode(text, SEGMENT);
        match *self {
            Self::Send(channel) => write!(f, "/verifications/{channel}"),
            Self::Verification(id) => write!(f, "/verifications/{}", segment(id)),
            Self::ByPhone(phone) => write!(f, "/verifications/by_phone_number/{}", segment(phone)),
            Self::Check(id) => write!(f, "/verifications/{}/actions/verify", segment(id)),
            Self::CheckByPhone(phone) => {
                write!(f, "/verifications/by_phone_number/{}/actions/verify", segment(phone))
            }
            Self::Profiles => f.write_str("/verify_profiles"),
            Self::Profile(id) => write!(f, "/verify_profiles/{}", segment(id)),
            Self::Templates => f.write_str("/verify_profiles/templates"),
            Self::Template(id) => write!(f, "/verify_profiles/templates/{}", segment(id)),
        }
    }
}

/// The same paths as patterns, for routers and spans. `{name}` is one segment.
pub mod pattern {
    /// Starts verifications on a channel (POST); a verification, by id (GET): both are one segment.
    pub const VERIFICATION: &str = "/verifications/{id}";
    /// The verifications of a phone number.
    pub const BY_PHONE: &str = "/verifications/by_phone_number/{phone}";
    /// Checks a verification, by id.
    pub const CHECK: &str = "/verifications/{id}/actions/verify";
    /// Checks the pending verification of a phone number.
    pub const CHECK_BY_PHONE: &str = "/verifications/by_phone_number/{phone}/actions/verify";
    /// The profiles.
    pub const PROFILES: &str = "/verify_profiles";
    /// A profile, by id.
    pub const PROFILE: &str = "/verify_profiles/{id}";
    /// The templates.
    pub const TEMPLATES: &str = "/verify_profiles/templates";
    /// A template, by id.
    pub const TEMPLATE: &str = "/verify_profiles/templates/{id}";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_parts_are_encoded() {
        assert_eq!(
            Route::CheckByPhone("+13035551234").to_string(),
            "/verifications/by_phone_number/%2B13035551234/actions/verify"
        );
        assert_eq!(Route::Profile("../../x?y#z").to_string(), "/verify_profiles/..%2F..%2Fx%3Fy%23z");
    }
}
