//! The requests that are calls, by their method and content type.
//!
//! A page in a browser may send `text/plain` anywhere, with the client certificate of the person and without a preflight. It may
//! not send the content types of gRPC.

use http::{Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use tonic::body::Body;

/// The body of the response to other requests.
const UNSUPPORTED: &str = "this port takes POST requests of gRPC over HTTP/2, and of gRPC-Web if it is on\n";

/// Whether `request` is a call of gRPC.
pub(super) fn is_grpc<B>(request: &Request<B>) -> bool {
    is_post_of(request, b"application/grpc")
}

/// Whether `request` is a call of gRPC-Web.
pub(super) fn is_grpc_web<B>(request: &Request<B>) -> bool {
    is_post_of(request, b"application/grpc-web") || is_post_of(request, b"application/grpc-web-text")
}

/// Whether `request` is a POST of this content type, with or without the format of its messages (`+proto`) and parameters.
fn is_post_of<B>(request: &Request<B>, kind: &[u8]) -> bool {
    let mut kinds = request.headers().get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (kinds.next(), kinds.next()) else { return false };
    let rest = only.as_bytes().strip_prefix(kind);
    *request.method() == Method::POST && rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// The response to a request that is no call.
pub(super) fn unsupported() -> Response<Body> {
    let mut response = Response::new(Body::new(UNSUPPORTED.to_owned()));
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    response.headers_mut().insert(CONTENT_TYPE, "text/plain; charset=utf-8".parse().expect("it is a header value"));
    response
}
