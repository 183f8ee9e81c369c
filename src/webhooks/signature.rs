//! The signature of a webhook: Ed25519 over the time, `|` and the body.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};

use crate::domain::WebhookKey;

const SIGNATURE: &str = "telnyx-signature-ed25519";
const TIMESTAMP: &str = "telnyx-timestamp";

/// What a webhook presents: when it was signed, and the signature.
#[derive(Debug)]
pub(super) struct SignedHeaders<'h> {
    /// As the header spells it, because the signature covers that.
    text: &'h str,
    signed_at: Timestamp,
    signature: [u8; 64],
}

impl<'h> SignedHeaders<'h> {
    /// Reads the two headers. Each must be there once, and there is one spelling of each value: otherwise one event would
    /// have many.
    pub(super) fn read(headers: &'h HeaderMap) -> Option<Self> {
        let one = |name| {
            let mut values = headers.get_all(name).iter();
            let value = values.next()?.to_str().ok()?;
            values.next().is_none().then_some(value)
        };
        let text = one(TIMESTAMP)?;
        if !(1..=12).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let signed_at = Timestamp::from_second(text.parse().ok()?).ok()?;
        let signature = BASE64_STANDARD.decode(one(SIGNATURE)?).ok()?.try_into().ok()?;
        Some(Self { text, signed_at, signature })
    }

    /// Whether the holder of one of `keys` signed `body`.
    pub(super) fn is_of(&self, keys: &[WebhookKey], body: &[u8]) -> bool {
        let message = [self.text.as_bytes(), b"|", body].concat();
        keys.iter().any(|key| key.has_signed(&message, &self.signature))
    }

    /// How far the time of the signature is from `now`, by whole seconds.
    pub(super) fn skew(&self, now: Timestamp) -> Duration {
        SignedDuration::from_secs(now.as_second() - self.signed_at.as_second()).unsigned_abs()
    }
}
