//! `/_simulator`: the endpoints that control the simulator.

use std::time::Duration;

use axum::{
    Json,
    extract::{DefaultBodyLimit, Path, Query, State},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    answer::{ControlError, PrettyJson, bad_request, read_wait},
    deliveries, page,
};
use crate::simulator::{
    account::AccountKey,
    check::{Keypress, KeypressError},
    clock::ClockChange,
    faults::{Fault, MAGIC_NUMBERS, StoredFault},
    handle::Handle,
    outbox::{Message, MessageFilter},
    request_log::RequestFilter,
    settings::Settings,
    state::SimulatorState,
};

/// An endpoint: its path, its description, and its handlers.
type ControlEndpoint = (&'static str, &'static str, MethodRouter<Handle>);

/// Every endpoint.
pub(super) fn endpoints() -> Vec<ControlEndpoint> {
    [changes(), logs()].concat()
}

/// The endpoints that show what has happened.
fn logs() -> Vec<ControlEndpoint> {
    vec![
        (
            "/_simulator/messages",
            "GET ?phone= &key= &channel= &verification_id= &since= &wait=10s: the messages, oldest first",
            get(messages),
        ),
        (
            "/_simulator/messages/latest/code",
            "GET, with the same query: the newest code, as plain text",
            get(latest_code),
        ),
        (
            "/_simulator/requests",
            "GET ?method= &path= &phone= &key= &status= &fault= &body= &since= &limit= &count= &at_least= &at_most= \
             &wait=10s: the requests of the API, oldest first, or 409 if there must be more or fewer; DELETE ?key=",
            get(requests).delete(clear_requests),
        ),
        (
            "/_simulator/webhooks",
            "GET ?key= &verification_id= &event_type= &status= &attempts= &limit= &wait=10s: the webhooks with their attempts, \
             oldest first",
            get(deliveries::all),
        ),
        ("/_simulator/keys", "GET ?key=: the public keys that verify webhooks, by account", get(deliveries::keys)),
        ("/_simulator/inbox", "GET: the newest verifications with their messages and states", get(page::inbox)),
        ("/_simulator/events", "GET: server-sent events, one when the state may have changed", get(page::events)),
    ]
}

