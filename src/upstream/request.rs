//! What an attempt consumes and produces.

use std::{any::Any, error::Error as StdError, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::operation::Operation;
use crate::domain::Tenant;

/// A request for the upstream. A clone shares the body and the tenant.
#[derive(Clone)]
pub(super) struct Request {
    /// The endpoint.
    pub(super) operation: Operation,
    pub(super) uri: Uri,
    /// The JSON body. An empty one is not sent.
    pub(super) body: Bytes,
    /// The tenant whose key, permits, circuits and retry budget the request uses.
    pub(super) tenant: Arc<Tenant>,
    /// When the caller stops waiting. No attempt begins later.
    pub(super) deadline: Instant,
    /// Cancelled when the caller has gone away.
    pub(super) cancelled: CancellationToken,
    /// Whether an attempt keeps its full timeout although the deadline is sooner.
    pub(super) run_to_completion: bool,
    /// Whether the gateway makes the request for itself. It then counts as a retry.
    pub(super) internal: bool,
    /// Reads what the operation returns.
    pub(super) read: ReadAnswer,
    /// The number of attempts before this one.
    pub(super) resend_count: usize,
    /// Whether the outcome of an earlier attempt is unknown.
    pub(super) after_unknown_outcome: bool,
}

/// A whole response, with any status.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// What the operation returns, once it is read.
    pub(super) answer: Option<Answer>,
}

/// What an operation returns: its type is that of the operation.
pub(super) type Answer = Box<dyn Any + Send>;

/// Reads the body of a success. The error says what is wrong with it.
pub(super) type ReadAnswer = fn(Operation, &[u8]) -> Result<Answer, &'static str>;

/// Why a transport returns no response. A source is logged: it must hold no URL, key, code or phone number.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection was made, so the request never left.
    #[error("no connection to the upstream")]
    Unsent(#[source] Box<dyn StdError + Send + Sync>),
    /// The connection broke after the request may have left.
    #[error("the connection to the upstream broke")]
    Lost(#[source] Box<dyn StdError + Send + Sync>),
    /// The attempt timeout elapsed before the whole response arrived.
    #[error("the upstream took too long")]
    Timeout,
    /// The response is larger than `upstream.max_response_size`.
    #[error("the upstream's response is too large")]
    TooLarge,
}

/// Why an attempt has no response.
#[derive(Debug, thiserror::Error)]
pub(super) enum AttemptError {
    /// The attempt was made and failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The response is a success, and lacks what the operation returns.
    #[error("the upstream's response {0}")]
    Unreadable(&'static str),
    /// The caller's deadline or its cancellation ended the attempt.
    #[error("the caller stopped waiting before the upstream responded")]
    Abandoned,
    /// The gateway did not make the attempt.
    #[error(transparent)]
    Rejected(#[from] RejectedLocally),
}

/// Why the gateway did not make an attempt.
#[derive(Debug, thiserror::Error)]
pub(super) enum RejectedLocally {
    /// The circuit breaker is open. The next trial can begin after this time.
    #[error("the circuit breaker is open")]
    CircuitOpen(Duration),
    /// The tenant already has `upstream.max_concurrent_attempts` running attempts.
    #[error("the tenant has too many concurrent attempts")]
    ConcurrencyLimit,
    /// The retry budget does not cover an internal request.
    #[error("the retry budget is used up")]
    RetryBudget,
}
