//! The channel blocks of a profile.

use serde_json::{Map, Value, json};

use crate::{
    simulator::{
        error::{ASSOCIATED_MISSING, STRING_LENGTH},
        fields::FieldReader,
        phone,
        settings::{NestedPatch, Settings, ShortTimeoutName},
    },
    telnyx::{Channel, code},
};

/// The field for the lifetime of a code. `dtmf_confirm` has the short name.
const TIMEOUT: &str = "default_verification_timeout_secs";
const SHORT_TIMEOUT: &str = "default_timeout_secs";

/// The fields that a caller may set in a channel's block. All others have no effect.
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

/// A block in which the caller set nothing.
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

/// Reads a channel's block. The setting `nested_patch` decides whether `stored` fields stay.
pub(super) fn read(
    reader: &mut FieldReader<'_>,
    channel: Channel,
    stored: Option<&Value>,
    settings: &Settings,
    template_exists: impl Fn(&str) -> bool,
) -> Map<String, Value> {
    let stored = stored.filter(|_| settings.nested_patch == NestedPatch::Merge).and_then(Value::as_object);
    let mut block = stored.cloned().unwrap_or_else(|| defaults(channel, settings));
    for &key in keys(channel) {
        if reader.is_null(key) {
            // Null restores the default.
            block.remove(key);
            block.extend(defaults(channel, settings).remove_entry(key));
        }
        let value = match key {
            "app_name" => pattern(reader, key, 30, " -"),
            "code_length" => reader.integer(key, 4..=10).map(Value::from),
            TIMEOUT => lifetime(reader, &mut block, settings),
            SHORT_TIMEOUT => timeout(reader, key, settings),
            "messaging_template_id" => template(reader, key, &template_exists),
            "whitelisted_destinations" => destinations(reader, key),
            "alpha_sender" if reader.nullable_text(key) == Some(None) => Some(Value::Null),
            "alpha_sender" => pattern(reader, key, 11, " "),
            _ => reader.nullable_text(key).map(Value::from),
        };
        if let Some(value) = value {
            block.insert(key.to_owned(), value);
        }
    }
    block
}

/// The lifetime of a code, under its long name or, if the settings allow it, under its short name.
fn lifetime(reader: &mut FieldReader<'_>, block: &mut Map<String, Value>, settings: &Settings) -> Option<Value> {
    let long = timeout(reader, TIMEOUT, settings);
    let takes_short = settings.short_timeout_name == ShortTimeoutName::Honour;
    let short = if takes_short { timeout(reader, SHORT_TIMEOUT, settings) } else { None };
    if long.is_some() || reader.is_null(TIMEOUT) || reader.is_null(SHORT_TIMEOUT) {
        block.remove(SHORT_TIMEOUT);
    }
    if long.is_some() || !takes_short {
        return long;
    }
    if reader.is_null(SHORT_TIMEOUT) {
        return Some(json!(settings.timeout_default_secs));
    }
    let short = short?;
    if settings.echo_short_timeout_name {
        block.insert(SHORT_TIMEOUT.to_owned(), short.clone());
    }
    Some(short)
}

fn timeout(reader: &mut FieldReader<'_>, key: &str, settings: &Settings) -> Option<Value> {
    let range = u64::from(settings.timeout_min_secs)..=u64::from(settings.timeout_max_secs);
    reader.integer(key, range).map(Value::from)
}

fn template(reader: &mut FieldReader<'_>, key: &str, exists: impl Fn(&str) -> bool) -> Option<Value> {
    let id = reader.text(key)?;
    if !exists(id) {
        reader.refuse(key, ASSOCIATED_MISSING, "The template does not exist.");
    }
    Some(id.into())
}

/// Text of 1 to `most` ASCII letters, digits and `others`.
fn pattern(reader: &mut FieldReader<'_>, key: &str, most: usize, others: &str) -> Option<Value> {
    let text = reader.text(key)?;
    if !(1..=most).contains(&text.len()) {
        reader.refuse(key, STRING_LENGTH, &format!("It must have 1 to {most} characters."));
    } else if !text.chars().all(|char| char.is_ascii_alphanumeric() || others.contains(char)) {
        reader.refuse(key, code::UNPROCESSABLE, &format!("It must have only letters, digits and {others:?}."));
    }
    Some(text.into())
}

fn destinations(reader: &mut FieldReader<'_>, key: &str) -> Option<Value> {
    let value = reader.value(key)?;
    let Some(entries) = value.as_array().filter(|entries| entries.iter().all(Value::is_string)) else {
        reader.wrong_type(key, "a list of strings");
        return None;
    };
    let is_country = |entry: &str| entry.len() == 2 && entry.bytes().all(|byte| byte.is_ascii_uppercase());
    let all = entries.len() == 1 && entries[0] == "*";
    if !all && !entries.iter().filter_map(Value::as_str).all(is_country) {
        reader.refuse(key, code::UNPROCESSABLE, "It must list countries as two capital letters, or only `*`.");
    }
    Some(value.clone())
}

/// A stored block as the API answers it.
pub(super) fn view(channel: Channel, stored: &Value, app_name: Option<&str>, settings: &Settings) -> Value {
    let mut block = stored.clone();
    let Some(map) = block.as_object_mut() else { return block };
    match channel {
        // Telnyx accepts this field and does not return it.
        Channel::Flashcall => _ = map.remove("whitelisted_destinations"),
        // Telnyx returns these two fields and does not accept them.
        Channel::Whatsapp => {
            map.insert("app_name".to_owned(), app_name.into());
            map.insert("code_length".to_owned(), json!(settings.code_length_default));
        }
        _ => {}
    }
    block
}

/// The lifetime of a code, in seconds.
pub(in crate::simulator) fn timeout_secs(block: &Value, settings: &Settings) -> u64 {
    let timeout = block[TIMEOUT].as_u64().or_else(|| block[SHORT_TIMEOUT].as_u64());
    timeout.unwrap_or_else(|| settings.timeout_default_secs.into())
}

/// Whether `whitelisted_destinations` allows a message to `number`.
pub(in crate::simulator) fn allows(block: &Value, number: &str) -> bool {
    let Some(destinations) = block["whitelisted_destinations"].as_array() else { return true };
    let country = phone::country(number);
    destinations
        .iter()
        .filter_map(Value::as_str)
        .any(|entry| entry == "*" || country.is_some_and(|country| entry.as_bytes() == country))
}
