//! Who calls: a bearer token becomes a tenant. Nothing below runs without one.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, header::AUTHORIZATION};
use tracing::Span;

use super::{deadline::Deadline, is_open, refuse};
use crate::{
    domain::Error,
    pb::ErrorReason,
    policy,
    tenant::{Context, Directory},
};

/// Lets a call through with its tenant and deadline, or refuses it. All refusals of credentials look alike.
pub(in crate::grpc) async fn authenticate(
    State(directory): State<Arc<Directory>>,
    mut request: Request,
    next: Next,
) -> Response {
    if is_open(&request) {
        return next.run(request).await;
    }
    let tenant = token(request.headers()).and_then(|token| directory.authenticate(token));
    // Nothing below needs it, so nothing below can leak it.
    request.headers_mut().remove(AUTHORIZATION);
    let (Some(tenant), Some(&Deadline(deadline))) = (tenant, request.extensions().get()) else {
        return refuse(Error::new(ErrorReason::CredentialsInvalid, "a valid bearer token is needed"));
    };
    Span::current().record("tenant", tenant.id.as_str());
    let rpc = request.uri().path().rsplit('/').next().unwrap_or_default();
    if let Err(denied) = policy::rpc(&tenant, rpc) {
        return refuse(denied);
    }
    request.extensions_mut().insert(Context { tenant, deadline });
    next.run(request).await
}

/// The bearer token, if there is exactly one (RFC 6750 §2.1; the scheme's case does not matter, RFC 9110 §11.1).
fn token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        token(&headers).map(str::to_owned)
    }

    #[test]
    fn exactly_one_bearer_token_is_read() {
        assert_eq!(read(&["Bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(read(&["bearer abc"]).as_deref(), Some("abc"));
        for none in [&[][..], &["abc"], &["Bearer"], &["Basic abc"], &["Bearer abc", "Bearer abc"], &["Bearer\u{e9} x"]]
        {
            assert_eq!(read(none), None, "{none:?}");
        }
    }
}
