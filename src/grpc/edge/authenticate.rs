//! Who calls: what a call shows becomes an identity of a tenant.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Request, header::AUTHORIZATION};
use tonic::body::Body;

use crate::{
    authn::{Authenticator, Bearer},
    domain::Error,
    pb::ErrorReason,
    tenant::{Caller, PeerCertificate},
};

/// Who makes `request`, whose credentials are taken out of it. All refusals look alike to the caller; what was wrong is for
/// the log.
pub(super) async fn caller(request: &mut Request<Body>, authenticator: &Authenticator) -> Result<Caller, Error> {
    let values = take(request.headers_mut());
    let certificate = request.extensions().get::<Arc<PeerCertificate>>().cloned();
    let caller = authenticator.caller(bearer(&values), certificate.as_deref()).await;
    caller.map_err(|denied| Error::new(ErrorReason::CredentialsInvalid, "valid credentials are needed").source(denied))
}

fn take(headers: &mut HeaderMap) -> Vec<HeaderValue> {
    let values = headers.get_all(AUTHORIZATION).iter().cloned().collect();
    headers.remove(AUTHORIZATION);
    values
}

/// The bearer token, if there is exactly one (RFC 6750 §2.1; the scheme's case does not matter, RFC 9110 §11.1).
fn bearer(values: &[HeaderValue]) -> Bearer<'_> {
    let value = match values {
        [] => return Bearer::None,
        [value] => value.to_str().ok(),
        _ => None,
    };
    match value.and_then(|value| value.split_once(' ')) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Bearer::Token(token),
        _ => Bearer::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_bearer_token_is_read_and_taken_out() {
        let read = |values: &[&'static [u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
            }
            let values = take(&mut headers);
            assert!(headers.is_empty());
            match bearer(&values) {
                Bearer::Token(token) => Ok(token.to_owned()),
                other => Err(format!("{other:?}")),
            }
        };
        assert_eq!(read(&[b"Bearer abc"]).as_deref(), Ok("abc"));
        assert_eq!(read(&[b"bearer abc"]).as_deref(), Ok("abc"));
        assert_eq!(read(&[]), Err("None".into()));
        for bad in [&[&b"abc"[..]][..], &[b"Bearer"], &[b"Basic abc"], &[b"Bearer a", b"Bearer a"], &[b"Bearer\xe9 x"]]
        {
            assert_eq!(read(bad), Err("Malformed".into()), "{bad:?}");
        }
    }
}
