//! Health and reflection, which need no tenant: probes and tools call them.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use hyper::body::Frame;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Status, body::Body};

use crate::grpc::status;

/// The services that need no tenant. Everything that is not on this list does.
const OPEN: [&str; 3] =
    ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/// Whether `request` is for one of them.
pub(super) fn is_for<B>(request: &Request<B>) -> bool {
    let service = request.uri().path().trim_start_matches('/').split('/').next();
    service.is_some_and(|service| OPEN.contains(&service))
}

/// Has `request` end when the gateway does: some of these services read on for as long as their caller may ask.
pub(super) fn asking(draining: &CancellationToken, request: Request<Body>) -> Request<Body> {
    request.map(|body| Until::new(body, draining, None))
}

/// Has `response` end when the gateway does: who watches does so for ever, and the gateway would wait for them.
pub(super) fn answering(draining: &CancellationToken, response: Response<Body>) -> Response<Body> {
    response.map(|body| Until::new(body, draining, Some(status::stopping())))
}

/// A body that ends when the gateway does.
struct Until {
    /// None after the end.
    body: Option<Body>,
    draining: Pin<Box<WaitForCancellationFutureOwned>>,
    /// What it ends with then.
    status: Option<Status>,
}

impl Until {
    #[expect(clippy::new_ret_no_self, reason = "tonic has one type for all bodies")]
    fn new(body: Body, draining: &CancellationToken, status: Option<Status>) -> Body {
        Body::new(Self { body: Some(body), draining: Box::pin(draining.clone().cancelled_owned()), status })
    }
}

impl hyper::body::Body for Until {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        // What is there goes first: the last news is that nothing is served any more.
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        ready!(self.draining.as_mut().poll(cx));
        self.body = None;
        let trailers = |status: Status| {
            let mut trailers = HeaderMap::new();
            status.add_header(&mut trailers).map(|()| Frame::trailers(trailers))
        };
        Poll::Ready(self.status.take().map(trailers))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(hyper::body::Body::is_end_stream)
    }
}
