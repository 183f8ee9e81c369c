//! The answers of the control endpoints.

use std::time::Duration;

use axum::{
    body::to_bytes,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::json;

/// The longest `wait`, in seconds.
const MAX_WAIT: u64 = 60;

/// JSON for people at a terminal: indented, and with a newline at the end.
pub(super) struct PrettyJson<T>(pub(super) T);

impl<T: Serialize> IntoResponse for PrettyJson<T> {
    fn into_response(self) -> Response {
        match serde_json::to_string_pretty(&self.0) {
            Ok(json) => ([(header::CONTENT_TYPE, "application/json")], json + "\n").into_response(),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }
}

/// An error of a control endpoint: a status and a text.
pub(super) type ControlError = (StatusCode, String);

pub(super) fn bad_request(error: impl Into<String>) -> ControlError {
    (StatusCode::BAD_REQUEST, error.into())
}

/// Reads `wait`.
pub(super) fn read_wait(wait: &str) -> Result<Duration, ControlError> {
    let seconds = wait.strip_suffix('s').unwrap_or(wait).parse().ok().filter(|seconds| *seconds <= MAX_WAIT);
    seconds.map(Duration::from_secs).ok_or_else(|| bad_request(format!("wait must be 0s to {MAX_WAIT}s")))
}

/// Turns the text of an error into `{"error": …}`, also the text of axum's own rejections.
pub(super) async fn json_errors(response: Response) -> Response {
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == "application/json");
    if is_json || !response.status().is_client_error() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::CONTENT_TYPE);
    let mut response = PrettyJson(json!({"error": String::from_utf8_lossy(&text)})).into_response();
    *response.status_mut() = parts.status;
    response.headers_mut().extend(parts.headers);
    response
}
