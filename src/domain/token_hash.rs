//! Hashes of bearer tokens.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use aws_lc_rs::{
    constant_time,
    digest::{SHA256, digest},
};

/// The SHA-256 of a bearer token, written as `sha256:` and 64 hexadecimal digits. The comparison takes constant time.
///
/// Tokens are long and random, so a fast hash protects them. `verify-gateway hash-token` makes them.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of `token`.
    #[must_use]
    pub fn of(token: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Self(bytes)
    }

    /// Reads a written hash. Upper-case digits are allowed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:")?.as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return None;
        }
        let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = value(pair[0])? << 4 | value(pair[1])?;
        }
        Some(Self(bytes))
    }
}

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for TokenHash {}

impl Hash for TokenHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From FIPS 180-4's published examples.
    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_hash_reads_as_it_is_written() {
        assert_eq!(TokenHash::of("abc").to_string(), ABC);
        assert_eq!(TokenHash::parse(ABC), Some(TokenHash::of("abc")));
        assert_eq!(TokenHash::parse(&format!("sha256:{}", ABC[7..].to_uppercase())), Some(TokenHash::of("abc")));
        assert_ne!(TokenHash::of("abc"), TokenHash::of("abd"));
    }

    #[test]
    fn other_texts_are_not_hashes() {
        let bad = ["", "sha256:", &ABC[7..], &ABC[..70], &ABC.replace("ba78", "xy78"), &ABC.replace("ba78", "+a78")];
        for text in bad.into_iter().chain([format!("{ABC}0").as_str(), "sha256:ü"]) {
            assert!(TokenHash::parse(text).is_none(), "{text}");
        }
    }
}
