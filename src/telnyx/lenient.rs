//! Readers of Telnyx's JSON: of bodies, and of fields for `#[serde(deserialize_with)]`.
//!
//! A value of an unusable type reads as missing: one odd field must not hide the rest of a response. A number keeps its
//! digits. Of several members of an object with the same name, the last one counts.

#![expect(clippy::missing_errors_doc, reason = "the module documents them")]

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapDeserializer},
};
use serde_json::value::RawValue;

/// The members of an object, as they were written. Each name is there once.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// A name, which is copied only if it has escapes.
        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members<'de>, M::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                // The last of a name becomes the first, which is the one that is kept.
                members.reverse();
                members.sort_by(|(one, _), (other, _)| one.cmp(other));
                members.dedup_by(|(one, _), (other, _)| one == other);
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// Reads an object as `T`; none if `json` is no object.
#[must_use]
pub fn read_object<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    let Members(members) = serde_json::from_str(json).ok()?;
    T::deserialize(MapDeserializer::new(members.into_iter())).ok()
}

/// Reads an object as `T`, and whether its member of that name is a text that is not empty.
pub(super) fn read_object_with<'a, T: Deserialize<'a>>(json: &'a str, name: &str) -> Option<(T, bool)> {
    let Members(members) = serde_json::from_str(json).ok()?;
    let member = members.iter().find(|(other, _)| other == name).and_then(|(_, value)| scalar(value.get()));
    let has_text = member.is_some_and(|text| !text.is_empty());
    Some((T::deserialize(MapDeserializer::new(members.into_iter())).ok()?, has_text))
}

/// The text of a body. What is not UTF-8 in it reads as the replacement character.
pub(super) fn body_text(body: &[u8]) -> Cow<'_, str> {
    // Valid texts are by far the most, and are checked faster than they are repaired.
    str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed)
}

/// Reads a list of objects; none if `json` is no list. Elements that are no objects are `None`.
#[must_use]
pub fn read_list<T: DeserializeOwned>(json: &str) -> Option<Vec<Option<T>>> {
    let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    Some(elements.into_iter().map(|element| read_object(element.get())).collect())
}

/// Reads the string, number or boolean at `json` as text.
fn scalar(json: &str) -> Option<String> {
    match json.as_bytes() {
        [b'"', ..] => serde_json::from_str(json).ok(),
        [b'{' | b'[' | b'n', ..] => None,
        _ => Some(json.to_owned()),
    }
}

/// Reads a string, or what is made of one. A number or a boolean reads as its text.
pub fn text<'de, D: Deserializer<'de>, T: From<String>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(scalar(raw(deserializer)?.get()).map(T::from))
}

/// Reads an identifier. An empty one reads as missing.
pub fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(text(deserializer)?.filter(|id: &String| !id.is_empty()))
}

/// Reads a whole number that is not negative. Numerals in a string count.
pub fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "both are checked")]
    let whole = |number: f64| (number.fract() == 0.0 && (0.0..9e15).contains(&number)).then_some(number as u64);
    let text: Option<String> = text(deserializer)?;
    let read = |text: &str| text.parse().ok().or_else(|| text.parse().ok().and_then(whole));
    Ok(text.and_then(|text| read(text.trim())))
}

/// Reads a boolean; `"true"` and `"false"` count.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    let text: Option<String> = text(deserializer)?;
    Ok(text.and_then(|text| text.trim().parse().ok()))
}

/// Reads an object as `T`.
pub fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(read_object(raw(deserializer)?.get()))
}

/// Reads a list of objects. Elements that are no objects are left out.
pub fn objects<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(read_list(raw(deserializer)?.get()).unwrap_or_default().into_iter().flatten().collect())
}

/// Reads a list of strings. A single string is a list of one. Elements of another type are left out.
pub fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let raw = raw(deserializer)?;
    if let Ok(single) = serde_json::from_str(raw.get()) {
        return Ok(Some(vec![single]));
    }
    let elements: Option<Vec<&RawValue>> = serde_json::from_str(raw.get()).ok();
    let texts =
        |elements: Vec<&RawValue>| elements.iter().filter_map(|one| serde_json::from_str(one.get()).ok()).collect();
    Ok(elements.map(texts))
}

fn raw<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'de RawValue, D::Error> {
    Deserialize::deserialize(deserializer)
}

#[cfg(test)]
mod tests;
