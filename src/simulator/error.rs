//! Error answers in Telnyx's envelope.

use std::fmt;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode};

use super::settings::Settings;
use crate::telnyx::{ErrorBody, ErrorItem, ErrorMeta, ErrorSource, code};

/// Codes of Telnyx's catalogue that only the simulator uses.
pub(super) const TIMEOUT: &str = "10008";
pub(super) const AUTHORIZATION_FAILED: &str = "10010";
pub(super) const ASSOCIATED_MISSING: &str = "10017";
pub(super) const IN_USE: &str = "10021";
pub(super) const STRING_LENGTH: &str = "10025";
pub(super) const JSON_EXPECTED: &str = "10029";

/// An error answer of the API.
pub(super) struct ApiError {
    status: StatusCode,
    items: Vec<ErrorItem>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl ApiError {
    /// An error without a source.
    pub(super) fn new(status: StatusCode, code: &str, detail: &str) -> Self {
        Self::of(status, vec![item(status, code, detail, None)])
    }

    fn of(status: StatusCode, items: Vec<ErrorItem>) -> Self {
        Self { status, items, headers: Vec::new() }
    }

    /// An error in a field of the body.
    pub(super) fn field(status: StatusCode, code: &str, pointer: &str, detail: &str) -> Self {
        let source = ErrorSource { pointer: Some(pointer.to_owned()), parameter: None };
        Self::of(status, vec![item(status, code, detail, Some(source))])
    }

    /// An error in a query parameter.
    pub(super) fn parameter(settings: &Settings, name: &str, detail: &str) -> Self {
        let (status, code) = (StatusCode::BAD_REQUEST, settings.bad_request_code.to_string());
        let source = ErrorSource { pointer: None, parameter: Some(name.to_owned()) };
        Self::of(status, vec![item(status, &code, detail, Some(source))])
    }

    /// 400 with the code of the setting `bad_request_code`.
    pub(super) fn bad_request(settings: &Settings, detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, &settings.bad_request_code.to_string(), detail)
    }

    /// 404 for a `resource`, such as a profile.
    pub(super) fn not_found(resource: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code::NOT_FOUND, &format!("The {resource} does not exist."))
    }

    /// 405.
    pub(super) fn method_not_allowed() -> Self {
        let detail = "The path does not have this method.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, code::METHOD_NOT_ALLOWED, detail)
    }

    /// The answer to a missing or refused API key.
    pub(super) fn unauthorized(settings: &Settings) -> Self {
        let status = StatusCode::from_u16(settings.unauthorized_status).unwrap_or(StatusCode::UNAUTHORIZED);
        Self::new(status, code::AUTHENTICATION_FAILED, "The API key is missing or invalid.")
    }

    /// 422 for several fields.
    pub(super) fn unprocessable(items: Vec<ErrorItem>) -> Self {
        Self::of(StatusCode::UNPROCESSABLE_ENTITY, items)
    }

    /// Adds a header.
    pub(super) fn header(mut self, name: &'static str, value: impl Into<HeaderValue>) -> Self {
        self.headers.push((HeaderName::from_static(name), value.into()));
        self
    }
}

/// An entry of the envelope. A 429 has neither `source` nor `meta`, as in Telnyx's guides.
pub(super) fn item(status: StatusCode, code: &str, detail: &str, source: Option<ErrorSource>) -> ErrorItem {
    let is_limit = status == StatusCode::TOO_MANY_REQUESTS;
    let url = format!("https://developers.telnyx.com/docs/overview/errors/{code}");
    ErrorItem {
        code: Some(code.to_owned()),
        title: Some(title(code).to_owned()),
        detail: Some(detail.to_owned()),
        source: source.filter(|_| !is_limit),
        meta: (!is_limit).then_some(ErrorMeta { url: Some(url) }),
    }
}

/// The first error, as `/sms/code_length: It must be 4 to 10.`
impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(item) = self.items.first() else { return Ok(()) };
        let pointer = item.source.as_ref().and_then(|source| source.pointer.as_deref()).unwrap_or_default();
        write!(f, "{pointer}: {}", item.detail.as_deref().unwrap_or_default())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(ErrorBody { errors: self.items })).into_response();
        response.headers_mut().extend(self.headers);
        response
    }
}

/// The title of a code.
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
