//! What the result of an attempt means: for another attempt, and for the caller.

mod refusal;

use std::time::Duration;

use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::refusal::{outcome_unknown, refusal, unavailable, unreadable, wait};
use super::{
    operation::Operation,
    request::{AttemptError, RejectedLocally, Response, TransportError},
};
use crate::{
    domain::Error,
    pb::ErrorReason as Reason,
    telnyx::{CheckResponse, Data, ErrorBody, List, Profile, Template, Verification, code},
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
        Err(AttemptError::Transport(TransportError::TooLarge)) => AttemptClass::Refused,
        Err(AttemptError::Transport(_) | AttemptError::Abandoned) => AttemptClass::OutcomeUnknown,
        Ok(response) => match response.status {
            status if status.is_success() => AttemptClass::Done,
            StatusCode::TOO_MANY_REQUESTS if !response.has_code(code::SPEND_LIMIT) => AttemptClass::Throttled,
            StatusCode::CONFLICT if response.has_code(code::BEING_PROCESSED) => AttemptClass::OutcomeUnknown,
            StatusCode::REQUEST_TIMEOUT => AttemptClass::OutcomeUnknown,
            status if status.is_server_error() => AttemptClass::OutcomeUnknown,
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
        AttemptError::Transport(TransportError::TooLarge) => unreadable(operation),
        AttemptError::Transport(_) | AttemptError::Abandoned => outcome_unknown(operation, retry_after),
        AttemptError::Rejected(RejectedLocally::CircuitOpen(wait)) => unavailable(Some(*wait)),
        AttemptError::Rejected(RejectedLocally::RetryBudget) => unavailable(None),
        AttemptError::Rejected(RejectedLocally::ConcurrencyLimit) => {
            Error::new(Reason::GatewayOverloaded, "the tenant has too many concurrent requests").retry_after(wait(None))
        }
    }
    .source(error))
}

/// Reads the body of a successful response.
pub(super) fn read<T: DeserializeOwned + Complete>(operation: Operation, response: &Response) -> Result<T, Error> {
    let value: T = serde_json::from_slice(&response.body)
        // The text of the error may quote the body.
        .map_err(|error| unreadable(operation).source(format!("unreadable body: {:?}", error.classify())))?;
    if value.is_complete() { Ok(value) } else { Err(unreadable(operation).source("the response lacks its main field")) }
}

/// A body that may have arrived empty: every field may be missing, but a resource needs one to be a response.
pub(super) trait Complete {
    /// Whether the main field is there.
    fn is_complete(&self) -> bool {
        true
    }
}

/// Implements [`Complete`] for a resource with a main field.
macro_rules! complete_with {
    ($($resource:ty: $field:ident),*) => {
        $(impl Complete for $resource {
            fn is_complete(&self) -> bool {
                self.$field.is_some()
            }
        })*
    };
}

complete_with!(Verification: id, CheckResponse: response_code, Profile: id, Template: id);

/// A profile as it came, for a change to be merged into.
impl Complete for Value {
    fn is_complete(&self) -> bool {
        self.is_object()
    }
}

impl<T> Complete for Vec<T> {}

impl<T> Complete for List<T> {}

impl<T: Complete> Complete for Data<T> {
    fn is_complete(&self) -> bool {
        self.data.is_complete()
    }
}

impl Response {
    /// The error envelope; empty where the body is something else.
    fn error_body(&self) -> ErrorBody {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    fn has_code(&self, code: &str) -> bool {
        self.error_body().errors.iter().any(|item| item.code.as_deref() == Some(code))
    }
}
