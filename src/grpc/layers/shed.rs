//! Refusing what is too much before any work is done on it.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use tokio::sync::Semaphore;

use super::{is_open, refuse};
use crate::{domain::Error, pb::ErrorReason};

/// When a caller that was shed may come back: long enough for many calls to end.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Takes a place for as long as the call runs, or refuses. Probes always have one: a busy gateway is not a dead one.
pub(in crate::grpc) async fn shed(State(places): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    if is_open(&request) {
        return next.run(request).await;
    }
    let Ok(_place) = places.try_acquire() else {
        return refuse(
            Error::new(ErrorReason::GatewayOverloaded, "the gateway has too much to do").retry_after(RETRY_AFTER),
        );
    };
    next.run(request).await
}
