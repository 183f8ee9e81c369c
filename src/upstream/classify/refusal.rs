//! Why Telnyx refused a request, and the errors of failed operations.

use std::time::Duration;

use http::StatusCode;

use crate::{
    domain::{Error, FieldPath, Violation},
    pb::ErrorReason as Reason,
    telnyx::{ErrorBody, code},
    upstream::{
        operation::{Effect, Operation},
        request::Response,
    },
};

/// The error of a refused request. The HTTP status decides first. The code tells causes of one status apart.
pub(super) fn refusal(operation: Operation, id: &str, response: &Response, retry_after: Option<Duration>) -> Error {
    let body = response.error_body();
    let codes: Vec<&str> = body.errors.iter().filter_map(|item| item.code.as_deref()).collect();
    let any = |known: &[&str]| codes.iter().any(|code| known.contains(code));
    // Only a send can be refused for its number, its channel or the sends of a day.
    let send = operation.effect() == Effect::Send;
    let error = match response.status.as_u16() {
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
        // Nothing but the ID can be wrong with these two.
        400 if matches!(operation, Operation::GetProfile | Operation::DeleteProfile) && any(&[code::BAD_REQUEST]) => {
            not_found(operation, id)
        }
        400 | 422 => invalid(&body),
        401 => key_refused(),
        403 if any(&KEY_CODES) => key_refused(),
        // A firewall before Telnyx answers so too. Neither says that the key is bad.
        403 => Error::new(Reason::AccountRestricted, "the tenant's Telnyx account has no right to this"),
        402 => no_funds(),
        // Telnyx names a missing resource. Anything else has no such path.
        404 if body.errors.is_empty() => not_taken(),
        // The new resource points to something that is missing.
        404 if operation.effect() == Effect::Create => invalid(&body),
        404 if !operation.lists_all() => not_found(operation, id),
        408 | 500..=599 => outcome_unknown(operation, retry_after),
        409 if operation.effect() == Effect::Read => unavailable(retry_after),
        // Another request for the same resource is in progress: it may be an earlier attempt of this one.
        409 if codes.contains(&code::BEING_PROCESSED) => {
            unknown_outcome(operation).unwrap_or_else(|| conflict().retry_after(wait(retry_after)))
        }
        409 => conflict(),
        429 if send && codes.contains(&code::SPEND_LIMIT) => {
            Error::new(Reason::SpendLimitReached, "the profile's daily spend limit is reached")
        }
        429 => {
            Error::new(Reason::UpstreamRateLimited, "Telnyx takes no more requests now").retry_after(wait(retry_after))
        }
        300..=499 if !is_meaningless(response.status) => not_taken(),
        _ => unreadable(operation),
    };
    error.source(RefusedResponse { status: response.status, codes: codes.join(",") })
}

/// What the log shows of a refusal: the status and the codes. Telnyx's texts may quote values.
#[derive(Debug, thiserror::Error)]
#[error("the upstream responded {status}, codes [{codes}]")]
struct RefusedResponse {
    status: StatusCode,
    codes: String,
}

/// The codes for a bad key.
const KEY_CODES: [&str; 6] = [
    code::AUTHENTICATION_FAILED,
    code::BAD_KEY_SECRET,
    code::KEY_REVOKED,
    code::KEY_FORBIDDEN,
    code::TOKEN_EXPIRED,
    code::INVALID_KEY,
];

/// The codes for the state of an account.
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

/// Whether a status below 500 leaves open if the request was carried out. 301, 307 and 308 say that it belongs elsewhere, the
/// other redirections may follow a POST that was carried out. 499 is that of a proxy whose client went away.
pub(super) fn is_meaningless(status: StatusCode) -> bool {
    !matches!(status.as_u16(), 200..=299 | 301 | 307 | 308 | 400..=498)
}

/// The request was not carried out: a redirection (RFC 9110 §15.4), a method or a media type that is not allowed there.
fn not_taken() -> Error {
    Error::new(Reason::UpstreamAnswerUnreadable, "the upstream takes no such request at this address")
}

fn key_refused() -> Error {
    Error::new(Reason::UpstreamKeyRefused, "Telnyx refuses the tenant's API key")
}

fn conflict() -> Error {
    Error::new(Reason::UpstreamConflict, "the state upstream does not allow this now")
}

fn no_funds() -> Error {
    Error::new(Reason::InsufficientFunds, "the tenant's Telnyx account has no funds")
}

fn not_found(operation: Operation, id: &str) -> Error {
    let (reason, message) = match operation.resource() {
        "verification" => (Reason::VerificationNotFound, "no such verification, or it is used up"),
        "template" => (Reason::TemplateNotFound, "no such template"),
        _ => (Reason::ProfileNotFound, "no such profile"),
    };
    Error::new(reason, message).resource(operation.resource(), id)
}

pub(super) fn unavailable(retry_after: Option<Duration>) -> Error {
    Error::new(Reason::UpstreamUnavailable, "Telnyx can't be reached or is failing").retry_after(wait(retry_after))
}

/// The operation may have been carried out.
pub(super) fn outcome_unknown(operation: Operation, retry_after: Option<Duration>) -> Error {
    unknown_outcome(operation).unwrap_or_else(|| unavailable(retry_after))
}

/// Telnyx, or a proxy before it, sent a response without meaning.
pub(in crate::upstream) fn unreadable(operation: Operation) -> Error {
    unknown_outcome(operation)
        .unwrap_or_else(|| Error::new(Reason::UpstreamAnswerUnreadable, "the response of Telnyx can't be read"))
}

/// The error of an operation that must not be repeated and may have been carried out.
fn unknown_outcome(operation: Operation) -> Option<Error> {
    let (reason, message) = match operation.effect() {
        Effect::Read | Effect::Write => return None,
        Effect::Send => (Reason::SendOutcomeUnknown, "the message may have gone out"),
        Effect::Check => (Reason::CheckOutcomeUnknown, "the check may have counted as an attempt"),
        Effect::Create => (Reason::CreateOutcomeUnknown, "it may have been created"),
    };
    Some(Error::new(reason, message))
}

/// How long a caller should wait: the pushback of the server, else a second.
pub(super) fn wait(retry_after: Option<Duration>) -> Duration {
    retry_after.unwrap_or(Duration::from_secs(1))
}

/// The refused fields, by JSON pointer or parameter name. Telnyx's texts may quote values, so they are left out.
fn violations(body: &ErrorBody) -> Vec<Violation> {
    let sources = body.errors.iter().filter_map(|item| Some((item.source.as_ref()?, item.code.as_deref())));
    sources
        .filter_map(|(source, code)| {
            let field = source.pointer.clone().or_else(|| source.parameter.clone())?;
            Some(Violation { field: FieldPath::Upstream(field), description: describe(code).into() })
        })
        .collect()
}

/// What is wrong with a field.
fn describe(code: Option<&str>) -> &'static str {
    match code {
        Some(code::INVALID_NUMBER | code::NOT_E164) => "not a phone number that Telnyx takes",
        Some(code::INVALID_URL) => "not a URL that Telnyx takes",
        Some(code::MISSING_PARAMETER) => "required by Telnyx",
        Some(code::PARAMETER_TYPE | code::NOT_IN_ENUM | code::OUT_OF_RANGE) => "not a value that Telnyx takes",
        _ => "refused by Telnyx",
    }
}
