//! Readers that accept a scalar in any JSON type, for `#[serde(deserialize_with)]`.
//!
//! A value of an unusable type reads as missing: one odd field must not hide the rest of a response.
//! Text that is not JSON is an error.

#![expect(clippy::missing_errors_doc, reason = "the module documents them")]

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error},
};
use serde_json::Value;

/// Reads a string, or what is made of one. A number or a boolean reads as its text.
pub fn text<'de, D: Deserializer<'de>, T: From<String>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text.into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Bool(flag) => Some(flag.to_string().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    })
}

/// Reads a whole number that is not negative. Numerals in a string count.
pub fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "both are checked")]
    let whole = |number: f64| (number.fract() == 0.0 && (0.0..9e15).contains(&number)).then_some(number as u64);
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(whole)),
        _ => None,
    })
}

/// Reads a boolean; `"true"` and `"false"` count.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(flag) => Some(flag),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}

/// Reads an object as `T`, with the errors of `T`. Anything else reads as missing.
pub fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    value.is_object().then(|| T::deserialize(value).map_err(D::Error::custom)).transpose()
}

/// Reads a list of strings. A single string is a list of one. Elements of another type are left out.
pub fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let text = |value| if let Value::String(text) = value { Some(text) } else { None };
    Ok(match Value::deserialize(deserializer)? {
        Value::String(single) => Some(vec![single]),
        Value::Array(elements) => Some(elements.into_iter().filter_map(text).collect()),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
