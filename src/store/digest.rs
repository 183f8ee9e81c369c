//! Keyed hashes that stand for phone numbers, codes and contents of operations.

use std::fmt;

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A keyed hash of 128 bits, which are enough to make a collision improbable. It is written as text in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest([u8; 16]);

/// The key of all digests of a store, so that nobody who sees a record finds its phone number by trying all numbers. Nobody who
/// chooses contents finds two with one digest.
pub(super) enum HashKey {
    /// Of this process alone, for BLAKE3, which costs less than HMAC-SHA-256.
    OfProcess([u8; blake3::KEY_LEN]),
    /// Of all gateways of a server, whatever their version, for HMAC-SHA-256.
    Shared(Box<hmac::Key>),
}

impl HashKey {
    pub(super) fn digest(&self, parts: &[&[u8]]) -> Digest {
        let mut bytes = Vec::with_capacity(256);
        for part in parts {
            // The length first, so that "a", "bc" and "ab", "c" differ.
            bytes.extend_from_slice(&part.len().to_be_bytes());
            bytes.extend_from_slice(part);
        }
        let first = |hash: &[u8]| Digest(std::array::from_fn(|at| hash[at]));
        match self {
            Self::OfProcess(key) => first(blake3::keyed_hash(key, &bytes).as_bytes()),
            Self::Shared(key) => first(hmac::sign(key, &bytes).as_ref()),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 22];
        let written = BASE64_URL_SAFE_NO_PAD.encode_slice(self.0, &mut text).map_err(|_| fmt::Error)?;
        f.write_str(str::from_utf8(&text[..written]).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_bytes(&self.0) }
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = if deserializer.is_human_readable() {
            &*BASE64_URL_SAFE_NO_PAD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)?
        } else {
            <&[u8]>::deserialize(deserializer)?
        };
        bytes.try_into().map(Self).map_err(|_| D::Error::custom("a digest has 16 bytes"))
    }
}
