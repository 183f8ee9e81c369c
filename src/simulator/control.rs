//! `/_simulator`: what only a simulator has.

use std::time::Duration;

use axum::{
    Json,
    extract::{
        Path, Query, State as Shared,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    faults::Fault,
    handle::{Handle, Keypress, KeypressError},
    numbers::NUMBERS,
    settings::Settings,
};

/// Every endpoint: its path, what it does, and its handlers.
pub(super) fn endpoints() -> Vec<(&'static str, &'static str, MethodRouter<Handle>)> {
    vec![
        ("/_simulator", "this list", get(index)),
        ("/_simulator/health", "whether the simulator is up", get(health)),
        ("/_simulator/messages", "GET ?phone=: what phones would have received, oldest first", get(messages)),
        ("/_simulator/messages/latest/code", "GET ?phone=: the newest code, as plain text", get(latest_code)),
        ("/_simulator/clock", "GET: the simulator's time", get(clock)),
        ("/_simulator/clock/advance", r#"POST {"seconds": 301}: moves the clock forward"#, post(advance)),
        ("/_simulator/reset", "POST: forgets everything", post(reset)),
        (
            "/_simulator/verifications/{id}/keypad",
            r#"POST {"key": "1"}: a key pressed in a keypad confirmation; also none, no_answer, voicemail"#,
            post(keypad),
        ),
        (
            "/_simulator/faults",
            "GET, POST, DELETE: what goes wrong with the next calls",
            get(faults).post(set_fault).delete(clear_faults),
        ),
        ("/_simulator/settings", "GET, PATCH: how open points are settled", get(settings).patch(change_settings)),
        ("/_simulator/numbers", "GET: phone numbers that go wrong on purpose", get(numbers)),
    ]
}

/// An answer in JSON as a person at a terminal reads it: indented, and with an end of line.
pub(super) struct Readable<T>(T);

impl<T: Serialize> IntoResponse for Readable<T> {
    fn into_response(self) -> Response {
        match serde_json::to_string_pretty(&self.0) {
            Ok(json) => ([(header::CONTENT_TYPE, "application/json")], json + "\n").into_response(),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }
}

/// A refusal. The control endpoints are our own, so their errors have a plain shape.
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Readable(json!({"error": self.1}))).into_response()
    }
}

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

impl From<PathRejection> for Refusal {
    fn from(rejection: PathRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

fn bad(error: String) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, error)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfPhone {
    phone: Option<String>,
}

impl OfPhone {
    /// The number. A plus sign that is not percent-encoded reads as a space in a query.
    fn number(self) -> Option<String> {
        self.phone.map(|phone| match phone.strip_prefix(' ') {
            Some(digits) => format!("+{digits}"),
            None => phone,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Press {
    key: String,
}

pub(super) async fn index() -> Readable<Value> {
    let endpoints: Map<_, _> =
        endpoints().into_iter().map(|(path, about, _)| (path.to_owned(), Value::from(about))).collect();
    Readable(json!({"name": "Telnyx Verify API simulator", "api": "/v2", "control": endpoints}))
}

async fn health() -> Readable<Value> {
    Readable(json!({"status": "ok"}))
}

async fn messages(
    Shared(simulator): Shared<Handle>,
    query: Result<Query<OfPhone>, QueryRejection>,
) -> Result<Response, Refusal> {
    let phone = query?.0.number();
    let messages = phone.map_or_else(|| simulator.messages(), |phone| simulator.messages_to(&phone));
    Ok(Readable(messages).into_response())
}

async fn latest_code(
    Shared(simulator): Shared<Handle>,
    query: Result<Query<OfPhone>, QueryRejection>,
) -> Result<String, Refusal> {
    let phone = query?.0.number();
    let code = simulator.state().outbox.latest_code(phone.as_deref()).map(|code| format!("{code}\n"));
    code.ok_or_else(|| Refusal(StatusCode::NOT_FOUND, "no code was sent".to_owned()))
}

async fn clock(Shared(simulator): Shared<Handle>) -> Readable<Value> {
    Readable(json!({"now": simulator.now()}))
}

async fn advance(
    Shared(simulator): Shared<Handle>,
    body: Result<Json<Advance>, JsonRejection>,
) -> Result<Readable<Value>, Refusal> {
    simulator.advance(Duration::from_secs(body?.0.seconds));
    Ok(clock(Shared(simulator)).await)
}

async fn reset(Shared(simulator): Shared<Handle>) -> StatusCode {
    simulator.reset();
    StatusCode::NO_CONTENT
}

async fn keypad(
    Shared(simulator): Shared<Handle>,
    id: Result<Path<String>, PathRejection>,
    body: Result<Json<Press>, JsonRejection>,
) -> Result<Readable<Value>, Refusal> {
    let key = body?.0.key;
    let mut letters = key.chars();
    let keypress = match (key.as_str(), letters.next(), letters.next()) {
        ("none", ..) => Keypress::None,
        ("no_answer", ..) => Keypress::NoAnswer,
        ("voicemail", ..) => Keypress::Voicemail,
        (_, Some(key @ ('0'..='9' | '*' | '#')), None) => Keypress::Key(key),
        _ => return Err(bad("key must be 0 to 9, *, #, none, no_answer or voicemail".to_owned())),
    };
    let status = simulator.press(&id?.0, keypress).map_err(|error| match error {
        KeypressError::NotFound => Refusal(StatusCode::NOT_FOUND, error.to_string()),
        KeypressError::NoCall => Refusal(StatusCode::CONFLICT, error.to_string()),
    })?;
    Ok(Readable(json!({"status": status})))
}

async fn faults(Shared(simulator): Shared<Handle>) -> Readable<Vec<Fault>> {
    Readable(simulator.faults())
}

async fn set_fault(
    Shared(simulator): Shared<Handle>,
    body: Result<Json<Fault>, JsonRejection>,
) -> Result<Readable<Vec<Fault>>, Refusal> {
    simulator.set_fault(body?.0).map_err(bad)?;
    Ok(Readable(simulator.faults()))
}

async fn clear_faults(Shared(simulator): Shared<Handle>) -> StatusCode {
    simulator.clear_faults();
    StatusCode::NO_CONTENT
}

async fn settings(Shared(simulator): Shared<Handle>) -> Readable<Settings> {
    Readable(simulator.settings())
}

async fn change_settings(
    Shared(simulator): Shared<Handle>,
    body: Result<Json<Map<String, Value>>, JsonRejection>,
) -> Result<Readable<Settings>, Refusal> {
    let changes = body?.0;
    simulator.change_settings(|settings| settings.patch(&changes)).map_err(bad)?;
    Ok(Readable(simulator.settings()))
}

async fn numbers() -> Readable<Map<String, Value>> {
    Readable(NUMBERS.iter().map(|number| (number.number.to_owned(), Value::from(number.effect))).collect())
}

/// The answer to a path that nothing is at.
pub(super) async fn nowhere() -> Response {
    let body = json!({"error": "nothing is here; the API is below /v2, and /_simulator lists the rest"});
    (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")], Readable(body)).into_response()
}
