//! Health and reflection. They need no tenant: probes and tools call them. So they have bounds of their own.

use std::{sync::Arc, time::Duration};

use futures_util::stream;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Body as _, Frame};
use tokio::{
    select,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tonic::{Status, body::Body, service::Routes};

use super::{
    deadline::Deadlines,
    forward::{RETRY_AFTER, forward},
    message::MessageBounds,
    peer_state::PeerState,
};
use crate::{
    domain::{Error, LimitMode},
    grpc::status,
    pb::ErrorReason,
    telemetry::Metrics,
};

/// The services that need no tenant. All other services do.
const SERVICES: [&str; 3] =
    ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/// The methods whose calls have no end of their own.
const STREAMS: [&str; 2] = ["Watch", "ServerReflectionInfo"];

/// The open services and their bounds.
pub(super) struct OpenServices {
    /// Permits for the streams of all peers.
    pub(super) streams: Arc<Semaphore>,
    /// How long a stream may last.
    pub(super) max_age: Duration,
    pub(super) deadlines: Deadlines,
    pub(super) messages: MessageBounds,
    pub(super) routes: Routes,
    pub(super) metrics: Metrics,
    pub(super) draining: CancellationToken,
}

/// Whether `request` is for an open service.
pub(super) fn is_open<B>(request: &Request<B>) -> bool {
    let service = request.uri().path().trim_start_matches('/').split('/').next();
    service.is_some_and(|service| SERVICES.contains(&service))
}

impl OpenServices {
    /// Calls an open service.
    pub(super) async fn call(&self, peer: &PeerState, request: Request<Body>) -> Response<Body> {
        self.admit(peer, request).await.unwrap_or_else(status::response)
    }

    async fn admit(&self, peer: &PeerState, request: Request<Body>) -> Result<Response<Body>, Error> {
        let of_peer = self.permit(&peer.open_calls, "grpc.max_unauthenticated_calls")?;
        let method = request.uri().path().rsplit('/').next().unwrap_or_default();
        if STREAMS.contains(&method) {
            let of_all = self.permit(&self.streams, "grpc.max_unauthenticated_streams")?;
            // A stream has no end of its own, and the drain would wait for it.
            let until = Instant::now() + self.max_age;
            let request = request.map(|body| self.bounded(body, until, None, ()));
            let response = forward(self.routes.clone(), request).await;
            return Ok(response.map(|body| self.bounded(body, until, Some(STREAM_ENDS), (of_peer, of_all))));
        }
        let deadline = self.deadlines.of(request.headers())?;
        let answer = async {
            let (head, body) = request.into_parts();
            let body = select! {
                read = self.messages.read(body) => read?,
                () = self.draining.cancelled() => return Ok(status::stopping().into_http()),
            };
            Ok(forward(self.routes.clone(), Request::from_parts(head, body)).await)
        };
        let late = || Error::new(ErrorReason::DeadlineExceeded, "the deadline was exceeded");
        let response = timeout_at(deadline, answer).await.unwrap_or_else(|_| Err(late()))?;
        Ok(response.map(|body| self.bounded(body, deadline, Some(STREAM_ENDS), of_peer)))
    }

    fn permit(&self, permits: &Arc<Semaphore>, setting: &'static str) -> Result<OwnedSemaphorePermit, Error> {
        Arc::clone(permits).try_acquire_owned().map_err(|_| {
            self.metrics.limit_hit(setting, LimitMode::Enforce);
            Error::new(ErrorReason::GatewayOverloaded, format!("the calls without credentials exceed {setting}"))
                .retry_after(RETRY_AFTER)
        })
    }

    /// `body`, which ends when the gateway drains or `until` has passed, with a status in its trailers if it is that of a
    /// response. `held` is dropped with it.
    fn bounded(&self, body: Body, until: Instant, at_end: Option<&'static str>, held: impl Send + 'static) -> Body {
        // A response without a body has its status in the headers already.
        if body.is_end_stream() {
            return body;
        }
        let frames = stream::unfold(Some((body, self.draining.clone(), held)), move |state| async move {
            let (mut body, draining, held) = state?;
            let status = select! {
                biased;
                // Frames that are ready go first: the last one says that nothing is served any more.
                frame = body.frame() => return Some((frame?, Some((body, draining, held)))),
                () = draining.cancelled() => status::stopping(),
                () = sleep_until(until) => Status::unavailable(at_end.unwrap_or_default()),
            };
            at_end.map(|_| (trailers(&status), None))
        });
        Body::new(StreamBody::new(frames))
    }
}

/// What the status at the end of an old stream says.
const STREAM_ENDS: &str = "the stream is as old as it may get: begin another one";

fn trailers<D>(status: &Status) -> Result<Frame<D>, Status> {
    let mut trailers = HeaderMap::new();
    status.add_header(&mut trailers).map(|()| Frame::trailers(trailers))
}
