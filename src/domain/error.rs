//! The error of a call, in terms of the contract.

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc, time::Duration};

use super::PhoneNumber;
use crate::pb::ErrorReason;

/// Why a call failed. Only `grpc::status` makes a gRPC status from it.
///
/// The caller sees it, so it must not contain an upstream body, URL, key, code or phone number. The source is for the
/// log alone. Calls that wait for the same answer get a clone each.
#[derive(Clone, Debug)]
pub struct Error {
    /// The reason. It determines the gRPC code.
    pub reason: ErrorReason,
    /// A lower-case phrase without a full stop, for people.
    pub message: Cow<'static, str>,
    /// The fields that break a rule.
    pub violations: Vec<Violation>,
    /// How long to wait before a retry, if waiting helps.
    pub retry_after: Option<Duration>,
    /// The resource that was not found.
    pub resource: Option<Box<Resource>>,
    /// The rule that refused the call.
    pub rule: Option<Box<Rule>>,
    /// Opens the stream again that ends with this error.
    pub resume_token: Option<Box<str>>,
    /// The cause, for the log.
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// A field of the request that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field.
    pub field: FieldPath,
    /// What the field must be.
    pub description: Cow<'static, str>,
}

impl Violation {
    /// A violation of a field of the contract.
    pub fn new(field: impl Into<Cow<'static, str>>, description: impl Into<Cow<'static, str>>) -> Self {
        Self { field: FieldPath::Contract(field.into()), description: description.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A pointer of Telnyx may quote a value.
        let FieldPath::Contract(path) = &self.field else { return f.write_str(&self.description) };
        write!(f, "{path}: {}", self.description)
    }
}

/// The path of a field. Callers see contract paths only: `grpc::status` translates the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldPath {
    /// A path in the contract (`profile.sms.code_length`).
    Contract(Cow<'static, str>),
    /// A JSON pointer (RFC 6901) into a body of Telnyx's API, or the name of one of its parameters.
    Upstream(String),
}

/// A rule that refused a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its key in the tenants file.
    pub name: &'static str,
    /// The name of the identity that the rule belongs to. `None` if the rule belongs to the whole tenant.
    pub identity: Option<Arc<str>>,
    /// What the rule was applied to, by its key in `ErrorInfo.metadata`. No phone number and no code.
    pub subject: Vec<(&'static str, String)>,
}

/// A resource that was not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// `profile`, `template` or `verification`.
    pub kind: &'static str,
    /// The requested ID, or empty if the request named a phone number.
    pub name: String,
}

impl Error {
    /// An error with this reason.
    pub fn new(reason: ErrorReason, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason,
            message: message.into(),
            violations: Vec::new(),
            retry_after: None,
            resource: None,
            rule: None,
            resume_token: None,
            source: None,
        }
    }

    /// An invalid request. `violations` must not be empty. The message has the first one.
    #[must_use]
    pub fn invalid(violations: Vec<Violation>) -> Self {
        let first = violations.first().map_or_else(String::new, Violation::to_string);
        let message = match violations.len() {
            0 | 1 => first,
            count => format!("{first}; {} more", count - 1),
        };
        Self::new(ErrorReason::InvalidRequest, message).violations(violations)
    }

    /// Adds the fields that break a rule.
    #[must_use]
    pub fn violations(mut self, violations: Vec<Violation>) -> Self {
        self.violations = violations;
        self
    }

    /// Adds how long to wait.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Adds the resource that was not found.
    #[must_use]
    pub fn resource(mut self, kind: &'static str, name: impl Into<String>) -> Self {
        self.resource = Some(Box::new(Resource { kind, name: name.into() }));
        self
    }

    /// Adds the rule that refused.
    #[must_use]
    pub fn rule(mut self, name: &'static str) -> Self {
        self.rule = Some(Box::new(Rule { name, identity: None, subject: Vec::new() }));
        self
    }

    /// Adds the country and the type of the phone number that was refused.
    #[must_use]
    pub fn phone_number(mut self, phone_number: &PhoneNumber) -> Self {
        let country = phone_number.country().map(|country| ("country", country.to_string()));
        let assumed = phone_number.country_is_assumed().then(|| ("country_assumed", "true".to_owned()));
        let number_type = ("number_type", phone_number.number_type().to_string());
        if let Some(rule) = &mut self.rule {
            rule.subject.extend(country.into_iter().chain(assumed).chain([number_type]));
        }
        self
    }

    /// Adds what opens the stream again.
    #[must_use]
    pub fn resume_token(mut self, token: String) -> Self {
        self.resume_token = Some(token.into());
        self
    }

    /// Adds the identity that the rule belongs to.
    #[must_use]
    pub fn identity(mut self, identity: Arc<str>) -> Self {
        if let Some(rule) = &mut self.rule {
            rule.identity = Some(identity);
        }
        self
    }

    /// Adds the cause, for the log.
    #[must_use]
    pub fn source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into().into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
