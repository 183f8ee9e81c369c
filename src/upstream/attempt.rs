//! One attempt: what goes through the stack, and how it can end.

use std::{error::Error as StdError, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use reqwest::Url;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::operation::Operation;
use crate::domain::Tenant;

/// A request on its way to Telnyx. Cloning it, for another attempt, copies little.
#[derive(Clone)]
pub(super) struct Request {
    /// What is asked.
    pub(super) operation: Operation,
    /// Where.
    pub(super) url: Url,
    /// The JSON body; empty for none.
    pub(super) body: Bytes,
    /// For whom, and on whose account.
    pub(super) tenant: Arc<Tenant>,
    /// When the caller stops waiting.
    pub(super) deadline: Instant,
    /// Set when the caller is gone.
    pub(super) cancelled: CancellationToken,
    /// Whether an attempt that was begun has its whole time, whatever the deadline.
    pub(super) run_to_completion: bool,
    /// Whether the caller did not ask for it, so that it counts as a retry.
    pub(super) internal: bool,
    /// How many attempts there were before this one.
    pub(super) resend_count: usize,
    /// Whether an attempt before this one may have been carried out.
    pub(super) in_doubt: bool,
    /// The headers to send; filled on the way down.
    pub(super) headers: HeaderMap,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: StatusCode,
    /// The headers.
    pub(super) headers: HeaderMap,
    /// The whole body.
    pub(super) body: Bytes,
}

/// Why a transport has no answer. Sources must hold no URL, key, code or phone number: they are logged.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No connection could be made, so the request never left.
    #[error("no connection to the upstream")]
    Unsent(#[source] Box<dyn StdError + Send + Sync>),
    /// The connection broke after the request may have left.
    #[error("the connection to the upstream broke")]
    Lost(#[source] Box<dyn StdError + Send + Sync>),
    /// No whole answer in the time an attempt has.
    #[error("the upstream took too long")]
    Timeout,
    /// The answer is larger than the gateway takes.
    #[error("the upstream's answer is too large")]
    TooLarge,
}

/// Why an attempt has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    /// It was made, and failed.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// It was under way when the caller's time was over.
    #[error("the caller's time was over before the upstream answered")]
    GivenUp,
    /// It was not made: the upstream fails. The next try can be made after this time.
    #[error("the circuit breaker is open")]
    CircuitOpen(Duration),
    /// It was not made: too many others of the tenant are under way.
    #[error("the tenant has too many requests under way")]
    NoPlace,
    /// It was not made: the caller did not ask for it, and the budget of retries is used up.
    #[error("the budget of retries is used up")]
    NotAffordable,
}
