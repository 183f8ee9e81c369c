//! Authentication: every API key that is not empty has an account.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header};

use crate::simulator::{account::AccountKey, error::ApiError, handle::Handle, limits, settings::MissingKey};

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