/// The endpoints of the state, the clock, the faults and the settings.
fn changes() -> Vec<ControlEndpoint> {
    vec![
        ("/_simulator", "GET: this list", get(index)),
        ("/_simulator/health", "GET: 200 while the simulator runs", get(health)),
        (
            "/_simulator/clock",
            r#"GET, PATCH {"now": "2026-01-01T00:00:00Z", "frozen": true} ?key=: the clock"#,
            get(clock).patch(change_clock),
        ),
        ("/_simulator/clock/advance", r#"POST {"seconds": 301} ?key=: moves the clock forward"#, post(advance)),
        (
            "/_simulator/state",
            "GET, PUT: the accounts with all that they have, as --state saves them",
            get(save).put(load).layer(DefaultBodyLimit::disable()),
        ),
        ("/_simulator/reset", "POST ?key=: removes all state", post(reset)),
        (
            "/_simulator/verifications/{id}/keypad",
            r#"POST {"key": "1"}: presses a key in a keypad confirmation; also none, no_answer, voicemail"#,
            post(keypad),
        ),
        (
            "/_simulator/faults",
            "GET ?key=, POST, DELETE ?key=: the faults that happen to the next requests",
            get(faults).post(set_fault).delete(clear_faults),
        ),
        (
            "/_simulator/faults/{id}",
            "GET, DELETE: one fault, also one that is used up",
            get(fault).delete(remove_fault),
        ),
        ("/_simulator/settings", "GET, PATCH: the settings", get(settings).patch(change_settings)),
        (
            "/_simulator/numbers",
            "GET: the magic numbers; POST: a phone number that no other caller gets",
            get(numbers).post(new_number),
        ),
    ]
}

/// A plus sign that is not percent-encoded reads as a space.
fn fix_plus(phone: &mut Option<String>) {
    if let Some(digits) = phone.as_ref().and_then(|phone| phone.strip_prefix(' ')) {
        *phone = Some(format!("+{digits}"));
    }
}

async fn find(simulator: &Handle, mut filter: MessageFilter) -> Result<Vec<Message>, ControlError> {
    fix_plus(&mut filter.phone);
    if let Some(wait) = &filter.wait {
        let found = |state: &SimulatorState| state.outbox.messages(&filter).next().is_some();
        simulator.wait_until(read_wait(wait)?, found).await;
    }
    Ok(simulator.find_messages(&filter))
}

/// The requests that match, or 409 if there must be more or fewer.
async fn requests(
    State(simulator): State<Handle>,
    Query(mut filter): Query<RequestFilter>,
) -> Result<Response, ControlError> {
    fix_plus(&mut filter.phone);
    if let Some(wait) = &filter.wait {
        let wait = read_wait(wait)?;
        if filter.count.or(filter.at_least).or(filter.at_most).is_none() {
            filter.at_least = Some(1);
        }
        simulator.wait_until(wait, |state| filter.holds(state.requests.find(&filter).count())).await;
    }
    let state = simulator.state();
    let mut found: Vec<_> = state.requests.find(&filter).collect();
    if !filter.holds(found.len()) {
        return Err((StatusCode::CONFLICT, format!("{} requests match", found.len())));
    }
    let more = found.len().saturating_sub(filter.limit.unwrap_or(usize::MAX));
    Ok(PrettyJson(found.split_off(more)).into_response())
}

async fn clear_requests(State(simulator): State<Handle>, Query(of): Query<OfAccount>) -> StatusCode {
    simulator.state().requests.clear(of.key);
    StatusCode::NO_CONTENT
}

/// The account that an endpoint controls. Without a key, it controls the whole simulator.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfAccount {
    key: Option<AccountKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdvanceBody {
    seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeypadBody {
    key: String,
}

/// Browsers get the page, others the list of endpoints.
pub(super) async fn root(headers: HeaderMap) -> Response {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let answer = if accepts.contains("text/html") { page::html() } else { index().await.into_response() };
    ([(header::VARY, "accept")], answer).into_response()
}

async fn index() -> PrettyJson<Value> {
    let endpoints: Map<_, _> =
        endpoints().into_iter().map(|(path, about, _)| (path.to_owned(), Value::from(about))).collect();
    PrettyJson(json!({"name": "Telnyx Verify API simulator", "api": "/v2", "control": endpoints}))
}

async fn health() -> PrettyJson<Value> {
    PrettyJson(json!({"status": "ok"}))
}

async fn messages(
    State(simulator): State<Handle>,
    Query(filter): Query<MessageFilter>,
) -> Result<PrettyJson<Vec<Message>>, ControlError> {
    find(&simulator, filter).await.map(PrettyJson)
}

async fn latest_code(
    State(simulator): State<Handle>,
    Query(filter): Query<MessageFilter>,
) -> Result<String, ControlError> {
    let messages = find(&simulator, filter).await?;
    let code = messages.into_iter().rev().find_map(|message| message.code).map(|code| code + "\n");
    code.ok_or_else(|| (StatusCode::NOT_FOUND, "no code was sent".to_owned()))
}

async fn clock(State(simulator): State<Handle>, Query(of): Query<OfAccount>) -> PrettyJson<Value> {
    let state = simulator.state();
    PrettyJson(json!({"now": state.now(of.key), "frozen": state.is_frozen(of.key)}))
}

async fn change_clock(
    State(simulator): State<Handle>,
    Query(of): Query<OfAccount>,
    Json(change): Json<ClockChange>,
) -> Result<PrettyJson<Value>, ControlError> {
    {
        let mut state = simulator.state();
        let (clock, base) = state.clock(of.key);
        clock.change(change, base).map_err(bad_request)?;
    }
    Ok(clock(State(simulator), Query(of)).await)
}

async fn advance(
    State(simulator): State<Handle>,
    Query(of): Query<OfAccount>,
    Json(body): Json<AdvanceBody>,
) -> Result<PrettyJson<Value>, ControlError> {
    {
        let mut state = simulator.state();
        let (clock, base) = state.clock(of.key);
        clock.advance(Duration::from_secs(body.seconds), base).map_err(bad_request)?;
    }
    Ok(clock(State(simulator), Query(of)).await)
}

async fn save(State(simulator): State<Handle>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], simulator.save()).into_response()
}

