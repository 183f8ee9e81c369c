//! Which request goes where, and what happens to all of them.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, DefaultBodyLimit, Request, State as Shared},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, patch, post},
};
use http::{HeaderName, HeaderValue, StatusCode};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use super::{
    auth, checks,
    connection::Switch,
    control,
    error::Error,
    faults::{Act, Call},
    handle::Handle,
    profiles, templates, verifications,
};
use crate::telnyx::{code, pattern};

/// What a request's body may hold at most, in bytes.
const BODY_LIMIT: usize = 1024 * 1024;

/// The whole simulator.
pub(super) fn router(simulator: &Handle) -> Router {
    let api = Router::new()
        .route(pattern::PROFILES, get(profiles::list).post(profiles::create))
        .route(pattern::PROFILE, get(profiles::get).patch(profiles::update).delete(profiles::delete))
        .route(pattern::TEMPLATES, get(templates::list).post(templates::create))
        .route(pattern::TEMPLATE, patch(templates::update))
        .route(pattern::VERIFICATION, get(verifications::get).post(verifications::send))
        .route(pattern::BY_PHONE, get(verifications::list))
        .route(pattern::CHECK, post(checks::by_id))
        .route(pattern::CHECK_BY_PHONE, post(checks::by_phone))
        .fallback(async || Error::not_found("resource"))
        .method_not_allowed_fallback(async || {
            Error::new(StatusCode::METHOD_NOT_ALLOWED, code::METHOD_NOT_ALLOWED, "The path has no such method.")
        })
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(simulator.clone(), auth::authenticate))
        // Outside authentication: a fault may be that a good key is refused.
        .layer(from_fn_with_state(simulator.clone(), go_wrong));
    let control = control::endpoints()
        .into_iter()
        .fold(Router::new(), |router, (path, _, handlers)| router.route(path, handlers));
    control
        .route("/", get(control::index))
        .nest("/v2", api)
        .fallback(control::nowhere)
        // Outermost: nothing may pass for an answer of Telnyx's.
        .layer(from_fn_with_state(simulator.clone(), mark))
        .with_state(simulator.clone())
}

/// Marks every answer, and makes it wait if that is set.
async fn mark(Shared(simulator): Shared<Handle>, request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/v2/");
    let mut response = next.run(request).await;
    response.headers_mut().insert(HeaderName::from_static("x-simulator"), HeaderValue::from_static("true"));
    if is_api {
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
        simulator.wait(latency.into()).await;
    }
    response
}

/// Lets the next fault happen that is meant for this request.
async fn go_wrong(
    Shared(simulator): Shared<Handle>,
    ConnectInfo(connection): ConnectInfo<Switch>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        let detail = "The body is too large, or broke off.";
        return Error::new(StatusCode::PAYLOAD_TOO_LARGE, code::BAD_REQUEST, detail).into_response();
    };
    let phone = phone_of(parts.uri.path(), &body);
    let call =
        Call { method: &parts.method, path: parts.uri.path(), phone: phone.as_deref(), key: auth::key(&parts.headers) };
    let fault = simulator.state().faults.take(&call);
    let request = Request::from_parts(parts, Body::from(body));
    let Some(fault) = fault else { return next.run(request).await };

    let delay = fault.delay_ms.unwrap_or(0);
    if fault.act == Act::After {
        let real = next.run(request).await;
        simulator.wait(delay).await;
        return fault.answer(Some(real), &connection).await;
    }
    simulator.wait(delay).await;
    if fault.answers() { fault.answer(None, &connection).await } else { next.run(request).await }
}

/// The phone number that a request is about.
fn phone_of(path: &str, body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        phone_number: String,
    }

    if let Some(rest) = path.strip_prefix("/verifications/by_phone_number/") {
        let segment = rest.split('/').next()?;
        return percent_decode_str(segment).decode_utf8().ok().map(Into::into);
    }
    serde_json::from_slice::<Named>(body).ok().map(|named| named.phone_number)
}
