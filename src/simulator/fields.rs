//! The fields of a request body, read as strictly as Telnyx's schema.

use std::ops::RangeInclusive;

use http::StatusCode;
use serde_json::{Map, Value};

use super::error::{ApiError, item};
use crate::telnyx::{ErrorItem, ErrorSource, code};

/// Reads the fields of an object, and collects every error.
pub(super) struct FieldReader<'a> {
    map: &'a Map<String, Value>,
    /// The JSON pointer of the object.
    at: String,
    /// Whether null means that the field is missing.
    null_is_missing: bool,
    errors: Vec<ErrorItem>,
}

impl<'a> FieldReader<'a> {
    /// Reads a body.
    pub(super) fn new(map: &'a Map<String, Value>) -> Self {
        Self { map, at: String::new(), null_is_missing: false, errors: Vec::new() }
    }

    /// Reads the body of an update. Null clears a field if `null_clears`.
    pub(super) fn of_update(map: &'a Map<String, Value>, null_clears: bool) -> Self {
        Self { null_is_missing: null_clears, ..Self::new(map) }
    }

    /// Reads the object in the field `name`.
    pub(super) fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut FieldReader<'a>) -> T) -> Option<T> {
        let map = self.typed(name, "an object", Value::as_object)?;
        let at = format!("{}/{name}", self.at);
        let mut reader = FieldReader { map, at, null_is_missing: self.null_is_missing, errors: Vec::new() };
        let read = read(&mut reader);
        self.errors.append(&mut reader.errors);
        Some(read)
    }

    /// A string.
    pub(super) fn text(&mut self, name: &str) -> Option<&'a str> {
        self.typed(name, "a string", Value::as_str)
    }

    /// A string that is required.
    pub(super) fn required_text(&mut self, name: &str) -> Option<&'a str> {
        if self.value(name).is_none() {
            self.refuse(name, code::MISSING_PARAMETER, "It is required.");
        }
        self.text(name)
    }

    /// A string or null. The outer `None` means that the field is missing.
    #[expect(clippy::option_option, reason = "null and a missing field differ")]
    pub(super) fn nullable_text(&mut self, name: &str) -> Option<Option<&'a str>> {
        match self.map.get(name)? {
            Value::Null => Some(None),
            _ => self.text(name).map(Some),
        }
    }

    /// A whole number.
    pub(super) fn integer(&mut self, name: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let number = self.typed(name, "an integer", Value::as_i64)?;
        let number = u64::try_from(number).ok().filter(|number| range.contains(number));
        if number.is_none() {
            self.refuse(name, code::OUT_OF_RANGE, &format!("It must be {} to {}.", range.start(), range.end()));
        }
        number
    }

    /// A boolean.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        self.typed(name, "a boolean", Value::as_bool)
    }

    fn typed<T>(&mut self, name: &str, expected: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Option<T> {
        let typed = read(self.value(name)?);
        if typed.is_none() {
            self.wrong_type(name, expected);
        }
        typed
    }

    /// The value of the field.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !(self.null_is_missing && value.is_null()))
    }

    /// Whether the field is null, where null clears a field.
    pub(super) fn is_null(&self, name: &str) -> bool {
        self.null_is_missing && self.map.get(name).is_some_and(Value::is_null)
    }

    pub(super) fn wrong_type(&mut self, name: &str, expected: &str) {
        self.refuse(name, code::PARAMETER_TYPE, &format!("It must be {expected}."));
    }

    /// Adds an error of the field `name`.
    pub(super) fn refuse(&mut self, name: &str, code: &str, detail: &str) {
        let source = ErrorSource { pointer: Some(format!("{}/{name}", self.at)), parameter: None };
        self.errors.push(item(StatusCode::UNPROCESSABLE_ENTITY, code, detail, Some(source)));
    }

    pub(super) fn finish(self) -> Result<(), ApiError> {
        if self.errors.is_empty() { Ok(()) } else { Err(ApiError::unprocessable(self.errors)) }
    }
}