async fn load(State(simulator): State<Handle>, saved: String) -> Result<StatusCode, ControlError> {
    simulator.load(&saved).map_err(bad_request)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn reset(State(simulator): State<Handle>, Query(of): Query<OfAccount>) -> StatusCode {
    match of.key {
        Some(key) => simulator.state().reset_account(key),
        None => simulator.reset(),
    }
    StatusCode::NO_CONTENT
}

async fn keypad(
    State(simulator): State<Handle>,
    Path(id): Path<String>,
    Json(body): Json<KeypadBody>,
) -> Result<PrettyJson<Value>, ControlError> {
    let keypress = body.key.parse::<Keypress>().map_err(bad_request)?;
    let status = simulator.press(&id, keypress).map_err(|error| {
        let status = match error {
            KeypressError::NotFound => StatusCode::NOT_FOUND,
            KeypressError::NoCall => StatusCode::CONFLICT,
        };
        (status, error.to_string())
    })?;
    Ok(PrettyJson(json!({"status": status})))
}

async fn faults(State(simulator): State<Handle>, Query(of): Query<OfAccount>) -> Response {
    PrettyJson(simulator.state().faults.list(of.key).collect::<Vec<_>>()).into_response()
}

async fn set_fault(
    State(simulator): State<Handle>,
    Json(fault): Json<Fault>,
) -> Result<PrettyJson<StoredFault>, ControlError> {
    simulator.push_fault(fault).map(PrettyJson).map_err(bad_request)
}

async fn fault(
    State(simulator): State<Handle>,
    Path(id): Path<String>,
) -> Result<PrettyJson<StoredFault>, ControlError> {
    simulator.state().faults.get(&id).cloned().map(PrettyJson).ok_or_else(no_fault)
}

async fn remove_fault(State(simulator): State<Handle>, Path(id): Path<String>) -> Result<StatusCode, ControlError> {
    if simulator.state().faults.remove(&id) { Ok(StatusCode::NO_CONTENT) } else { Err(no_fault()) }
}

fn no_fault() -> ControlError {
    (StatusCode::NOT_FOUND, "no fault has this id".to_owned())
}

async fn clear_faults(State(simulator): State<Handle>, Query(of): Query<OfAccount>) -> StatusCode {
    simulator.state().faults.clear(of.key);
    StatusCode::NO_CONTENT
}

async fn settings(State(simulator): State<Handle>) -> PrettyJson<Settings> {
    PrettyJson(simulator.settings())
}

async fn change_settings(
    State(simulator): State<Handle>,
    Json(changes): Json<Map<String, Value>>,
) -> Result<PrettyJson<Settings>, ControlError> {
    simulator.change_settings(|settings| settings.patch(&changes)).map_err(bad_request)?;
    Ok(PrettyJson(simulator.settings()))
}

async fn numbers() -> PrettyJson<Map<String, Value>> {
    PrettyJson(MAGIC_NUMBERS.iter().map(|number| (number.number.to_owned(), Value::from(number.effect))).collect())
}

async fn new_number(State(simulator): State<Handle>) -> Result<PrettyJson<Value>, ControlError> {
    let number = simulator.new_phone_number();
    let number = number.ok_or_else(|| (StatusCode::CONFLICT, "all phone numbers are used up".to_owned()))?;
    Ok(PrettyJson(json!({"phone_number": number})))
}

pub(super) async fn not_found() -> Response {
    let error = json!({"error": "not found; the API is below /v2, and GET /_simulator lists the control endpoints"});
    (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")], PrettyJson(error)).into_response()
}

pub(super) async fn method_not_allowed() -> ControlError {
    (
        StatusCode::METHOD_NOT_ALLOWED,
        "the path does not have this method; GET /_simulator lists the endpoints".to_owned(),
    )
}
