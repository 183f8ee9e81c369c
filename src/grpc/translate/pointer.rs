//! Field paths of Telnyx's API, as field paths of the contract.

use std::borrow::Cow;

use super::profile_fields::PROFILE_FIELDS;
use crate::domain::FieldPath;

/// The fields that belong to no profile: the name in Telnyx's API, the name in the contract.
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

/// The path of a field in the contract. It is empty for a field that the contract lacks: a pointer may quote a value.
#[must_use]
pub fn contract_path(field: &FieldPath) -> Cow<'_, str> {
    match field {
        FieldPath::Contract(path) => path.as_ref().into(),
        FieldPath::Upstream(pointer) => of_pointer(pointer),
    }
}

fn of_pointer(pointer: &str) -> Cow<'static, str> {
    let other = OTHERS.iter().find(|(upstream, _)| *upstream == pointer.trim_start_matches('/'));
    if let Some((_, path)) = other {
        return (*path).into();
    }
    // The longest match: the pointer may lead into a list.
    let is_inside =
        |parent: &str| pointer.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let fields = PROFILE_FIELDS.iter().filter(|field| is_inside(field.pointer));
    let field = fields.max_by_key(|field| field.pointer.len());
    field.map(|field| format!("profile.{}", field.path).into()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_becomes_a_contract_path() {
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
            assert_eq!(contract_path(&FieldPath::Upstream(pointer.to_owned())), ours, "{pointer}");
        }
    }
}
