//! The rules of fields that several requests share. A field that breaks its rule is a violation and reads as `None`.

use std::collections::HashSet;

use prost_types::Duration;
use uuid::Uuid;

use super::{Violations, optional};
use crate::{
    domain::{Country, PhoneNumber, has_phone_numbers, is_resource_id},
    secret::Secret,
    telemetry::Call,
};

/// The longest lifetime of a code, in seconds. Telnyx publishes no bound. A day is far beyond any use.
const MAX_TIMEOUT_SECS: i64 = 86_400;

impl Violations {
    /// `value`, or a violation of `field`.
    fn valid<T>(&mut self, value: Option<T>, field: &str, must: &'static str) -> Option<T> {
        self.require(value.is_some(), field, must);
        value
    }

    pub(super) fn phone_number(&mut self, field: &str, text: &str) -> Option<PhoneNumber> {
        PhoneNumber::parse(text).map_err(|error| self.add(field, error.to_string())).ok()
    }

    /// The ID of a resource of Telnyx.
    pub(super) fn id(&mut self, field: &str, text: &str) -> Option<String> {
        let must = "must be an ID: 1 to 128 letters, digits and `-_:.`, at least one of them a digit or a hyphen";
        self.valid(is_resource_id(text).then(|| text.to_owned()), field, must)
    }

    /// A code of 4 to 10 digits.
    pub(super) fn code(&mut self, field: &str, text: &str) -> Option<Secret> {
        let is_code = (4..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        self.valid(is_code.then(|| Secret::new(text.to_owned())), field, "must be 4 to 10 digits")
    }

    pub(super) fn request_id(&mut self, text: &str) -> Option<Uuid> {
        // Libraries use the nil UUID where none was made, so it would be the same for different operations.
        let made = |text: &str| text.parse().ok().filter(|id: &Uuid| !id.is_nil());
        let id = optional(text, |text| self.valid(made(text), "request_id", "must be a UUID other than the nil UUID"));
        if let Some((id, call)) = id.zip(Call::current()) {
            let _ = call.request_id.set(id);
        }
        id
    }

    /// A lifetime in whole seconds.
    pub(super) fn timeout(&mut self, field: &str, duration: Option<Duration>) -> Option<u64> {
        let Duration { seconds, nanos } = duration?;
        let is_valid = nanos == 0 && (1..=MAX_TIMEOUT_SECS).contains(&seconds);
        let timeout = u64::try_from(seconds).ok().filter(|_| is_valid);
        self.valid(timeout, field, "must be whole seconds, from 1s to 86400s")
    }

    /// A text that may be empty.
    pub(super) fn text(&mut self, field: &str, text: &str, is_valid: bool, must: &'static str) -> Option<String> {
        optional(text, |text| self.valid(is_valid.then(|| text.to_owned()), field, must))
    }

    /// Countries, or `*` alone.
    pub(super) fn destinations(&mut self, field: &str, list: &[String]) -> Option<Vec<String>> {
        let country = |text: &String| Country::new(text).filter(|country| has_phone_numbers(*country));
        let distinct: Option<HashSet<Country>> = list.iter().map(country).collect();
        let is_all = matches!(list, [one] if one == "*");
        let is_valid = is_all || distinct.is_some_and(|distinct| distinct.len() == list.len());
        self.require(
            is_valid,
            field,
            "must be distinct ISO 3166-1 codes of countries with phone numbers, or `*` alone",
        );
        (is_valid && !list.is_empty()).then(|| list.to_vec())
    }
}

/// Whether `text` has at most `max` characters, all of them `allowed`.
pub(super) fn consists_of(text: &str, max: usize, allowed: impl Fn(char) -> bool) -> bool {
    text.chars().count() <= max && text.chars().all(allowed)
}

/// Whether a text may hold `c`: no control characters, and none that changes the order in which others are shown
/// (Unicode Standard Annex 9, explicit formatting characters).
pub(super) fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
