//! The parts of a request that handlers take. Every API key that is not empty has an account.

use std::sync::MutexGuard;

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header, request::Parts};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::paging::check_names;
use crate::{
    simulator::{
        account::AccountKey,
        error::{ApiError, JSON_EXPECTED},
        handle::Handle,
        limits,
        settings::MissingKey,
        state::SimulatorState,
    },
    telnyx::code,
};

/// A request of an account, and the time at which the simulator handles it.
pub(super) struct ApiCall {
    simulator: Handle,
    pub(super) key: AccountKey,
    pub(super) now: Timestamp,
}

impl ApiCall {
    pub(super) fn state(&self) -> MutexGuard<'_, SimulatorState> {
        self.simulator.state()
    }
}

impl FromRequestParts<Handle> for ApiCall {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, simulator: &Handle) -> Result<Self, ApiError> {
        let key = parts.extensions.get().copied();
        let key = key.ok_or_else(|| ApiError::unauthorized(&simulator.state().settings))?;
        check_names(parts, &simulator.state().settings)?;
        Ok(Self { simulator: simulator.clone(), key, now: simulator.state().now(Some(key)) })
    }
}

/// A body that is a JSON object.
pub(super) struct JsonObject(pub(super) Map<String, Value>);

impl FromRequest<Handle> for JsonObject {
    type Rejection = ApiError;

    async fn from_request(request: Request, simulator: &Handle) -> Result<Self, ApiError> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            let detail = "The content type must be application/json.";
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, JSON_EXPECTED, detail));
        }
        let bad = |code, detail| ApiError::new(StatusCode::BAD_REQUEST, code, detail);
        let body = Bytes::from_request(request, simulator)
            .await
            .map_err(|_| bad(code::BAD_REQUEST, "The body could not be read."))?;
        match serde_json::from_slice(&body) {
            Ok(Value::Object(map)) => Ok(Self(map)),
            Ok(_) => Err(ApiError::bad_request(&simulator.state().settings, "The body must be a JSON object.")),
            Err(_) => Err(bad(code::INVALID_JSON, "The body is not JSON.")),
        }
    }
}

/// An ID, a channel name or a phone number in a path, percent-decoded.
pub(super) struct PathSegment(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for PathSegment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        // A segment that is not UTF-8 names no resource.
        path.map(|Path(segment)| Self(segment)).map_err(|_| ApiError::not_found("resource"))
    }
}

/// The account that `authorization` names.
pub(super) fn key(headers: &HeaderMap) -> Option<AccountKey> {
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then(|| AccountKey::of(key))
}

/// Requires an API key, and counts the request against the limit of its account.
pub(super) async fn authenticate(State(simulator): State<Handle>, mut request: Request, next: Next) -> Response {
    let key = key(request.headers());
    let admitted = {
        let mut state = simulator.state();
        let now = state.now(key);
        match key {
            Some(key) => limits::request(&mut state, key, now).map(|()| key),
            None if state.settings.missing_key == MissingKey::NotFound => Err(ApiError::not_found("resource")),
            None => Err(ApiError::unauthorized(&state.settings)),
        }
    };
    match admitted {
        Ok(key) => {
            request.extensions_mut().insert(key);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_key_must_not_be_empty() {
        let read = |value| key(&HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]));
        assert!(read("Bearer KEY1") == Some(AccountKey::of("KEY1")));
        assert!(read("Bearer  ").is_none());
        assert!(read("Bearer").is_none());
    }
}
