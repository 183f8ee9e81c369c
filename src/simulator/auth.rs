//! Who is calling.

use axum::{
    extract::{FromRequestParts, Request, State as Shared},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header, request::Parts};

use super::{
    error::Error,
    handle::Handle,
    key::Key,
    limits,
    settings::{Settings, choice::MissingKey},
};
use crate::telnyx::code;

/// The account that a request is for.
#[derive(Clone, Copy)]
pub(super) struct Caller(pub(super) Key);

/// Every key that is not empty has an account of its own.
pub(super) fn key(headers: &HeaderMap) -> Option<Key> {
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then(|| Key::of(key))
}

/// The answer to a key that is refused.
pub(super) fn refused(settings: &Settings) -> Error {
    let status = StatusCode::from_u16(settings.unauthorized_status).unwrap_or(StatusCode::UNAUTHORIZED);
    Error::new(status, code::AUTHENTICATION_FAILED, "The API key is missing or not valid.")
}

/// Lets only requests with a key pass, and not too many of them.
pub(super) async fn authenticate(Shared(simulator): Shared<Handle>, mut request: Request, next: Next) -> Response {
    let key = key(request.headers());
    let passed = {
        let now = simulator.now();
        let mut state = simulator.state();
        match key {
            Some(key) => limits::request(&mut state, key, now).map(|()| key),
            None if state.settings.missing_key == MissingKey::NotFound => Err(Error::not_found("resource")),
            None => Err(refused(&state.settings)),
        }
    };
    match passed {
        Ok(key) => {
            request.extensions_mut().insert(Caller(key));
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

impl FromRequestParts<Handle> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, simulator: &Handle) -> Result<Self, Error> {
        parts.extensions.get().copied().ok_or_else(|| refused(&simulator.state().settings))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_key_must_not_be_empty() {
        let read = |value| key(&HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]));
        assert!(read("Bearer KEY1") == Some(Key::of("KEY1")));
        assert!(read("Bearer  ").is_none());
        assert!(read("Bearer").is_none());
    }
}
