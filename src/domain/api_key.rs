//! Telnyx API keys.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use http::HeaderValue;

use crate::secret::Secret;

/// A Telnyx API key.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// The whole header value, so that all requests share these bytes.
    authorization: Secret,
    identity: KeyIdentity,
}

/// The SHA-256 of a key, which identifies it. It can't be printed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyIdentity([u8; 32]);

impl ApiKey {
    /// Takes `key` if it is one or more visible ASCII characters, as a header needs.
    #[must_use]
    pub fn new(key: &str) -> Option<Self> {
        if key.is_empty() || !key.bytes().all(|c| c.is_ascii_graphic()) {
            return None;
        }
        let mut identity = [0; 32];
        identity.copy_from_slice(digest(&SHA256, key.as_bytes()).as_ref());
        Some(Self { authorization: Secret::new(format!("Bearer {key}")), identity: KeyIdentity(identity) })
    }

    /// The value of the `authorization` header, marked as sensitive.
    ///
    /// # Panics
    /// Never: a header can carry the key.
    #[must_use]
    pub fn authorization(&self) -> HeaderValue {
        self.authorization.header().expect("a header can carry the key")
    }

    /// Identifies the key.
    #[must_use]
    pub const fn identity(&self) -> &KeyIdentity {
        &self.identity
    }
}

impl KeyIdentity {
    /// The bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for KeyIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_sent_as_a_sensitive_bearer_token() {
        let key = ApiKey::new("KEY0123_abc").unwrap();
        assert_eq!(key.authorization(), "Bearer KEY0123_abc");
        assert!(key.authorization().is_sensitive());
        assert!(!format!("{key:?}").contains("0123"), "{key:?}");
        assert!(*key.identity() == *ApiKey::new("KEY0123_abc").unwrap().identity());
        assert!(*key.identity() != *ApiKey::new("KEY0123_abd").unwrap().identity());
    }

    #[test]
    fn a_text_that_a_header_can_not_carry_is_not_a_key() {
        for bad in ["", " ", "a b", "a\n", "a\r\nx: y", "schlüssel", "\0"] {
            assert!(ApiKey::new(bad).is_none(), "{bad:?}");
        }
    }
}
