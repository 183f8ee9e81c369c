//! Who calls: a bearer token becomes an identity of a tenant.

use http::{HeaderMap, header::AUTHORIZATION};

use crate::{
    domain::Error,
    pb::ErrorReason,
    tenant::{Caller, Directory},
};

/// Whose token is in `headers`, which it is taken out of. All refusals look alike.
pub(super) fn caller(headers: &mut HeaderMap, directory: &Directory) -> Result<Caller, Error> {
    let caller = token(headers).and_then(|token| directory.by_token(token)).cloned();
    headers.remove(AUTHORIZATION);
    caller.ok_or_else(|| Error::new(ErrorReason::CredentialsInvalid, "a valid bearer token is needed"))
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
