//! The channel blocks of a profile.

use serde_json::{Map, Value, json};

use super::{
    body::Fields,
    error::{ASSOCIATED_MISSING, STRING_LENGTH},
    phone,
    settings::{
        Settings,
        choice::{NestedPatch, ShortTimeoutName},
    },
};
use crate::telnyx::{Channel, code};

/// The key of a lifetime; `dtmf_confirm` has the short one.
const TIMEOUT: &str = "default_verification_timeout_secs";
const SHORT_TIMEOUT: &str = "default_timeout_secs";

/// The JSON pointer of a channel's block.
pub(super) const fn pointer(channel: Channel) -> &'static str {
    match channel {
        Channel::Sms => "/sms",
        Channel::Call => "/call",
        Channel::Flashcall => "/flashcall",
        Channel::Whatsapp => "/whatsapp",
        Channel::DtmfConfirm => "/dtmf_confirm",
    }
}

/// The keys that a caller may set in a channel's block. All others are taken and have no effect.
const fn keys(channel: Channel) -> &'static [&'static str] {
    match channel {
        Channel::Sms => {
            &["app_name", "code_length", TIMEOUT, "messaging_template_id", "whitelisted_destinations", "alpha_sender"]
        }
        Channel::Call => &["app_name", "code_length", TIMEOUT, "messaging_template_id", "whitelisted_destinations"],
        Channel::Flashcall => &["app_name", TIMEOUT, "whitelisted_destinations"],
        Channel::Whatsapp => &[TIMEOUT, "whitelisted_destinations", "waba_id", "sender_phone_number", "template_id"],
        Channel::DtmfConfirm => &[SHORT_TIMEOUT],
    }
}

/// A block with nothing set.
fn defaults(channel: Channel, settings: &Settings) -> Map<String, Value> {
    let value = |key: &str| match key {
        "code_length" => Some(json!(settings.code_length_default)),
        TIMEOUT | SHORT_TIMEOUT => Some(json!(settings.timeout_default_secs)),
        "alpha_sender" => Some(json!("Telnyx")),
        "waba_id" | "sender_phone_number" | "template_id" => Some(Value::Null),
        _ => None,
    };
    keys(channel).iter().filter_map(|&key| Some((key.to_owned(), value(key)?))).collect()
}

/// Reads a channel's block over what is stored of it.
pub(super) fn read(
    fields: &mut Fields<'_>,
    channel: Channel,
    stored: Option<&Value>,
    settings: &Settings,
    template_exists: impl Fn(&str) -> bool,
) -> Map<String, Value> {
    let stored = stored.filter(|_| settings.nested_patch == NestedPatch::Merge).and_then(Value::as_object);
    let mut block = stored.cloned().unwrap_or_else(|| defaults(channel, settings));
    for &key in keys(channel) {
        let value = match key {
            "app_name" => pattern(fields, key, 30, |byte| byte.is_ascii_alphanumeric() || b" -".contains(&byte)),
            "code_length" => fields.integer(key, 4..=10).map(Value::from),
            TIMEOUT => timeout(fields, key, settings).or_else(|| {
                let honoured = settings.short_timeout_name == ShortTimeoutName::Honour;
                honoured.then(|| timeout(fields, SHORT_TIMEOUT, settings))?
            }),
            SHORT_TIMEOUT => timeout(fields, key, settings),
            "messaging_template_id" => template(fields, key, &template_exists),
            "whitelisted_destinations" => destinations(fields, key),
            "alpha_sender" if fields.nullable_text(key) == Some(None) => Some(Value::Null),
            "alpha_sender" => pattern(fields, key, 11, |byte| byte.is_ascii_alphanumeric() || byte == b' '),
            _ => fields.nullable_text(key).map(Value::from),
        };
        if let Some(value) = value {
            block.insert(key.to_owned(), value);
        }
    }
    block
}

fn timeout(fields: &mut Fields<'_>, key: &str, settings: &Settings) -> Option<Value> {
    let range = u64::from(settings.timeout_min_secs)..=u64::from(settings.timeout_max_secs);
    fields.integer(key, range).map(Value::from)
}

fn template(fields: &mut Fields<'_>, key: &str, exists: impl Fn(&str) -> bool) -> Option<Value> {
    let id = fields.text(key)?;
    if !exists(id) {
        fields.refuse(key, ASSOCIATED_MISSING, "There is no such template.");
    }
    Some(id.into())
}

fn pattern(fields: &mut Fields<'_>, key: &str, most: usize, allowed: impl Fn(u8) -> bool) -> Option<Value> {
    let text = fields.text(key)?;
    if !(1..=most).contains(&text.len()) {
        fields.refuse(key, STRING_LENGTH, &format!("It must have 1 to {most} characters."));
    } else if !text.bytes().all(allowed) {
        fields.refuse(key, code::UNPROCESSABLE, "It holds a character that is not allowed.");
    }
    Some(text.into())
}

fn destinations(fields: &mut Fields<'_>, key: &str) -> Option<Value> {
    let value = fields.value(key)?;
    let Some(entries) = value.as_array().filter(|entries| entries.iter().all(Value::is_string)) else {
        fields.wrong_type(key, "a list of strings");
        return None;
    };
    let is_country = |entry: &str| entry.len() == 2 && entry.bytes().all(|byte| byte.is_ascii_uppercase());
    let all = entries.len() == 1 && entries[0] == "*";
    if !all && !entries.iter().filter_map(Value::as_str).all(is_country) {
        fields.refuse(key, code::UNPROCESSABLE, "It must hold countries as two capital letters, or `*` alone.");
    }
    Some(value.clone())
}

/// What a caller gets to see of a stored block.
pub(super) fn view(channel: Channel, stored: &Value, app_name: Option<&str>, settings: &Settings) -> Value {
    let mut block = stored.clone();
    let Some(map) = block.as_object_mut() else { return block };
    match channel {
        // Telnyx takes this one and does not give it.
        Channel::Flashcall => _ = map.remove("whitelisted_destinations"),
        // Telnyx gives these two and does not take them.
        Channel::Whatsapp => {
            map.insert("app_name".to_owned(), app_name.into());
            map.insert("code_length".to_owned(), json!(settings.code_length_default));
        }
        _ => {}
    }
    block
}

/// How long a code of this block lives, in seconds.
pub(super) fn timeout_secs(block: &Value, settings: &Settings) -> u64 {
    let timeout = block[TIMEOUT].as_u64().or_else(|| block[SHORT_TIMEOUT].as_u64());
    timeout.unwrap_or_else(|| settings.timeout_default_secs.into())
}

/// Whether this block lets a message go to `number`.
pub(super) fn allows(block: &Value, number: &str) -> bool {
    let Some(destinations) = block["whitelisted_destinations"].as_array() else { return true };
    let country = phone::country(number);
    destinations
        .iter()
        .filter_map(Value::as_str)
        .any(|entry| entry == "*" || country.is_some_and(|country| entry.as_bytes() == country))
}
