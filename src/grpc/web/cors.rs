//! From which origins pages may call (<https://fetch.spec.whatwg.org/#http-cors-protocol>).
//!
//! Of a library this would be one layer more; that of tower-http tells all origins what is allowed to some.

use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
    },
};
use tonic::body::Body;

/// What a page may send: what the clients of gRPC-Web do, and what the gateway reads.
const SENT: HeaderValue = HeaderValue::from_static(
    "authorization, baggage, content-type, grpc-timeout, traceparent, tracestate, x-grpc-web, x-request-id, x-user-agent",
);
/// What a page may read: how a call ended, and all that the gateway says beside its answers.
const READ: HeaderValue = HeaderValue::from_static(
    "grpc-status, grpc-message, grpc-status-details-bin, grpc-retry-pushback-ms, x-request-id, replayed, duplicate",
);
/// How many seconds a browser may remember this. Chromium does so for no longer.
const REMEMBERED: HeaderValue = HeaderValue::from_static("7200");

/// The origins whose pages may call. None may have the browser send cookies along: calls are authorized by what a page says.
pub(super) struct Cors {
    allowed: Vec<HeaderValue>,
}

/// Whether a browser asks with `request` what a page may do.
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

    /// The answer to a browser that asks what a page of `origin` may do, but for what [`Self::expose`] adds.
    pub(super) fn preflight(&self, origin: Option<&HeaderValue>) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        if self.allows(origin) {
            let headers = response.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, SENT);
            headers.insert(ACCESS_CONTROL_MAX_AGE, REMEMBERED);
        }
        response
    }

    /// Lets a page of `origin` read the answer that has `headers`.
    pub(super) fn expose(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        // For what keeps answers in between.
        headers.append(VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = origin.filter(|origin| self.allows(Some(origin))) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, READ);
        }
    }

    fn allows(&self, origin: Option<&HeaderValue>) -> bool {
        origin.is_some_and(|origin| self.allowed.contains(origin))
    }
}
