//! A fault: which requests it matches, and what it does to them.

use std::{collections::BTreeMap, num::NonZeroU32};

use http::{HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};

use crate::simulator::{
    account::AccountKey,
    delay::{self, Delay},
    settings::is_framing,
};

/// An error that happens to the next requests that match. It needs at least one effect.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    /// Names the fault. A fault with the same ID is replaced. The default is made up.
    pub id: Option<String>,
    /// How many requests it still happens to. The default is 1.
    pub times: Option<NonZeroU32>,
    /// Whether it happens until it is removed. `times` has no meaning then.
    #[serde(skip_serializing_if = "is_false")]
    pub unlimited: bool,
    /// The share of the matching requests that it happens to, from 0 to 1. The default is 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Matches the method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Matches the beginning of the path, with or without `/v2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Matches the phone number in the body or in the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Matches the API key. It is write-only.
    #[serde(skip_serializing)]
    pub key: Option<AccountKey>,
    /// Whether the operation takes effect.
    pub act: Act,
    /// Effect: a delay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<Delay>,
    /// Effect: resets the connection without an answer.
    #[serde(skip_serializing_if = "is_false")]
    pub reset: bool,
    /// Effect: answers with this status, and with an error envelope unless `body` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The code in the envelope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The detail in the envelope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Effect: headers of the answer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Effect: answers with this body, and with 200 unless `status` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<FaultBody>,
    /// Effect: sends half of the body, then closes the connection.
    #[serde(skip_serializing_if = "is_false")]
    pub truncate: bool,
}

/// Whether the operation takes effect when a fault happens to it.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// A fault that answers does so before the operation, which has no effect.
    #[default]
    Before,
    /// The operation takes effect. The fault changes its answer.
    After,
}

/// A response body of any type.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FaultBody {
    /// The content type.
    pub content_type: String,
    /// The text.
    pub text: String,
}

/// The properties of a request that faults match.
pub(in crate::simulator) struct RequestSummary<'a> {
    pub(in crate::simulator) method: &'a Method,
    /// The path below `/v2`.
    pub(in crate::simulator) path: &'a str,
    pub(in crate::simulator) phone: Option<&'a str>,
    pub(in crate::simulator) key: Option<AccountKey>,
}

/// Whether a path begins with `prefix`. Both may have the version `/v2` or not.
pub(in crate::simulator) fn is_below(path: &str, prefix: &str) -> bool {
    let below = |path| match str::strip_prefix(path, "/v2") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        _ => path,
    };
    below(path).starts_with(below(prefix))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Fault {
    /// # Errors
    /// The rule that the fault breaks.
    pub(in crate::simulator) fn check(&self) -> Result<(), &'static str> {
        let effect = self.answers() || self.delay_ms.is_some() || !self.headers.is_empty();
        let rules = [
            (effect, "a fault needs at least one of delay_ms, reset, status, headers, body and truncate"),
            (self.id.as_ref().is_none_or(|id| !id.is_empty()), "id must not be empty"),
            (self.probability.is_none_or(|share| 0.0 < share && share <= 1.0), "probability must be above 0, up to 1"),
            (self.delay_ms.is_none_or(Delay::is_valid), delay::BOUNDS),
            (self.status.is_none_or(|status| (200..=599).contains(&status)), "status must be 200 to 599"),
            (
                self.method.as_ref().is_none_or(|method| Method::from_bytes(method.as_bytes()).is_ok()),
                "method must be an HTTP method",
            ),
            (self.path.as_ref().is_none_or(|path| path.starts_with('/')), "path must begin with /"),
            (
                self.headers.iter().all(|(name, value)| {
                    HeaderName::try_from(name).is_ok_and(|name| !is_framing(&name))
                        && HeaderValue::try_from(value).is_ok()
                }),
                "headers must be header names and values, but none that frames the body",
            ),
            (
                self.body.as_ref().is_none_or(|body| HeaderValue::try_from(&body.content_type).is_ok()),
                "content_type must be a header value",
            ),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, rule)| Err(rule))
    }

    pub(super) fn matches(&self, request: &RequestSummary<'_>) -> bool {
        self.method.as_ref().is_none_or(|method| request.method.as_str().eq_ignore_ascii_case(method))
            && self.path.as_ref().is_none_or(|path| is_below(request.path, path))
            && self.phone.as_ref().is_none_or(|phone| request.phone == Some(phone))
            && self.key.is_none_or(|key| request.key == Some(key))
    }
}
