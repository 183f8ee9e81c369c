//! API keys, as far as they tell accounts apart.

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Deserializer};

/// The SHA-256 of an API key. The key itself is kept nowhere: someone may well use a real one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// The digest of `key`.
    #[must_use]
    pub fn of(key: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, key.as_bytes()).as_ref());
        Self(bytes)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|key| Self::of(&key))
    }
}
