//! What the end of an attempt means: for another attempt, and for the caller.

use std::time::Duration;

use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    attempt::{Answer, Failure, Unanswered},
    operation::{Effect, Operation},
};
use crate::{
    domain::{Error, FieldPath, Violation},
    pb::ErrorReason as Reason,
    telnyx::{CheckResponse, Data, ErrorBody, List, Profile, Template, Verification, code},
};

/// The end of an attempt, as far as another one is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Telnyx did it.
    Done,
    /// Telnyx decided against it: another attempt would end alike.
    Refused,
    /// Telnyx had too much to do and did not begin (429).
    Throttled,
    /// The request never left.
    Unsent,
    /// The gateway itself did not let it go: another attempt would end alike.
    Held,
    /// Telnyx may or may not have done it.
    InDoubt,
}

impl Class {
    /// Its name, for metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::Unsent => "unsent",
            Self::Held => "held",
            Self::InDoubt => "in_doubt",
        }
    }
}

/// What `result` means. The HTTP status decides; codes differ too much across products.
pub(super) fn class(result: &Result<Answer, Unanswered>) -> Class {
    match result {
        Err(Unanswered::CircuitOpen(_) | Unanswered::NoPlace | Unanswered::NotAffordable) => Class::Held,
        Err(Unanswered::Failed(Failure::Unsent(_))) => Class::Unsent,
        Err(Unanswered::Failed(Failure::Lost(_) | Failure::Timeout) | Unanswered::GivenUp) => Class::InDoubt,
        Err(Unanswered::Failed(Failure::TooLarge)) => Class::Refused,
        Ok(answer) => match answer.status {
            status if status.is_success() => Class::Done,
            StatusCode::TOO_MANY_REQUESTS if !answer.has_code(code::SPEND_LIMIT) => Class::Throttled,
            StatusCode::CONFLICT if answer.has_code(code::BEING_PROCESSED) => Class::InDoubt,
            StatusCode::REQUEST_TIMEOUT => Class::InDoubt,
            status if status.is_server_error() => Class::InDoubt,
            _ => Class::Refused,
        },
    }
}

/// The answer of an operation that was done, or why it was not. `name` is the resource's id, where one was given.
pub(super) fn outcome(
    operation: Operation,
    name: &str,
    result: Result<Answer, Unanswered>,
    asked_wait: Option<Duration>,
) -> Result<Answer, Error> {
    match result {
        Ok(answer) if answer.status.is_success() => Ok(answer),
        Ok(answer) => Err(refusal(operation, name, &answer, asked_wait)),
        Err(unanswered) => {
            let error = match unanswered {
                Unanswered::Failed(Failure::Unsent(_)) => unavailable(asked_wait),
                Unanswered::CircuitOpen(wait) => unavailable(Some(wait)),
                Unanswered::NotAffordable => unavailable(None),
                Unanswered::NoPlace => {
                    Error::new(Reason::GatewayOverloaded, "the tenant has too many requests under way")
                        .retry_after(wait(None))
                }
                Unanswered::Failed(Failure::TooLarge) => unreadable(operation),
                Unanswered::Failed(Failure::Lost(_) | Failure::Timeout) | Unanswered::GivenUp => {
                    in_doubt(operation, asked_wait)
                }
            };
            Err(error.source(unanswered))
        }
    }
}

/// Reads what an operation answers with.
pub(super) fn read<T: DeserializeOwned + Meaningful>(operation: Operation, answer: &Answer) -> Result<T, Error> {
    let value: T = serde_json::from_slice(&answer.body)
        // The reader's own text may quote the body.
        .map_err(|error| unreadable(operation).source(format!("unreadable body: {:?}", error.classify())))?;
    if value.says_something() {
        Ok(value)
    } else {
        Err(unreadable(operation).source("the answer lacks what it is about"))
    }
}

/// An answer that may have come empty: every field of Telnyx's can be missing, but without some there is no answer.
pub(super) trait Meaningful {
    /// Whether what the answer is about is there.
    fn says_something(&self) -> bool;
}

