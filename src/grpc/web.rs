//! gRPC-Web: calls from pages in browsers, which have no access to trailers and may lack HTTP/2.

mod cors;

use std::convert::Infallible;

use http::{Request, Response, Version, header::ORIGIN};
use tonic::body::Body;
use tonic_web::GrpcWebLayer;
use tower::{Layer, ServiceExt, service_fn};

use self::cors::Cors;
use super::media_type;
use crate::config;

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
        // gRPC needs trailers, which are not reliable in HTTP/1.1.
        if media_type::is_grpc(&request) && request.version() == Version::HTTP_2 {
            return grpc(request).await;
        }
        let origin = request.headers().get(ORIGIN).cloned();
        let mut response = if cors::is_preflight(&request) {
            self.cors.preflight(origin.as_ref())
        } else if media_type::is_grpc_web(&request) {
            translated(request, grpc).await
        } else {
            media_type::unsupported()
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
