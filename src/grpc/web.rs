//! gRPC-Web: calls from pages in browsers, which have no access to trailers and may lack HTTP/2.

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

/// The body of the response to a request in another protocol.
const UNSUPPORTED: &str = "this port speaks gRPC over HTTP/2, and gRPC-Web\n";

/// Serves pages in browsers.
pub(super) struct GrpcWeb {
    cors: Cors,
}

impl GrpcWeb {
    /// `None` if gRPC-Web is off.
    pub(super) fn new(config: &config::WebConfig) -> Option<Self> {
        config.enabled.then(|| Self { cors: Cors::new(config.allowed_origins.clone()) })
    }

    /// Passes a request of gRPC or gRPC-Web to `grpc`, and answers all others.
    pub(super) async fn call<F>(
        &self,
        request: Request<Body>,
        mut grpc: impl FnMut(Request<Body>) -> F,
    ) -> Response<Body>
    where
        F: Future<Output = Response<Body>>,
    {
        let content_type = request.headers().get(CONTENT_TYPE);
        let is_web = content_type.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc-web"));
        let is_preflight = cors::is_preflight(&request);
        // gRPC needs trailers, which are not reliable in HTTP/1.1.
        if !is_web && request.version() == Version::HTTP_2 && !is_preflight {
            return grpc(request).await;
        }
        let origin = request.headers().get(ORIGIN).cloned();
        let mut response = if is_preflight {
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

/// Passes a `request` of gRPC-Web to `grpc`, and translates both ways.
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
    let mut response = Response::new(Body::new(UNSUPPORTED.to_owned()));
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    response.headers_mut().insert(CONTENT_TYPE, "text/plain; charset=utf-8".parse().expect("it is a header value"));
    response
}
