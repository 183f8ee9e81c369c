//! Calls that go on to the services, and calls that are shed.

use std::time::Duration;

use http::{Request, Response};
use tonic::{body::Body, service::Routes};
use tower::Service as _;

/// When a caller that was shed may try again: long enough for many calls to end.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(super) async fn forward(mut routes: Routes, request: Request<Body>) -> Response<Body> {
    let Ok(response) = routes.call(request).await;
    response
}
