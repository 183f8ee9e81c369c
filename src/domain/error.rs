//! The one error: why a call fails, in terms of the contract.

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc, time::Duration};

use super::PhoneNumber;
use crate::pb::ErrorReason;

/// A failed call. `grpc::status` turns it into a gRPC status; nothing else does.
///
/// What it says is for the caller: no upstream body, URL, key, code or phone number may be put into it. The source is
/// for the log and never leaves. Calls that wait for one answer get a clone each.
#[derive(Clone, Debug)]
pub struct Error {
    /// Why. The gRPC code follows from it.
    pub reason: ErrorReason,
    /// What a person reads: a full lowercase phrase without a stop.
    pub message: Cow<'static, str>,
    /// What is wrong with which field.
    pub violations: Vec<Violation>,
    /// How long to wait before another try, where waiting helps.
    pub retry_after: Option<Duration>,
    /// What was not found.
    pub resource: Option<Box<Resource>>,
    /// The rule that refused the call.
    pub rule: Option<Box<Rule>>,
    /// What lies behind it.
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// A field of the request that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which field.
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
    /// Whose rule it is, by the name in the tenants file; none where it is all of the tenant's.
    pub identity: Option<Arc<str>>,
    /// What the rule was applied to, by its key in `ErrorInfo.metadata`. No phone number and no code.
    pub subject: Vec<(&'static str, String)>,
}

/// What was not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// `profile`, `template` or `verification`.
    pub kind: &'static str,
    /// The id that was asked for; empty where it was asked for by phone number.
    pub name: String,
}

impl Error {
    /// A failure for `reason`.
    pub fn new(reason: ErrorReason, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason,
            message: message.into(),
            violations: Vec::new(),
            retry_after: None,
            resource: None,
            rule: None,
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

    /// Adds what is wrong with which field.
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

    /// Adds what was not found.
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

    /// Adds whose that rule is.
    #[must_use]
    pub fn identity(mut self, identity: Arc<str>) -> Self {
        if let Some(rule) = &mut self.rule {
            rule.identity = Some(identity);
        }
        self
    }

    /// Adds what lies behind it, for the log.
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
