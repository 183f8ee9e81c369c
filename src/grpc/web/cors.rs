//! CORS: the origins whose pages may call (<https://fetch.spec.whatwg.org/#http-cors-protocol>).
//!
//! The layer of tower-http is not used: it shows all origins what some are allowed to do.

use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
    },
};
use tonic::body::Body;

/// The headers that a page may send: those of gRPC-Web clients, and those that the gateway reads.
const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, baggage, content-type, grpc-timeout, traceparent, tracestate, x-grpc-web, x-request-id, x-user-agent",
);
/// The headers that a page may read: the status of a call, and the metadata of responses.
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "grpc-status, grpc-message, grpc-status-details-bin, grpc-retry-pushback-ms, x-request-id, replayed, duplicate",
);
/// How many seconds a browser may cache this. Chromium caches it no longer.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// The origins whose pages may call. The browser sends no cookies along: a page presents its credentials itself.
pub(super) struct Cors {
    allowed: Vec<HeaderValue>,
}

/// Whether `request` is the preflight of a browser.
pub(super) fn is_preflight<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    *request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

impl Cors {
    pub(super) const fn new(allowed: Vec<HeaderValue>) -> Self {
        Self { allowed }
    }

    /// The response to a preflight for a page of `origin`, without what [`Self::expose`] adds.
    pub(super) fn preflight(&self, origin: Option<&HeaderValue>) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        if self.allows(origin) {
            let headers = response.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
            headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        }
        response
    }

    /// Lets a page of `origin` read the response with `headers`.
    pub(super) fn expose(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        // For caches.
        headers.append(VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = origin.filter(|origin| self.allows(Some(origin))) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        }
    }

    fn allows(&self, origin: Option<&HeaderValue>) -> bool {
        origin.is_some_and(|origin| self.allowed.contains(origin))
    }
}
