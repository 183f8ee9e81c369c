//! Refusals, in Telnyx's error envelope.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::telnyx::{ErrorBody, ErrorItem, ErrorMeta, ErrorSource, code};

/// Codes of Telnyx's catalogue that only the simulator knows.
pub(super) const AUTHORIZATION_FAILED: &str = "10010";
pub(super) const ASSOCIATED_MISSING: &str = "10017";
pub(super) const IN_USE: &str = "10021";
pub(super) const STRING_LENGTH: &str = "10025";
pub(super) const JSON_EXPECTED: &str = "10029";
pub(super) const TIMEOUT: &str = "10008";

/// A refused request.
pub(super) struct Error {
    pub(super) status: StatusCode,
    pub(super) items: Vec<ErrorItem>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Error {
    /// A refusal for one reason.
    pub(super) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self { status, items: vec![item(status, code, detail.into(), None)], headers: Vec::new() }
    }

    /// A refusal of one field of the body.
    pub(super) fn field(status: StatusCode, code: &str, pointer: &str, detail: impl Into<String>) -> Self {
        let source = ErrorSource { pointer: Some(pointer.to_owned()), parameter: None };
        Self { status, items: vec![item(status, code, detail.into(), Some(source))], headers: Vec::new() }
    }

    /// A refusal of a query parameter.
    pub(super) fn parameter(code: &str, name: &str, detail: impl Into<String>) -> Self {
        let status = StatusCode::BAD_REQUEST;
        let source = ErrorSource { pointer: None, parameter: Some(name.to_owned()) };
        Self { status, items: vec![item(status, code, detail.into(), Some(source))], headers: Vec::new() }
    }

    /// There is no such thing.
    pub(super) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code::NOT_FOUND, format!("There is no such {what}."))
    }

    /// Adds a header.
    pub(super) fn header(mut self, name: &'static str, value: impl Into<HeaderValue>) -> Self {
        self.headers.push((HeaderName::from_static(name), value.into()));
        self
    }
}

/// One entry of the envelope. Answers with 429 name neither a source nor a page, as in the guides.
pub(super) fn item(status: StatusCode, code: &str, detail: String, source: Option<ErrorSource>) -> ErrorItem {
    let told = status != StatusCode::TOO_MANY_REQUESTS;
    ErrorItem {
        code: Some(code.to_owned()),
        title: Some(title(code).to_owned()),
        detail: Some(detail),
        source: source.filter(|_| told),
        meta: told
            .then(|| ErrorMeta { url: Some(format!("https://developers.telnyx.com/docs/overview/errors/{code}")) }),
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(ErrorBody { errors: self.items })).into_response();
        response.headers_mut().extend(self.headers);
        response
    }
}

/// The short text of a code.
fn title(code: &str) -> &'static str {
    match code {
        code::INVALID_NUMBER => "Invalid phone number",
        code::INVALID_URL => "Invalid URL",
        code::MISSING_PARAMETER => "Missing required parameter",
        code::NOT_FOUND => "Resource not found",
        code::UNEXPECTED => "Unexpected error",
        TIMEOUT => "Timeout",
        code::AUTHENTICATION_FAILED => "Authentication failed",
        AUTHORIZATION_FAILED => "Authorization failed",
        code::TOO_MANY_REQUESTS => "Too many requests",
        code::BAD_REQUEST => "Bad Request",
        code::NOT_E164 => "Phone number must be in +E.164 format",
        ASSOCIATED_MISSING => "Associated resource missing",
        IN_USE => "Resource in use",
        code::INVALID_JSON => "Invalid JSON",
        STRING_LENGTH => "Invalid string length",
        code::PARAMETER_TYPE => "Invalid parameter type",
        code::UNPROCESSABLE => "Unprocessable Entity",
        JSON_EXPECTED => "JSON expected",
        code::METHOD_NOT_ALLOWED => "Method not allowed",
        code::NOT_IN_ENUM => "Value outside of enum",
        code::OUT_OF_RANGE => "Value outside of range",
        code::BEING_PROCESSED => "Request is being processed",
        code::UNAVAILABLE => "Service unavailable",
        code::LEVEL_NOT_PERMITTED => "Feature not permitted",
        code::LEVEL_LIMITED => "Feature limited",
        code::NO_FUNDS => "Insufficient funds",
        code::NOT_ROUTABLE => "Not routable",
        code::TRAFFIC_BLOCKED => "Traffic blocked",
        code::REGION_NOT_ALLOWED => "Invalid destination region",
        code::WHITELIST_MISSING => "Whitelist missing",
        code::SPEND_LIMIT => "Spend limit reached",
        _ => "Error",
    }
}
