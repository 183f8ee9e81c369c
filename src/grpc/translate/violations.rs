//! Collects all violations of a request.

use std::borrow::Cow;

use crate::domain::{Error, FieldPath, Violation};

/// The violations of a request.
#[derive(Debug, Default)]
pub(super) struct Violations {
    list: Vec<Violation>,
    /// The path of the message whose fields are read, with a dot at its end. Empty for the request itself.
    path: String,
}

impl Violations {
    /// Adds a violation of `field`.
    pub(super) fn add(&mut self, field: &str, must: impl Into<Cow<'static, str>>) {
        self.list.push(Violation::new(format!("{}{field}", self.path), must));
    }

    /// Adds a violation of `field` unless `holds`.
    pub(super) fn require(&mut self, holds: bool, field: &str, must: &'static str) {
        if !holds {
            self.add(field, must);
        }
    }

    /// Reads the message in `field`.
    pub(super) fn message<T>(&mut self, field: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        self.path.extend([field, "."]);
        let value = read(self);
        self.path.truncate(length);
        value
    }

    /// Drops the violations whose path is not `kept`.
    pub(super) fn retain(&mut self, kept: impl Fn(&str) -> bool) {
        self.list.retain(|violation| matches!(&violation.field, FieldPath::Contract(path) if kept(path)));
    }

    /// `value`, which is there if nothing is wrong with its parts.
    ///
    /// # Errors
    /// All violations.
    pub(super) fn into_result<T>(self, value: Option<T>) -> Result<T, Error> {
        match value {
            Some(value) if self.list.is_empty() => Ok(value),
            _ => Err(Error::invalid(self.list)),
        }
    }
}

/// Reads a field that may be empty.
pub(super) fn optional<T>(text: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    if text.is_empty() { None } else { read(text) }
}
