//! The rules of fields that several requests share. A field that breaks its rule is a violation and reads as `None`.

use prost_types::Duration;
use url::Url;
use uuid::Uuid;

use super::{Violations, optional};
use crate::{domain::PhoneNumber, secret::Secret};

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

    /// An opaque ID. It becomes a segment of a path, so it must not be able to address another resource.
    pub(super) fn id(&mut self, field: &str, text: &str) -> Option<String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_:.".contains(c);
        // A segment of dots alone would leave the folder.
        let is_id = (1..=128).contains(&text.len()) && text.chars().all(allowed) && !text.chars().all(|c| c == '.');
        self.valid(is_id.then(|| text.to_owned()), field, "must be an ID: 1 to 128 letters, digits and `-_:.`")
    }

    /// A code of 4 to 10 digits.
    pub(super) fn code(&mut self, field: &str, text: &str) -> Option<Secret> {
        let is_code = (4..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        self.valid(is_code.then(|| Secret::new(text.to_owned())), field, "must be 4 to 10 digits")
    }

    pub(super) fn request_id(&mut self, text: &str) -> Option<Uuid> {
        optional(text, |text| self.valid(text.parse().ok(), "request_id", "must be a UUID"))
    }

    /// A lifetime in whole seconds.
    pub(super) fn timeout(&mut self, field: &str, duration: Option<Duration>) -> Option<u64> {
        let Duration { seconds, nanos } = duration?;
        let is_valid = nanos == 0 && (1..=MAX_TIMEOUT_SECS).contains(&seconds);
        let timeout = u64::try_from(seconds).ok().filter(|_| is_valid);
        self.valid(timeout, field, "must be whole seconds, from 1s to 86400s")
    }

    /// Text of at most `max` characters, all of them `allowed`.
    pub(super) fn text(
        &mut self,
        field: &str,
        text: &str,
        max: usize,
        allowed: impl Fn(char) -> bool,
        must: &'static str,
    ) -> Option<String> {
        let is_valid = text.chars().count() <= max && text.chars().all(allowed);
        optional(text, |text| self.valid(is_valid.then(|| text.to_owned()), field, must))
    }

    pub(super) fn url(&mut self, field: &str, text: &str) -> Option<String> {
        let is_http = |url: Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        optional(text, |text| {
            let is_valid = text.len() <= 2000 && Url::parse(text).is_ok_and(is_http);
            self.valid(
                is_valid.then(|| text.to_owned()),
                field,
                "must be an http or https URL of at most 2000 characters",
            )
        })
    }

    /// Countries, or `*` alone.
    pub(super) fn destinations(&mut self, field: &str, list: &[String]) -> Option<Vec<String>> {
        let is_country = |text: &String| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        let is_all = matches!(list, [one] if one == "*");
        let is_distinct = list.iter().enumerate().all(|(index, one)| !list[..index].contains(one));
        let is_valid = is_all || (list.iter().all(is_country) && is_distinct);
        self.require(is_valid, field, "must be distinct ISO 3166-1 alpha-2 codes in capitals, or `*` alone");
        (is_valid && !list.is_empty()).then(|| list.to_vec())
    }
}
