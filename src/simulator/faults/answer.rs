//! The answer of a fault.

use std::io;

use axum::{
    Json,
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::fault::Fault;
use crate::{
    simulator::{connection::SocketHandle, error},
    telnyx::{ErrorBody, code},
};

impl Fault {
    /// Whether the fault answers in place of the operation.
    pub(in crate::simulator) fn answers(&self) -> bool {
        self.reset || self.status.is_some() || self.body.is_some() || self.truncate
    }

    /// The answer. `real` is that of the operation, if it took effect.
    pub(in crate::simulator) async fn answer(self, real: Option<Response>, socket: &SocketHandle) -> Response {
        if self.reset {
            socket.reset_at_close();
            // The server closes the connection when the body fails, before it has sent the head.
            return Body::from_stream(stream::once(async {
                Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset))
            }))
            .into_response();
        }
        let status = self.status.and_then(|status| StatusCode::from_u16(status).ok());
        let mut response = match (self.body, status, real) {
            (Some(body), status, _) => {
                let headers = [(header::CONTENT_TYPE, body.content_type)];
                (status.unwrap_or(StatusCode::OK), headers, body.text).into_response()
            }
            (None, Some(status), _) => {
                let code = self.code.unwrap_or_else(|| usual_code(status).to_owned());
                let detail = self.detail.as_deref().unwrap_or("A simulated fault.");
                let item = error::item(status, &code, detail, None);
                (status, Json(ErrorBody { errors: vec![item] })).into_response()
            }
            (None, None, Some(real)) => real,
            (None, None, None) => Json(serde_json::json!({"data": {}})).into_response(),
        };
        let headers =
            self.headers.iter().filter_map(|(name, value)| Some((name.try_into().ok()?, value.try_into().ok()?)));
        response.headers_mut().extend(headers.collect::<HeaderMap>());
        if self.truncate { truncated(response).await } else { response }
    }
}

/// The code for a status, unless the fault sets one.
fn usual_code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => code::AUTHENTICATION_FAILED,
        402 => code::NO_FUNDS,
        403 => error::AUTHORIZATION_FAILED,
        404 => code::NOT_FOUND,
        409 => code::BEING_PROCESSED,
        422 => code::UNPROCESSABLE,
        429 => code::TOO_MANY_REQUESTS,
        400..=499 => code::BAD_REQUEST,
        503 => code::UNAVAILABLE,
        504 => error::TIMEOUT,
        _ => code::UNEXPECTED,
    }
}

/// Announces the length of the whole body, and sends half of it.
async fn truncated(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len().max(2)));
    // The server flushes what it has only while the body is pending.
    let end = stream::once(async {
        tokio::task::yield_now().await;
        Err(io::ErrorKind::UnexpectedEof)
    });
    let half = stream::iter([Ok(whole.slice(..whole.len() / 2))]).chain(end);
    Response::from_parts(parts, Body::from_stream(half.map_err(io::Error::from)))
}
