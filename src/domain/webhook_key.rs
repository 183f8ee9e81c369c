//! The keys that sign webhooks.

use std::fmt;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::{Engine, prelude::BASE64_STANDARD};

/// The points of small order on the curve, as their encodings without the sign. A key among them accepts signatures that
/// nobody made.
const SMALL_ORDER: [[u8; 32]; 7] = [
    edge(0, 0, 0),
    edge(1, 0, 0),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    edge(0xec, 0xff, 0x7f),
    edge(0xed, 0xff, 0x7f),
    edge(0xee, 0xff, 0x7f),
];

const fn edge(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    (bytes[0], bytes[31]) = (first, last);
    bytes
}

/// A public key of a Telnyx account, by which its webhooks are verified (Ed25519, RFC 8032).
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookKey([u8; 32]);

impl WebhookKey {
    /// Reads the base64 of a key. `None` if its point has a small order or another spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 32] = BASE64_STANDARD.decode(text).ok()?.try_into().ok()?;
        // 2^255 - 19 and above are second spellings of the smallest numbers.
        let is_second = bytes[31] | 0x80 == 0xff && bytes[1..31].iter().all(|byte| *byte == 0xff) && bytes[0] >= 0xed;
        (!is_second && !has_small_order(&bytes)).then_some(Self(bytes))
    }

    /// Whether the holder of the key signed `message`. A message has one valid signature
    /// only: its number is below the order of the group, and its point has no small order.
    #[must_use]
    pub fn has_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let is_small = signature.first_chunk().is_some_and(has_small_order);
        !is_small && UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).is_ok()
    }
}

impl fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_STANDARD.encode(self.0))
    }
}

fn has_small_order(point: &[u8; 32]) -> bool {
    let mut point = *point;
    point[31] &= 0x7f;
    SMALL_ORDER.contains(&point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_32_bytes_in_canonical_base64_and_has_no_small_order() {
        // The first key of RFC 8032 §7.1.
        let good = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
        assert!(WebhookKey::parse(good).is_some());
        for bad in [
            &good[..43],
            "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
            "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURp=",
            "",
        ] {
            assert!(WebhookKey::parse(bad).is_none(), "{bad}");
        }
        for point in SMALL_ORDER {
            for sign in [0, 0x80] {
                let mut point = point;
                point[31] |= sign;
                assert!(WebhookKey::parse(&BASE64_STANDARD.encode(point)).is_none(), "{point:x?}");
            }
        }
        // The largest canonical one, and the smallest that is not.
        assert!(WebhookKey::parse(&BASE64_STANDARD.encode(edge(0xeb, 0xff, 0x7f))).is_some());
        assert!(WebhookKey::parse(&BASE64_STANDARD.encode(edge(0xf0, 0xff, 0x7f))).is_none());
    }
}
