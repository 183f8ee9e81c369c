//! Answers that go wrong on purpose.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    io,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    Json,
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::{Deserialize, Serialize};
use tokio_stream::Stream;

use super::{connection::Switch, error, key::Key, numbers};
use crate::telnyx::{ErrorBody, code};

/// What happens to the next calls that match. At least one of the effects must be given.
#[derive(Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    /// How many calls it happens to.
    pub times: u32,
    /// Which method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// With what the path below `/v2` must begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Which phone number, in the body or in the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Which API key. It is not shown again.
    #[serde(skip_serializing)]
    pub key: Option<Key>,
    /// Whether the operation acts.
    pub act: Act,
    /// Effect: waits for so many milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Effect: resets the connection, with no answer.
    pub reset: bool,
    /// Effect: answers with this status; with an error envelope unless `body` is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The envelope's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The envelope's detail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Headers of the answer.
    pub headers: BTreeMap<String, String>,
    /// Effect: answers with this body, and with 200 unless `status` is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<FaultBody>,
    /// Effect: announces a longer body than it sends, then closes the connection.
    pub truncate: bool,
}

/// Whether the operation acts when a fault happens to it.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// The fault comes first: where it answers, nothing has happened.
    #[default]
    Before,
    /// The operation acts, and only its answer goes wrong.
    After,
}

/// A body of any kind.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FaultBody {
    /// The content type.
    pub content_type: String,
    /// The text.
    pub text: String,
}

/// A request, as far as faults look at it.
pub(super) struct Call<'a> {
    pub(super) method: &'a Method,
    /// Below `/v2`.
    pub(super) path: &'a str,
    pub(super) phone: Option<&'a str>,
    pub(super) key: Option<Key>,
}

impl Default for Fault {
    fn default() -> Self {
        Self {
            times: 1,
            method: None,
            path: None,
            phone: None,
            key: None,
            act: Act::default(),
            delay_ms: None,
            reset: false,
            status: None,
            code: None,
            detail: None,
            headers: BTreeMap::new(),
            body: None,
            truncate: false,
        }
    }
}

impl Fault {
    /// Says what is wrong with a fault, for a person to read.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let effect =
            self.delay_ms.is_some() || self.reset || self.status.is_some() || self.body.is_some() || self.truncate;
        let rules = [
            (self.times > 0, "times must be above 0"),
            (effect, "one of delay_ms, reset, status, body and truncate is needed"),
            (self.status.is_none_or(|status| (200..=599).contains(&status)), "status must be 200 to 599"),
            (self.method.as_ref().is_none_or(|method| Method::from_bytes(method.as_bytes()).is_ok()), "bad method"),
            (self.path.as_ref().is_none_or(|path| path.starts_with('/')), "path must begin with /"),
            (
                self.headers.iter().all(|(name, value)| {
                    HeaderName::try_from(name)
                        .is_ok_and(|name| name != header::CONTENT_LENGTH && name != header::TRANSFER_ENCODING)
                        && HeaderValue::try_from(value).is_ok()
                }),
                "headers must be header names and values, and none that frames the body",
            ),
            (
                self.body.as_ref().is_none_or(|body| HeaderValue::try_from(&body.content_type).is_ok()),
                "content_type must be a header value",
            ),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, rule)| Err(rule))
    }

    fn matches(&self, call: &Call<'_>) -> bool {
        self.method.as_ref().is_none_or(|method| call.method.as_str().eq_ignore_ascii_case(method))
            && self.path.as_ref().is_none_or(|path| call.path.starts_with(path))
            && self.phone.as_ref().is_none_or(|phone| call.phone == Some(phone))
            && self.key.is_none_or(|key| call.key == Some(key))
    }

    /// Whether the fault takes the place of the operation's answer.
    pub(super) fn answers(&self) -> bool {
        self.reset || self.status.is_some() || self.body.is_some() || self.truncate
    }

    /// The answer, given the operation's own where it acted.
    pub(super) async fn answer(self, real: Option<Response>, connection: &Switch) -> Response {
        if self.reset {
            connection.reset();
        }
        let status = self.status.and_then(|status| StatusCode::from_u16(status).ok());
        let mut response = match (self.body, status, real) {
            (Some(body), status, _) => {
                let headers = [(header::CONTENT_TYPE, body.content_type)];
                (status.unwrap_or(StatusCode::OK), headers, body.text).into_response()
            }
            (None, Some(status), _) => {
                let code = self.code.unwrap_or_else(|| usual_code(status).to_owned());
                let detail = self.detail.unwrap_or_else(|| "A simulated fault.".to_owned());
                let item = error::item(status, &code, detail, None);
                (status, Json(ErrorBody { errors: vec![item] })).into_response()
            }
            (None, None, Some(real)) => real,
            (None, None, None) => Json(serde_json::json!({"data": {}})).into_response(),
        };
        let headers: HeaderMap = self
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.try_into().ok()?, value.try_into().ok()?)))
            .collect();
        response.headers_mut().extend(headers);
        if self.truncate { truncated(response).await } else { response }
    }
}

/// The code that goes with a status, where a fault names none.
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

/// Announces the whole body, and sends half of it.
async fn truncated(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len().max(2)));
    Response::from_parts(parts, Body::from_stream(Half { half: Some(whole.slice(..whole.len() / 2)), flushed: false }))
}

/// A body that breaks off.
struct Half {
    half: Option<Bytes>,
    flushed: bool,
}

impl Stream for Half {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(half)));
        }
        // The server writes out what it has only when there is nothing more to read at the moment.
        if !self.flushed {
            self.flushed = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())))
    }
}

/// The faults to come, in the order in which they were set.
#[derive(Default)]
pub(super) struct Faults {
    queue: VecDeque<Fault>,
    /// Magic numbers that go wrong once, and have.
    spent: HashSet<(Key, &'static str)>,
}

impl Faults {
    pub(super) fn push(&mut self, fault: Fault) {
        self.queue.push_back(fault);
    }

    pub(super) fn clear(&mut self) {
        self.queue.clear();
    }

    pub(super) fn list(&self) -> Vec<Fault> {
        self.queue.iter().cloned().collect()
    }

    /// The fault that happens to `call`; it counts as having happened.
    pub(super) fn take(&mut self, call: &Call<'_>) -> Option<Fault> {
        if let Some(at) = self.queue.iter().position(|fault| fault.matches(call)) {
            let fault = self.queue.get_mut(at)?;
            fault.times -= 1;
            return if fault.times == 0 { self.queue.remove(at) } else { Some(fault.clone()) };
        }
        let number = numbers::find(call.phone.filter(|_| sends(call))?)?;
        let happens = !number.once || self.spent.insert((call.key?, number.number));
        number.fault.filter(|_| happens).map(|fault| fault())
    }
}

/// Whether a call starts a verification.
fn sends(call: &Call<'_>) -> bool {
    let channel = call.path.strip_prefix("/verifications/");
    call.method == Method::POST && channel.is_some_and(|channel| !channel.contains('/'))
}
