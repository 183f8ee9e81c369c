//! The fields of a request body, read as strictly as Telnyx's schema.

use std::{cell::RefCell, mem, ops::RangeInclusive};

use http::StatusCode;
use serde_json::{Map, Value};

use super::{
    error::{ApiError, item},
    settings::{Settings, UnknownParameters},
};
use crate::telnyx::{ErrorItem, ErrorSource, code};

/// Reads the fields of an object, and collects every error.
pub(super) struct FieldReader<'a> {
    map: &'a Map<String, Value>,
    /// The JSON pointer of the object.
    at: String,
    /// Whether null means that the field is missing.
    null_is_missing: bool,
    /// The fields that were asked for.
    known: RefCell<Vec<&'a str>>,
    /// Errors of unknown fields in objects inside.
    unknown: Vec<ErrorItem>,
    errors: Vec<ErrorItem>,
}

impl<'a> FieldReader<'a> {
    /// Reads a body.
    pub(super) fn new(map: &'a Map<String, Value>) -> Self {
        Self::at(map, String::new(), false)
    }

    /// Reads the body of an update. Null clears a field if `null_clears`.
    pub(super) fn of_update(map: &'a Map<String, Value>, null_clears: bool) -> Self {
        Self::at(map, String::new(), null_clears)
    }

    fn at(map: &'a Map<String, Value>, at: String, null_is_missing: bool) -> Self {
        Self { map, at, null_is_missing, known: RefCell::default(), unknown: Vec::new(), errors: Vec::new() }
    }

    /// Reads the object in the field `name`.
    pub(super) fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut FieldReader<'a>) -> T) -> Option<T> {
        let map = self.typed(name, "an object", Value::as_object)?;
        let mut reader = FieldReader::at(map, format!("{}/{name}", self.at), self.null_is_missing);
        let read = read(&mut reader);
        self.unknown.extend(reader.unknown_fields());
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
        match self.get(name)? {
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

    fn get(&self, name: &str) -> Option<&'a Value> {
        let (name, value) = self.map.get_key_value(name)?;
        self.known.borrow_mut().push(name);
        Some(value)
    }

    /// The value of the field.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.get(name).filter(|value| !(self.null_is_missing && value.is_null()))
    }

    /// Whether the field is null, where null clears a field.
    pub(super) fn is_null(&self, name: &str) -> bool {
        self.null_is_missing && self.get(name).is_some_and(Value::is_null)
    }

    pub(super) fn wrong_type(&mut self, name: &str, expected: &str) {
        self.refuse(name, code::PARAMETER_TYPE, &format!("It must be {expected}."));
    }

    /// Adds an error of the field `name`.
    pub(super) fn refuse(&mut self, name: &str, code: &str, detail: &str) {
        self.errors.push(self.error(name, code, detail));
    }

    fn error(&self, name: &str, code: &str, detail: &str) -> ErrorItem {
        let source = ErrorSource { pointer: Some(format!("{}/{name}", self.at)), parameter: None };
        item(StatusCode::UNPROCESSABLE_ENTITY, code, detail, Some(source))
    }

    /// An error for each field that was not asked for, also in the objects inside.
    fn unknown_fields(&mut self) -> Vec<ErrorItem> {
        let mut unknown = mem::take(&mut self.unknown);
        let known = self.known.borrow();
        let here = self.map.keys().filter(|name| !known.contains(&name.as_str()));
        unknown.extend(here.map(|name| self.error(name, code::UNPROCESSABLE, "The operation does not have it.")));
        unknown
    }

    /// # Errors
    /// 422 with every wrong field, and with every unknown one where the settings refuse those.
    pub(super) fn finish(mut self, settings: &Settings) -> Result<(), ApiError> {
        if settings.unknown_parameters == UnknownParameters::Refuse {
            let unknown = self.unknown_fields();
            self.errors.extend(unknown);
        }
        if self.errors.is_empty() { Ok(()) } else { Err(ApiError::unprocessable(self.errors)) }
    }
}
