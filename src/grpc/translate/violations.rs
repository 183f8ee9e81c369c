//! All that is wrong with a request, at once.

use std::borrow::Cow;

use crate::domain::{Error, FieldPath, Violation};

/// Collects what is wrong with a request.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Adds a violation of `field`.
    pub fn add(&mut self, field: impl Into<Cow<'static, str>>, must: impl Into<Cow<'static, str>>) {
        self.0.push(Violation::new(field, must));
    }

    /// Adds a violation of `field` unless `holds`.
    pub fn require(&mut self, holds: bool, field: impl Into<Cow<'static, str>>, must: &'static str) {
        if !holds {
            self.add(field, must);
        }
    }

    /// Adds the violations of `others` whose field `matters`.
    pub fn append(&mut self, others: Self, matters: impl Fn(&str) -> bool) {
        let matters = |field: &FieldPath| matches!(field, FieldPath::Contract(path) if matters(path));
        self.0.extend(others.0.into_iter().filter(|violation| matters(&violation.field)));
    }

    /// `value`, which is there if nothing is wrong with its parts.
    ///
    /// # Errors
    /// All violations.
    pub fn into_result<T>(self, value: Option<T>) -> Result<T, Error> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Error::invalid(self.0)),
        }
    }
}
