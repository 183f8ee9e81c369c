//! The headers that go to Telnyx: an allow-list, so that nothing of a caller's reaches a third party.
//!
//! It sits next to the transport: no layer above holds a request with a key in its headers.

use std::task;

use http::{
    HeaderValue,
    header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE},
};
use tower::{Layer, Service};

use super::attempt::Request;

/// Adds the tenant's key and the fixed headers. The user agent is the transport's.
#[derive(Clone, Copy)]
pub(super) struct AuthorizeLayer;

impl<S> Layer<S> for AuthorizeLayer {
    type Service = Authorize<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Authorize { inner }
    }
}

#[derive(Clone)]
pub(super) struct Authorize<S> {
    inner: S,
}

impl<S: Service<Request>> Service<Request> for Authorize<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> task::Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> S::Future {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        // Answers are small: unpacking them would cost more than it saves.
        const AS_IT_IS: HeaderValue = HeaderValue::from_static("identity");
        request.headers.reserve(5);
        request.headers.insert(AUTHORIZATION, request.tenant.key.authorization());
        request.headers.insert(ACCEPT, JSON);
        request.headers.insert(ACCEPT_ENCODING, AS_IT_IS);
        if !request.body.is_empty() {
            request.headers.insert(CONTENT_TYPE, JSON);
        }
        self.inner.call(request)
    }
}
