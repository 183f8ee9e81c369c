//! The error envelope, and the codes that the gateway reads or the simulator writes.

use serde::{Deserialize, Serialize};

use super::lenient;

/// `{"errors": [...]}`, the body of every refusal by Telnyx. A proxy before Telnyx may send something else.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct ErrorBody {
    /// The errors.
    #[serde(default, deserialize_with = "lenient::objects")]
    pub errors: Vec<ErrorItem>,
}

impl ErrorBody {
    /// Reads the errors in `body`; none where it is something else.
    #[must_use]
    pub fn read(body: &[u8]) -> Self {
        lenient::read_object(&lenient::body_text(body)).unwrap_or_default()
    }
}

/// One error.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct ErrorItem {
    /// A number, usually written as a string; see [`code`].
    #[serde(default, deserialize_with = "lenient::text")]
    pub code: Option<String>,
    /// A short text.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// A longer text.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The part of the request that the error is about.
    #[serde(default, deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub source: Option<ErrorSource>,
    /// Further information.
    #[serde(default, deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub meta: Option<ErrorMeta>,
}

/// The part of the request that an error is about.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct ErrorSource {
    /// A JSON pointer (RFC 6901) into the body.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The name of a query parameter.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
}

/// Further information about an error.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct ErrorMeta {
    /// A page of Telnyx's documentation.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Telnyx's error codes, from its published catalogue. The HTTP status decides first: a code comes with several.
pub mod code {
    /// Not a phone number.
    pub const INVALID_NUMBER: &str = "10002";
    /// Not a URL.
    pub const INVALID_URL: &str = "10003";
    /// A required parameter is missing.
    pub const MISSING_PARAMETER: &str = "10004";
    /// No such resource.
    pub const NOT_FOUND: &str = "10005";
    /// Something unexpected happened.
    pub const UNEXPECTED: &str = "10007";
    /// The key is missing, malformed or revoked.
    pub const AUTHENTICATION_FAILED: &str = "10009";
    /// Too many requests.
    pub const TOO_MANY_REQUESTS: &str = "10011";
    /// Bad request.
    pub const BAD_REQUEST: &str = "10015";
    /// Not a number in E.164 with its plus sign.
    pub const NOT_E164: &str = "10016";
    /// Not JSON.
    pub const INVALID_JSON: &str = "10023";
    /// A parameter has the wrong type.
    pub const PARAMETER_TYPE: &str = "10026";
    /// A well-formed request that Telnyx can't carry out.
    pub const UNPROCESSABLE: &str = "10027";
    /// The method is not allowed.
    pub const METHOD_NOT_ALLOWED: &str = "10030";
    /// Not one of the allowed values.
    pub const NOT_IN_ENUM: &str = "10032";
    /// Outside the allowed range.
    pub const OUT_OF_RANGE: &str = "10033";
    /// Another request is being processed.
    pub const BEING_PROCESSED: &str = "10036";
    /// Temporarily unavailable.
    pub const UNAVAILABLE: &str = "10037";
    /// The secret of the key is wrong.
    pub const BAD_KEY_SECRET: &str = "20001";
    /// The key is revoked.
    pub const KEY_REVOKED: &str = "20002";
    /// The key is forbidden here.
    pub const KEY_FORBIDDEN: &str = "20003";
    /// The token has expired.
    pub const TOKEN_EXPIRED: &str = "20006";
    /// Not a key.
    pub const INVALID_KEY: &str = "20008";
    /// Not permitted at this verification level of the account.
    pub const LEVEL_NOT_PERMITTED: &str = "10038";
    /// Limited at this verification level of the account.
    pub const LEVEL_LIMITED: &str = "10039";
    /// The account is inactive.
    pub const ACCOUNT_INACTIVE: &str = "20012";
    /// The account is blocked.
    pub const ACCOUNT_BLOCKED: &str = "20013";
    /// The account is not verified.
    pub const ACCOUNT_UNVERIFIED: &str = "20014";
    /// The feature is off.
    pub const FEATURE_OFF: &str = "20015";
    /// Verification level 1 is needed.
    pub const LEVEL_1_NEEDED: &str = "20016";
    /// Verification level 2 is needed.
    pub const LEVEL_2_NEEDED: &str = "20017";
    /// The account has no funds.
    pub const NO_FUNDS: &str = "20100";
    /// A landline, or not routable.
    pub const NOT_ROUTABLE: &str = "40001";
    /// Not a destination.
    pub const BAD_DESTINATION: &str = "40012";
    /// One-time codes are blocked for 24 h as artificially inflated traffic.
    pub const TRAFFIC_BLOCKED: &str = "40020";
    /// The country is not among the profile's destinations.
    pub const REGION_NOT_ALLOWED: &str = "40309";
    /// The profile has no list of destinations, and needs one.
    pub const WHITELIST_MISSING: &str = "40331";
    /// The daily spend limit is reached.
    pub const SPEND_LIMIT: &str = "40333";
}
