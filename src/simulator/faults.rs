//! Errors on demand: which fault happens to a request, and how it answers.

mod fault;
mod magic_numbers;

use std::{
    collections::{HashSet, VecDeque},
    io,
    num::NonZeroU32,
};

use axum::{
    Json,
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

pub(super) use self::{fault::RequestSummary, magic_numbers::UNDELIVERED};
pub use self::{
    fault::{Act, Fault, FaultBody},
    magic_numbers::{MAGIC_NUMBERS, MagicNumber},
};
use super::{account::AccountKey, connection::SocketHandle, error};
use crate::telnyx::{ErrorBody, code};

/// The faults that are set, oldest first.
#[derive(Default)]
pub(super) struct FaultQueue {
    queue: VecDeque<Fault>,
    /// The accounts in which a magic number with `once` has failed.
    spent: HashSet<(AccountKey, &'static str)>,
}

impl FaultQueue {
    /// Adds a fault, which happens once unless it says otherwise.
    pub(super) fn push(&mut self, mut fault: Fault) {
        fault.times.get_or_insert(NonZeroU32::MIN);
        self.queue.push_back(fault);
    }

    /// Removes the faults of an account, or all.
    pub(super) fn clear(&mut self, key: Option<AccountKey>) {
        self.queue.retain(|fault| key.is_some() && fault.key != key);
    }

    /// Removes the faults of an account, and lets its magic numbers with `once` fail again.
    pub(super) fn remove_account(&mut self, key: AccountKey) {
        self.clear(Some(key));
        self.spent.retain(|(of, _)| *of != key);
    }

    /// The faults of an account, or all.
    pub(super) fn list(&self, key: Option<AccountKey>) -> Vec<Fault> {
        self.queue.iter().filter(|fault| key.is_none() || fault.key == key).cloned().collect()
    }

    /// The fault that happens to `request`. It uses up one of its times.
    pub(super) fn take(&mut self, request: &RequestSummary<'_>) -> Option<Fault> {
        if let Some(at) = self.queue.iter().position(|fault| fault.matches(request)) {
            let fault = self.queue.get_mut(at)?;
            fault.times = fault.times.and_then(|times| NonZeroU32::new(times.get() - 1));
            return if fault.times.is_none() { self.queue.remove(at) } else { Some(fault.clone()) };
        }
        let number = MagicNumber::find(request.phone.filter(|_| sends(request))?)?;
        let happens = !number.once || self.spent.insert((request.key?, number.number));
        number.fault().filter(|_| happens)
    }
}

/// Whether a request starts a verification.
fn sends(request: &RequestSummary<'_>) -> bool {
    let channel = request.path.strip_prefix("/verifications/");
    request.method == Method::POST && channel.is_some_and(|channel| !channel.contains('/'))
}

impl Fault {
    /// Whether the fault answers in place of the operation.
    pub(super) fn answers(&self) -> bool {
        self.reset || self.status.is_some() || self.body.is_some() || self.truncate
    }

    /// The answer. `real` is that of the operation, if it took effect.
    pub(super) async fn answer(self, real: Option<Response>, socket: &SocketHandle) -> Response {
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
