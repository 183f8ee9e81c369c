//! Health and reflection. They need no tenant: probes and tools call them.

use futures_util::stream;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Body as _, Frame};
use tokio::select;
use tokio_util::sync::CancellationToken;
use tonic::{Status, body::Body, service::Routes};

use super::forward;
use crate::grpc::status;

/// The services that need no tenant. All other services do.
const SERVICES: [&str; 3] =
    ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/// Whether `request` is for one of them.
pub(super) fn is_open<B>(request: &Request<B>) -> bool {
    let service = request.uri().path().trim_start_matches('/').split('/').next();
    service.is_some_and(|service| SERVICES.contains(&service))
}

/// Calls an open service. Both streams end when the gateway drains: a watch of health has no end of its own, and the
/// drain would wait for it.
pub(super) async fn call(routes: Routes, request: Request<Body>, draining: &CancellationToken) -> Response<Body> {
    let request = request.map(|body| until_drain(body, draining, None));
    let response = forward(routes, request).await;
    response.map(|body| until_drain(body, draining, Some(status::stopping())))
}

/// `body`, which ends when the gateway drains, with `status` in its trailers.
fn until_drain(body: Body, draining: &CancellationToken, status: Option<Status>) -> Body {
    // A response without a body has its status in the headers already.
    if body.is_end_stream() {
        return body;
    }
    let frames = stream::unfold(Some((body, draining.clone(), status)), |state| async {
        let (mut body, draining, status) = state?;
        select! {
            biased;
            // Frames that are ready go first: the last one says that nothing is served any more.
            frame = body.frame() => Some((frame?, Some((body, draining, status)))),
            () = draining.cancelled() => Some((trailers(&status?), None)),
        }
    });
    Body::new(StreamBody::new(frames))
}

fn trailers<D>(status: &Status) -> Result<Frame<D>, Status> {
    let mut trailers = HeaderMap::new();
    status.add_header(&mut trailers).map(|()| Frame::trailers(trailers))
}
