//! The limits of HTTP/1.1, each with its reason. Browsers speak it where there is no TLS.

use std::convert::Infallible;

use futures_util::TryFutureExt;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::{
    body::Incoming,
    server::conn::http1::Builder,
    service::{HttpService, Service, service_fn},
};
use hyper_util::rt::TokioTimer;
use tonic::body::Body;

use super::calls::ConnectionCalls;
use crate::{config, grpc::edge::GatewayService};

/// Bytes of the head of a request: as many as on HTTP/2.
const MAX_HEAD: usize = super::http2::MAX_HEADER_LIST_SIZE as usize;

/// The protocol of one connection.
pub(super) fn protocol(config: &config::GrpcConfig) -> Builder {
    let mut http1 = Builder::new();
    http1
        .timer(TokioTimer::new())
        // Counted from the end of a call. HTTP/1.1 has no PING, so a silent peer counts as gone.
        .header_read_timeout(config.keepalive_interval)
        .max_header_size(MAX_HEAD)
        .max_buf_size(MAX_HEAD);
    http1
}

/// `service` with its calls counted in `calls`. HTTP/1.1 runs them in the connection, not on an executor.
pub(super) fn counted(
    service: GatewayService,
    calls: ConnectionCalls,
) -> impl HttpService<Incoming, ResBody = Body, Error = Infallible, Future: Send> {
    service_fn(move |request: Request<Incoming>| {
        let running = calls.begin();
        service.call(request).map_ok(|response: Response<Body>| {
            response.map(|body| {
                Body::new(body.map_frame(move |frame| {
                    let _until_dropped = &running;
                    frame
                }))
            })
        })
    })
}
