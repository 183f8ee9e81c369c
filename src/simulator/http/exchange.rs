//! What happens around every request of the API: its fault, and its entry in the request log.

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{ConnectInfo, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::extract;
use crate::{
    simulator::{
        connection::SocketHandle,
        error::ApiError,
        faults::{Act, FaultHit, RequestSummary, truncated},
        handle::Handle,
        request_log::LoggedRequest,
        state::SimulatorState,
    },
    telnyx::code,
};

/// The largest request body, in bytes.
const BODY_LIMIT: usize = 1024 * 1024;

/// Logs a request and its answer, and applies the fault that matches it.
pub(super) async fn exchange(
    State(simulator): State<Handle>,
    ConnectInfo(socket): ConnectInfo<SocketHandle>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        let detail = "The body is too large or incomplete.";
        return ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, code::BAD_REQUEST, detail).into_response();
    };
    let (id, hit) = begin(&simulator, &parts, &body);
    let run = async || {
        let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
        // Those that wait for a message see it now, even if the answer is delayed.
        simulator.notify();
        answer
    };
    let Some(FaultHit { fault, delay }) = hit else {
        let answer = run().await;
        return log(&simulator, id, answer).await;
    };
    let real = if fault.act == Act::After {
        let real = run().await;
        simulator.delay(delay).await;
        Some(real)
    } else {
        simulator.delay(delay).await;
        if fault.answers() { None } else { Some(run().await) }
    };
    if fault.reset {
        return socket.reset();
    }
    let truncate = fault.truncate;
    let answer = log(&simulator, id, fault.answer(real)).await;
    if truncate { truncated(answer).await } else { answer }
}

/// Adds the request to the log, and finds its fault.
fn begin(simulator: &Handle, parts: &Parts, body: &Bytes) -> (u64, Option<FaultHit>) {
    let key = extract::key(&parts.headers);
    let phone = phone_of(parts.uri.path(), body);
    let mut state = simulator.state();
    let now = state.now(key);
    let SimulatorState { faults, ids, requests, settings, .. } = &mut *state;
    let summary = RequestSummary { method: &parts.method, path: parts.uri.path(), phone: phone.as_deref(), key };
    let hit = faults.take(&summary, ids);
    let path = format!("/v2{}", parts.uri);
    let request = LoggedRequest {
        account: key.map(|key| key.to_string()),
        key,
        phone,
        fault: hit.as_ref().and_then(|hit| hit.fault.id.clone()),
        ..LoggedRequest::new(parts.method.clone(), path, body, now)
    };
    (requests.push(request, settings.keep_requests), hit)
}

/// Adds the answer to the log.
async fn log(simulator: &Handle, id: u64, answer: Response) -> Response {
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    simulator.state().requests.answer(id, parts.status.as_u16(), &body);
    simulator.notify();
    Response::from_parts(parts, Body::from(body))
}

/// The phone number in the path or the body of a request.
fn phone_of(path: &str, body: &[u8]) -> Option<String> {
    if let Some(rest) = path.strip_prefix("/verifications/by_phone_number/") {
        let segment = rest.split('/').next()?;
        return percent_decode_str(segment).decode_utf8().ok().map(Into::into);
    }
    serde_json::from_slice::<Value>(body).ok()?.get("phone_number")?.as_str().map(str::to_owned)
}
