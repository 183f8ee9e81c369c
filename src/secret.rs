//! The one type for what must not be seen: API keys, tokens, codes.

use std::fmt;

use aws_lc_rs::constant_time;
use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

/// A text that can't be printed or serialized, is compared in constant time, and is wiped from memory when the last of
/// its clones is dropped.
#[derive(Clone)]
pub struct Secret(Bytes);

impl Secret {
    /// Takes `text` in.
    #[must_use]
    pub fn new(text: String) -> Self {
        // Clones, and headers made of them, share these bytes; who holds them last has them wiped.
        Self(Bytes::from_owner(Zeroizing::new(text.into_bytes())))
    }

    /// The text itself, for the one place that must send or hash it.
    ///
    /// # Panics
    /// Never: it was made of a text.
    #[must_use]
    pub fn expose(&self) -> &str {
        str::from_utf8(&self.0).expect("it was made of a text")
    }

    /// The text as the value of a header, marked as sensitive, without a copy; none where a header can't carry it.
    #[must_use]
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
    fn clones_and_headers_are_the_same_bytes() {
        let secret = Secret::new("KEY123".into());
        let header = secret.header().unwrap();
        assert_eq!(header.as_bytes().as_ptr(), secret.expose().as_ptr());
        assert_eq!(secret.clone().expose().as_ptr(), secret.expose().as_ptr());
        assert_eq!(Secret::new("a\nb".into()).header(), None);
    }
}
