//! Fields that Telnyx complains of, by our names.

use super::names::PROFILE_FIELDS;
use crate::domain::Error;

/// Fields of requests other than those of profiles, by Telnyx's name and ours.
const OTHERS: [(&str, &str); 8] = [
    ("phone_number", "phone_number"),
    ("verify_profile_id", "profile_id"),
    ("timeout_secs", "timeout"),
    ("custom_code", "custom_code"),
    ("extension", "extension"),
    ("code", "code"),
    ("status", "outcome"),
    ("text", "text"),
];

/// Gives the violations of an upstream error, which name fields by Telnyx's JSON pointers, our field paths. What has no
/// name of ours has none: it may quote a value.
#[must_use]
pub fn renamed(mut error: Error) -> Error {
    for violation in &mut error.violations {
        violation.field = path(&violation.field).into();
    }
    error
}

fn path(pointer: &str) -> String {
    let other = OTHERS.iter().find(|(telnyxs, _)| *telnyxs == pointer.trim_start_matches('/'));
    if let Some((_, ours)) = other {
        return (*ours).to_owned();
    }
    // The longest name that the pointer goes through: it may point into a list.
    let goes_through =
        |name: &str| pointer.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let name = PROFILE_FIELDS.iter().filter(|name| goes_through(name.telnyxs)).max_by_key(|name| name.telnyxs.len());
    name.map(|name| format!("profile.{}", name.ours)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telnyxs_names_become_ours() {
        for (pointer, ours) in [
            ("/phone_number", "phone_number"),
            ("/verify_profile_id", "profile_id"),
            ("/timeout_secs", "timeout"),
            ("/name", "profile.name"),
            ("/sms", "profile.sms"),
            ("/sms/whitelisted_destinations/0", "profile.sms.allowed_destinations"),
            ("/sms/unknown", "profile.sms"),
            ("/call/messaging_template_id", "profile.call.template_id"),
            ("/whatsapp/template_id", "profile.whatsapp.waba_template_id"),
            ("/daily_spend_limit_enabled", "profile.daily_spend_limit.enabled"),
            ("/daily_spend_limit", "profile.daily_spend_limit.amount_usd"),
            ("/+13035551234", ""),
            ("", ""),
        ] {
            assert_eq!(path(pointer), ours, "{pointer}");
        }
    }
}
