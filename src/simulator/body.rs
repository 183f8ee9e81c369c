//! Request bodies, read as strictly as the schema is.

use std::ops::RangeInclusive;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::{StatusCode, header};
use serde_json::{Map, Value};

use super::{
    error::{Error, JSON_EXPECTED, item},
    handle::Handle,
};
use crate::telnyx::{ErrorItem, ErrorSource, code};

/// A body that is a JSON object.
pub(super) struct Object(pub(super) Map<String, Value>);

impl FromRequest<Handle> for Object {
    type Rejection = Error;

    async fn from_request(request: Request, simulator: &Handle) -> Result<Self, Error> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            let detail = "The content type must be application/json.";
            return Err(Error::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, JSON_EXPECTED, detail));
        }
        let bad = |code: &str, detail| Error::new(StatusCode::BAD_REQUEST, code, detail);
        let body = Bytes::from_request(request, simulator)
            .await
            .map_err(|_| bad(code::BAD_REQUEST, "The body could not be read."))?;
        match serde_json::from_slice(&body) {
            Ok(Value::Object(map)) => Ok(Self(map)),
            Ok(_) => Err(bad(&simulator.bad_request_code(), "The body must be a JSON object.")),
            Err(_) => Err(bad(code::INVALID_JSON, "The body is not JSON.")),
        }
    }
}

/// Reads the fields of an object and collects what is wrong with them.
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    /// The JSON pointer of the object.
    at: &'static str,
    /// Whether a null reads as missing.
    null_is_missing: bool,
    errors: Vec<ErrorItem>,
}

impl<'a> Fields<'a> {
    /// Reads the whole body.
    pub(super) fn new(map: &'a Map<String, Value>) -> Self {
        Self { map, at: "", null_is_missing: false, errors: Vec::new() }
    }

    /// Reads the whole body of a change, in which a null takes a field away.
    pub(super) fn of_change(map: &'a Map<String, Value>, null_clears: bool) -> Self {
        Self { null_is_missing: null_clears, ..Self::new(map) }
    }

    /// Reads the object in the field `name`, whose pointer is `at`, by `read`.
    pub(super) fn object<T>(
        &mut self,
        name: &str,
        at: &'static str,
        read: impl FnOnce(&mut Fields<'a>) -> T,
    ) -> Option<T> {
        let Some(map) = self.value(name)?.as_object() else {
            self.wrong_type(name, "an object");
            return None;
        };
        let mut fields = Fields { map, at, null_is_missing: false, errors: Vec::new() };
        let read = read(&mut fields);
        self.errors.append(&mut fields.errors);
        Some(read)
    }

    /// A string.
    pub(super) fn text(&mut self, name: &str) -> Option<&'a str> {
        let text = self.value(name)?.as_str();
        if text.is_none() {
            self.wrong_type(name, "a string");
        }
        text
    }

    /// A string that must be there.
    pub(super) fn required_text(&mut self, name: &str) -> Option<&'a str> {
        if !self.map.contains_key(name) {
            self.refuse(name, code::MISSING_PARAMETER, "It is required.");
        }
        self.text(name)
    }

    /// A string or null. The outer `None` says that the field is missing.
    #[expect(clippy::option_option, reason = "a null and a missing field differ")]
    pub(super) fn nullable_text(&mut self, name: &str) -> Option<Option<&'a str>> {
        match self.map.get(name)? {
            Value::Null => Some(None),
            _ => self.text(name).map(Some),
        }
    }

    /// A whole number.
    pub(super) fn integer(&mut self, name: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.value(name)?;
        let Some(number) = value.as_i64() else {
            self.wrong_type(name, "an integer");
            return None;
        };
        let number = u64::try_from(number).ok().filter(|number| range.contains(number));
        if number.is_none() {
            self.refuse(name, code::OUT_OF_RANGE, &format!("It must be {} to {}.", range.start(), range.end()));
        }
        number
    }

    /// A boolean.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        let flag = self.value(name)?.as_bool();
        if flag.is_none() {
            self.wrong_type(name, "a boolean");
        }
        flag
    }

    /// The field as it is, unless it is missing.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !(self.null_is_missing && value.is_null()))
    }

    pub(super) fn wrong_type(&mut self, name: &str, wanted: &str) {
        self.refuse(name, code::PARAMETER_TYPE, &format!("It must be {wanted}."));
    }

    /// Notes that something is wrong with the field `name`.
    pub(super) fn refuse(&mut self, name: &str, code: &str, detail: &str) {
        let source = ErrorSource { pointer: Some(format!("{}/{name}", self.at)), parameter: None };
        self.errors.push(item(StatusCode::UNPROCESSABLE_ENTITY, code, detail.to_owned(), Some(source)));
    }

    /// Fails if anything is wrong: 422 with every error.
    pub(super) fn finish(self) -> Result<(), Error> {
        if self.errors.is_empty() {
            return Ok(());
        }
        Err(Error { status: StatusCode::UNPROCESSABLE_ENTITY, items: self.errors, headers: Vec::new() })
    }
}