impl Meaningful for Verification {
    fn says_something(&self) -> bool {
        self.id.is_some()
    }
}

impl Meaningful for CheckResponse {
    fn says_something(&self) -> bool {
        self.response_code.is_some()
    }
}

impl Meaningful for Profile {
    fn says_something(&self) -> bool {
        self.id.is_some()
    }
}

impl Meaningful for Template {
    fn says_something(&self) -> bool {
        self.id.is_some()
    }
}

/// A profile as it came, for a change to be merged into.
impl Meaningful for Value {
    fn says_something(&self) -> bool {
        self.is_object()
    }
}

impl<T> Meaningful for Vec<T> {
    fn says_something(&self) -> bool {
        true
    }
}

impl<T> Meaningful for List<T> {
    fn says_something(&self) -> bool {
        true
    }
}

impl<T: Meaningful> Meaningful for Data<T> {
    fn says_something(&self) -> bool {
        self.data.says_something()
    }
}

/// Why Telnyx refused. The status decides first, the code tells causes of one status apart.
fn refusal(operation: Operation, name: &str, answer: &Answer, asked_wait: Option<Duration>) -> Error {
    let body = answer.error_body();
    let codes: Vec<&str> = body.errors.iter().filter_map(|item| item.code.as_deref()).collect();
    let any = |known: &[&str]| codes.iter().any(|code| known.contains(code));
    // What is said of a number, a channel or a day's sends can only be meant for a send.
    let send = operation.effect() == Effect::Send;
    let error = match answer.status.as_u16() {
        400 | 402 | 403 | 422 if any(&[code::NO_FUNDS]) => no_funds(),
        400 | 402 | 403 | 422 if any(&ACCOUNT_CODES) => {
            Error::new(Reason::AccountRestricted, "the tenant's Telnyx account is restricted")
        }
        400 | 402 | 403 | 422 if send && any(&[code::TRAFFIC_BLOCKED]) => Error::new(
            Reason::TrafficBlocked,
            "Telnyx blocks one-time codes to this number as artificially inflated traffic",
        ),
        400 | 403 | 422 if send && any(&[code::WHITELIST_MISSING]) => {
            Error::new(Reason::ChannelNotConfigured, "the profile names no destinations for this channel")
        }
        400 | 403 | 422 if send && any(&[code::REGION_NOT_ALLOWED, code::BAD_DESTINATION, code::NOT_ROUTABLE]) => {
            Error::new(Reason::DestinationNotEnabled, "the profile does not reach this number")
        }
        400 | 422 => invalid(&body),
        401 | 403 => Error::new(Reason::UpstreamKeyRefused, "Telnyx refuses the tenant's API key"),
        402 => no_funds(),
        // What is missing is something that the new resource points to.
        404 if operation.effect() == Effect::Create => invalid(&body),
        404 if !operation.is_of_all() => not_found(operation, name),
        408 | 500..=599 => in_doubt(operation, asked_wait),
        409 if operation.effect() == Effect::Read => unavailable(asked_wait),
        // Another request for the same is being carried out: this may be an echo of our own.
        409 if codes.contains(&code::BEING_PROCESSED) => {
            unknown_outcome(operation).unwrap_or_else(|| conflict().retry_after(wait(asked_wait)))
        }
        409 => conflict(),
        429 if send && codes.contains(&code::SPEND_LIMIT) => {
            Error::new(Reason::SpendLimitReached, "the profile's daily spend limit is reached")
        }
        429 => {
            Error::new(Reason::UpstreamRateLimited, "Telnyx takes no more requests now").retry_after(wait(asked_wait))
        }
        _ => unreadable(operation),
    };
    error.source(Refusal { status: answer.status, codes: codes.join(",") })
}

/// What the log shows of a refusal: the status and Telnyx's codes, never its texts.
#[derive(Debug, thiserror::Error)]
#[error("the upstream answered {status}, codes [{codes}]")]
struct Refusal {
    status: StatusCode,
    codes: String,
}

