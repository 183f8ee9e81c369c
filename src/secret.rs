//! The one type for what must not be seen: API keys, tokens, codes.

use std::fmt;

use aws_lc_rs::constant_time;
use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

/// A text that can't be printed or serialized. It is compared in constant time, and wiped from memory when its last
/// clone is dropped.
#[derive(Clone)]
pub struct Secret(Bytes);

impl Secret {
    /// A secret with this text.
    pub fn new(text: String) -> Self {
        // Clones and headers share these bytes. They are wiped with the last of them.
        Self(Bytes::from_owner(Zeroizing::new(text.into_bytes())))
    }

    /// The text, for code that must send or hash it.
    pub fn expose(&self) -> &str {
        str::from_utf8(&self.0).expect("it was made from a text")
    }

    /// The text as a header value that is marked as sensitive, without a copy. `None` if a header can't carry it.
    pub fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_maybe_shared(self.0.clone()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for Secret {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::new("KEY123".into());
        assert_eq!(format!("{secret:?} {:?}", secret.header().unwrap()), "[redacted] Sensitive");
    }

    #[test]
    fn equality_is_by_content() {
        assert_eq!(Secret::new("a".into()), Secret::new("a".into()));
        assert_ne!(Secret::new("a".into()), Secret::new("ab".into()));
    }

    #[test]
    fn clones_and_headers_share_the_bytes() {
        let secret = Secret::new("KEY123".into());
        let header = secret.header().unwrap();
        assert_eq!(header.as_bytes().as_ptr(), secret.expose().as_ptr());
        assert_eq!(secret.clone().expose().as_ptr(), secret.expose().as_ptr());
        assert_eq!(Secret::new("a\nb".into()).header(), None);
    }
}
