//! gRPC-Web: calls from pages in browsers, which have neither HTTP/2 at will nor trailers.

mod cors;

use std::convert::Infallible;

use http::{
    Request, Response, StatusCode, Version,
    header::{CONTENT_TYPE, ORIGIN},
};
use tonic::body::Body;
use tonic_web::GrpcWebLayer;
use tower::{Layer, ServiceExt, service_fn};

use self::cors::Cors;
use crate::config;

/// The answer to requests of other protocols.
const WHAT_IS_HERE: &str = "this port speaks gRPC over HTTP/2, and gRPC-Web\n";

/// Lets pages in browsers call.
pub(super) struct GrpcWeb {
    cors: Cors,
}

impl GrpcWeb {
    /// None where they must not.
    pub(super) fn new(config: &config::WebConfig) -> Option<Self> {
        config.enabled.then(|| Self { cors: Cors::new(config.allowed_origins.clone()) })
    }

    /// Answers `request` by `grpc`, if that speaks its language.
    pub(super) async fn call<F>(
        &self,
        request: Request<Body>,
        mut grpc: impl FnMut(Request<Body>) -> F,
    ) -> Response<Body>
    where
        F: Future<Output = Response<Body>>,
    {
        let is_web = is_web(&request);
        // HTTP/1.1 has no trailers that a client could count on, so what is no gRPC-Web is no gRPC there.
        if !is_web && request.version() == Version::HTTP_2 && !cors::is_preflight(&request) {
            return grpc(request).await;
        }
        let origin = request.headers().get(ORIGIN).cloned();
        let mut response = if cors::is_preflight(&request) {
            self.cors.preflight(origin.as_ref())
        } else if is_web {
            translated(request, grpc).await
        } else {
            unsupported()
        };
        self.cors.expose(origin.as_ref(), response.headers_mut());
        response
    }
}

/// Whether `request` is gRPC-Web.
fn is_web<B>(request: &Request<B>) -> bool {
    let kind = request.headers().get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc-web"))
}

/// Answers a `request` of gRPC-Web by `grpc`.
async fn translated<F>(request: Request<Body>, mut grpc: impl FnMut(Request<Body>) -> F) -> Response<Body>
where
    F: Future<Output = Response<Body>>,
{
    let grpc = service_fn(move |request| {
        let answer = grpc(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let Ok(response) = GrpcWebLayer::new().layer(grpc).oneshot(request).await;
    response
}

fn unsupported() -> Response<Body> {
    let mut response = Response::new(Body::new(WHAT_IS_HERE.to_owned()));
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    response.headers_mut().insert(CONTENT_TYPE, "text/plain; charset=utf-8".parse().expect("it is a header value"));
    response
}
