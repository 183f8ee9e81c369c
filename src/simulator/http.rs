//! The HTTP side: routes, and what every request passes through.

mod checks;
mod control;
mod extract;
mod paging;
mod profiles;
mod verifications;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, DefaultBodyLimit, Request, State},
    middleware::{Next, from_fn_with_state, map_response},
    response::{IntoResponse, Response},
    routing::{get, patch, post},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use jiff::fmt::rfc2822::DateTimePrinter;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{
    connection::SocketHandle,
    error::ApiError,
    faults::{Act, RequestSummary},
    handle::Handle,
};
use crate::telnyx::{code, pattern};

/// The largest request body, in bytes.
const BODY_LIMIT: usize = 1024 * 1024;

/// The whole simulator.
pub(super) fn router(simulator: &Handle) -> Router {
    let api = Router::new()
        .route(pattern::PROFILES, get(profiles::list).post(profiles::create))
        .route(pattern::PROFILE, get(profiles::get).patch(profiles::update).delete(profiles::delete))
        .route(pattern::TEMPLATES, get(profiles::list_templates).post(profiles::create_template))
        .route(pattern::TEMPLATE, patch(profiles::update_template))
        .route(pattern::VERIFICATION, get(verifications::get).post(verifications::send))
        .route(pattern::BY_PHONE, get(verifications::list))
        .route(pattern::CHECK, post(checks::by_id))
        .route(pattern::CHECK_BY_PHONE, post(checks::by_phone))
        .fallback(async || ApiError::not_found("resource"))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(simulator.clone(), extract::authenticate))
        // Outside authentication, because a fault can refuse a valid key.
        .layer(from_fn_with_state(simulator.clone(), inject_fault));
    let control = control::endpoints()
        .into_iter()
        .fold(Router::new(), |router, (path, _, handlers)| router.route(path, handlers));
    control
        .route("/", get(control::index))
        .method_not_allowed_fallback(control::method_not_allowed)
        .layer(map_response(control::json_errors))
        .nest("/v2", api)
        .fallback(control::not_found)
        // Outermost, so that no answer looks like one of Telnyx.
        .layer(from_fn_with_state(simulator.clone(), tag_response))
        .with_state(simulator.clone())
}

/// Tags every answer with `x-simulator`, and adds the request ID and the latency that the settings ask for.
async fn tag_response(State(simulator): State<Handle>, request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/v2/");
    let key = extract::key(request.headers());
    let mut response = next.run(request).await;
    response.headers_mut().insert(HeaderName::from_static("x-simulator"), HeaderValue::from_static("true"));
    if is_api {
        // By the simulator's clock, so that a frozen clock and a seed make two runs equal.
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&simulator.state().now(key));
        if let Some(date) = date.ok().and_then(|date| HeaderValue::try_from(date).ok()) {
            response.headers_mut().insert(header::DATE, date);
        }
        let (latency, request_id) = {
            let mut state = simulator.state();
            let header = state.settings.request_id_header.as_ref();
            let header = header.and_then(|name| HeaderName::try_from(name).ok());
            (state.settings.latency_ms, header.map(|header| (header, state.ids.uuid())))
        };
        if let Some((header, id)) = request_id
            && let Ok(id) = HeaderValue::try_from(id)
        {
            response.headers_mut().insert(header, id);
        }
        simulator.delay(latency.into()).await;
    }
    response
}

/// Applies the fault that matches the request.
async fn inject_fault(
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
    let phone = phone_of(parts.uri.path(), &body);
    let summary = RequestSummary {
        method: &parts.method,
        path: parts.uri.path(),
        phone: phone.as_deref(),
        key: extract::key(&parts.headers),
    };
    let fault = simulator.state().faults.take(&summary);
    let request = Request::from_parts(parts, Body::from(body));
    let Some(fault) = fault else { return next.run(request).await };

    let delay = fault.delay_ms.unwrap_or(0);
    if fault.act == Act::After {
        let real = next.run(request).await;
        simulator.delay(delay).await;
        return fault.answer(Some(real), &socket).await;
    }
    simulator.delay(delay).await;
    let real = if fault.answers() { None } else { Some(next.run(request).await) };
    fault.answer(real, &socket).await
}

/// The phone number in the path or the body of a request.
fn phone_of(path: &str, body: &[u8]) -> Option<String> {
    if let Some(rest) = path.strip_prefix("/verifications/by_phone_number/") {
        let segment = rest.split('/').next()?;
        return percent_decode_str(segment).decode_utf8().ok().map(Into::into);
    }
    serde_json::from_slice::<Value>(body).ok()?.get("phone_number")?.as_str().map(str::to_owned)
}