/// Codes that tell the state of an account.
const ACCOUNT_CODES: [&str; 8] = [
    code::LEVEL_NOT_PERMITTED,
    code::LEVEL_LIMITED,
    code::ACCOUNT_INACTIVE,
    code::ACCOUNT_BLOCKED,
    code::ACCOUNT_UNVERIFIED,
    code::FEATURE_OFF,
    code::LEVEL_1_NEEDED,
    code::LEVEL_2_NEEDED,
];

fn invalid(body: &ErrorBody) -> Error {
    Error::new(Reason::UpstreamInvalidRequest, "Telnyx refuses the request").violations(violations(body))
}

fn conflict() -> Error {
    Error::new(Reason::UpstreamConflict, "the state upstream does not allow this now")
}

fn no_funds() -> Error {
    Error::new(Reason::InsufficientFunds, "the tenant's Telnyx account has no funds")
}

fn not_found(operation: Operation, name: &str) -> Error {
    let (reason, message) = match operation.resource() {
        "verification" => (Reason::VerificationNotFound, "no such verification, or it is used up"),
        "template" => (Reason::TemplateNotFound, "no such template"),
        _ => (Reason::ProfileNotFound, "no such profile"),
    };
    Error::new(reason, message).resource(operation.resource(), name)
}

fn unavailable(asked_wait: Option<Duration>) -> Error {
    Error::new(Reason::UpstreamUnavailable, "Telnyx can't be reached or is failing").retry_after(wait(asked_wait))
}

/// The operation may have been done.
fn in_doubt(operation: Operation, asked_wait: Option<Duration>) -> Error {
    unknown_outcome(operation).unwrap_or_else(|| unavailable(asked_wait))
}

/// There was an answer that says nothing, from Telnyx or from something before it.
fn unreadable(operation: Operation) -> Error {
    unknown_outcome(operation)
        .unwrap_or_else(|| Error::new(Reason::UpstreamAnswerUnreadable, "Telnyx's answer can't be read"))
}

/// What to say of an operation that must not be repeated and may have been done.
fn unknown_outcome(operation: Operation) -> Option<Error> {
    let (reason, message) = match operation.effect() {
        Effect::Read | Effect::Write => return None,
        Effect::Send => (Reason::SendOutcomeUnknown, "the message may have gone out"),
        Effect::Check => (Reason::CheckOutcomeUnknown, "the check may have counted as an attempt"),
        Effect::Create => (Reason::CreateOutcomeUnknown, "it may have been created"),
    };
    Some(Error::new(reason, message))
}

/// How long a caller should wait: what Telnyx asked for, else a second.
fn wait(asked: Option<Duration>) -> Duration {
    asked.unwrap_or(Duration::from_secs(1))
}

/// The fields that Telnyx complains of, by JSON pointer or parameter name. Its texts may quote values: they stay here.
fn violations(body: &ErrorBody) -> Vec<Violation> {
    let sources = body.errors.iter().filter_map(|item| Some((item.source.as_ref()?, item.code.as_deref())));
    sources
        .filter_map(|(source, code)| {
            let field = source.pointer.clone().or_else(|| source.parameter.clone())?;
            Some(Violation { field: FieldPath::Upstream(field), description: describe(code).into() })
        })
        .collect()
}

/// What is wrong, in our words.
fn describe(code: Option<&str>) -> &'static str {
    match code {
        Some(code::INVALID_NUMBER | code::NOT_E164) => "not a phone number that Telnyx takes",
        Some(code::INVALID_URL) => "not a URL that Telnyx takes",
        Some(code::MISSING_PARAMETER) => "required by Telnyx",
        Some(code::PARAMETER_TYPE | code::NOT_IN_ENUM | code::OUT_OF_RANGE) => "not a value that Telnyx takes",
        _ => "refused by Telnyx",
    }
}

impl Answer {
    /// The error envelope; empty where the body is something else.
    fn error_body(&self) -> ErrorBody {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    fn has_code(&self, code: &str) -> bool {
        self.error_body().errors.iter().any(|item| item.code.as_deref() == Some(code))
    }
}
