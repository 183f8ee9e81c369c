//! What the result of an attempt means: for another attempt, and for the caller.

mod refusal;

use std::time::Duration;

use http::StatusCode;
use serde::de::DeserializeOwned;

pub(super) use self::refusal::unreadable;
use self::refusal::{outcome_unknown, refusal, unavailable};
use super::{
    operation::{Effect, Operation},
    request::{Answer, AttemptError, ReadAnswer, RejectedLocally, Response, TransportError},
};
use crate::{
    domain::Error,
    pb::ErrorReason as Reason,
    telnyx::{Data, ErrorBody, List, code},
};

/// The result of an attempt, as far as another attempt is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AttemptClass {
    /// Telnyx carried out the request.
    Done,
    /// Telnyx refused the request. Another attempt would end the same.
    Refused,
    /// Telnyx had too much to do and did not begin (429).
    Throttled,
    /// The request never left.
    Unsent,
    /// The response is without meaning. Another attempt would end the same.
    Unreadable,
    /// The gateway did not make the attempt. Another attempt would end the same.
    RejectedLocally,
    /// Telnyx may or may not have carried out the request.
    OutcomeUnknown,
}

impl AttemptClass {
    /// The name, for metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::Unsent => "unsent",
            Self::Unreadable => "unreadable",
            Self::RejectedLocally => "rejected_locally",
            Self::OutcomeUnknown => "outcome_unknown",
        }
    }
}

/// The class of `result`. The HTTP status decides: codes differ too much across Telnyx's products.
pub(super) fn class(result: &Result<Response, AttemptError>) -> AttemptClass {
    match result {
        Err(AttemptError::Rejected(_)) => AttemptClass::RejectedLocally,
        Err(AttemptError::Transport(TransportError::Unsent(_))) => AttemptClass::Unsent,
        Err(AttemptError::Unreadable(_) | AttemptError::Transport(TransportError::TooLarge)) => {
            AttemptClass::Unreadable
        }
        Err(AttemptError::Transport(_) | AttemptError::Abandoned) => AttemptClass::OutcomeUnknown,
        Ok(response) => match response.status {
            status if status.is_success() => AttemptClass::Done,
            StatusCode::TOO_MANY_REQUESTS if !response.has_code(code::SPEND_LIMIT) => AttemptClass::Throttled,
            StatusCode::CONFLICT if response.has_code(code::BEING_PROCESSED) => AttemptClass::OutcomeUnknown,
            StatusCode::REQUEST_TIMEOUT => AttemptClass::OutcomeUnknown,
            status if status.is_server_error() => AttemptClass::OutcomeUnknown,
            status if refusal::is_meaningless(status) => AttemptClass::Unreadable,
            _ => AttemptClass::Refused,
        },
    }
}

/// The response of a successful operation. `id` is the id of its resource, if the caller gave one.
///
/// # Errors
/// Why the operation failed. `retry_after` is the pushback of the server.
pub(super) fn success(
    operation: Operation,
    id: &str,
    result: Result<Response, AttemptError>,
    retry_after: Option<Duration>,
) -> Result<Response, Error> {
    let error = match result {
        Ok(response) if response.status.is_success() => return Ok(response),
        Ok(response) => return Err(refusal(operation, id, &response, retry_after)),
        Err(error) => error,
    };
    Err(match &error {
        AttemptError::Transport(TransportError::Unsent(_)) => unavailable(retry_after),
        AttemptError::Unreadable(_) | AttemptError::Transport(TransportError::TooLarge) => unreadable(operation),
        AttemptError::Transport(_) | AttemptError::Abandoned => outcome_unknown(operation, retry_after),
        AttemptError::Rejected(RejectedLocally::CircuitOpen(wait)) => unavailable(Some(*wait)),
        AttemptError::Rejected(RejectedLocally::RetryBudget) => unavailable(None),
        AttemptError::Rejected(RejectedLocally::ConcurrencyLimit) => {
            Error::new(Reason::ConcurrencyLimitReached, "the tenant has too many requests to Telnyx in progress")
                .rule("upstream.max_concurrent_attempts")
        }
    }
    .source(error))
}

/// The response with what its operation returns, if it is a success.
pub(super) fn readable(operation: Operation, read: ReadAnswer, response: Response) -> Result<Response, AttemptError> {
    if !response.status.is_success() {
        return Ok(response);
    }
    let answer = read(operation, &response.body).map_err(AttemptError::Unreadable)?;
    Ok(Response { answer: Some(answer), ..response })
}

/// Reads a resource. It must have what its operation can't do without: the ID of what was made, or the result of a check.
/// Every other field may be missing.
pub(super) fn resource<T: DeserializeOwned + Send + 'static>(
    operation: Operation,
    body: &[u8],
) -> Result<Answer, &'static str> {
    let read = match operation.effect() {
        Effect::Send | Effect::Create => Data::<T>::read_with(body, "id"),
        Effect::Check => Data::<T>::read_with(body, "response_code"),
        Effect::Read | Effect::Write => Data::read(body).map(|resource| (resource, true)),
    };
    match read {
        None => Err("is not JSON with an object in `data`"),
        Some((_, false)) => Err("lacks its ID or its result"),
        Some((resource, true)) => Ok(Box::new(resource)),
    }
}

/// Reads a list, and the number of its elements that can't be read.
pub(super) fn list<T: DeserializeOwned + Default + Send + 'static>(
    _: Operation,
    body: &[u8],
) -> Result<Answer, &'static str> {
    List::<T>::read(body).map_or(Err("is not JSON with a list in `data`"), |list| Ok(Box::new(list)))
}

/// For an operation that returns nothing.
#[expect(clippy::unnecessary_wraps, reason = "it is a `ReadAnswer`")]
pub(super) fn nothing(_: Operation, _: &[u8]) -> Result<Answer, &'static str> {
    Ok(Box::new(()))
}

impl Response {
    /// The error envelope; empty where the body is something else.
    fn error_body(&self) -> ErrorBody {
        ErrorBody::read(&self.body)
    }

    fn has_code(&self, code: &str) -> bool {
        self.error_body().errors.iter().any(|item| item.code.as_deref() == Some(code))
    }
}
