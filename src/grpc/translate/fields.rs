//! Rules that fields of several requests share. Each notes what is wrong under the field's own path.

use std::borrow::Cow;

use prost_types::Duration;
use url::Url;
use uuid::Uuid;

use super::Violations;
use crate::{domain::PhoneNumber, secret::Secret};

type Field = Cow<'static, str>;

/// The longest lifetime of a code, in seconds. Telnyx publishes no bounds; a day is far beyond any use.
const MAX_TIMEOUT_SECS: i64 = 86_400;

/// Readers of fields. What breaks a rule is noted and reads as missing.
impl Violations {
    /// A phone number.
    pub fn phone_number(&mut self, field: impl Into<Field>, text: &str) -> Option<PhoneNumber> {
        let number = PhoneNumber::parse(text);
        self.require(number.is_some(), field, "must be a phone number in E.164, such as +13035551234");
        number
    }

    /// An opaque id. It goes into a path, so it must not be able to mean another one.
    pub fn id(&mut self, field: impl Into<Field>, text: &str) -> Option<String> {
        // Dots alone would climb in a path.
        let inner = |c: char| c.is_ascii_alphanumeric() || "-_:.".contains(c);
        let holds = (1..=128).contains(&text.len()) && text.chars().all(inner) && !text.chars().all(|c| c == '.');
        self.require(holds, field, "must be an id: 1 to 128 letters, digits and `-_:.`");
        holds.then(|| text.to_owned())
    }

    /// A code of 4 to 10 digits.
    pub fn code(&mut self, field: impl Into<Field>, text: &str) -> Option<Secret> {
        let holds = (4..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        self.require(holds, field, "must be 4 to 10 digits");
        holds.then(|| Secret::new(text.to_owned()))
    }

    /// A name for an intent: a UUID, or nothing.
    pub fn request_id(&mut self, text: &str) -> Option<Uuid> {
        let id = text.parse().ok();
        self.require(text.is_empty() || id.is_some(), "request_id", "must be a UUID");
        id
    }

    /// A lifetime in whole seconds, or nothing.
    pub fn timeout(&mut self, field: impl Into<Field>, duration: Option<Duration>) -> Option<u64> {
        let duration = duration?;
        let holds = duration.nanos == 0 && (1..=MAX_TIMEOUT_SECS).contains(&duration.seconds);
        self.require(holds, field, "must be whole seconds, from 1s to 86400s");
        u64::try_from(duration.seconds).ok().filter(|_| holds)
    }

    /// Text of at most `max` characters out of `allowed`, or nothing.
    pub fn text(
        &mut self,
        field: impl Into<Field>,
        text: &str,
        max: usize,
        allowed: impl Fn(char) -> bool,
        must: &'static str,
    ) -> Option<String> {
        let holds = text.chars().count() <= max && text.chars().all(allowed);
        self.require(holds, field, must);
        (holds && !text.is_empty()).then(|| text.to_owned())
    }

    /// An http or https URL of at most 2000 characters, or nothing.
    pub fn url(&mut self, field: impl Into<Field>, text: &str) -> Option<String> {
        let is_http = |url: Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        let holds = text.is_empty() || (text.len() <= 2000 && Url::parse(text).is_ok_and(is_http));
        self.require(holds, field, "must be an http or https URL of at most 2000 characters");
        (holds && !text.is_empty()).then(|| text.to_owned())
    }

    /// Countries, or `*` alone, or nothing.
    pub fn destinations(&mut self, field: impl Into<Field>, list: &[String]) -> Option<Vec<String>> {
        let is_country = |text: &String| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        let all = matches!(list, [one] if one == "*");
        let distinct = list.iter().enumerate().all(|(index, one)| !list[..index].contains(one));
        let holds = all || (list.iter().all(is_country) && distinct);
        self.require(holds, field, "must be distinct ISO 3166-1 alpha-2 codes in capitals, or `*` alone");
        (holds && !list.is_empty()).then(|| list.to_vec())
    }
}
