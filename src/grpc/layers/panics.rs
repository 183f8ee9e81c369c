//! A panic ends its own call and nothing else.
//!
//! tonic alone would reset the stream, which a client reads as CANCELLED.

use std::panic::AssertUnwindSafe;

use axum::{extract::Request, middleware::Next, response::Response};
use futures_util::FutureExt;

use super::refuse;
use crate::{domain::Error, pb::ErrorReason};

/// Answers INTERNAL where a handler panics. The panic itself goes to standard error, as the process has it.
pub(in crate::grpc) async fn catch_panic(request: Request, next: Next) -> Response {
    // What the call shared with others is behind locks that poison and counters that stay whole.
    AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .await
        .unwrap_or_else(|_| refuse(Error::new(ErrorReason::Internal, "the gateway failed")))
}
