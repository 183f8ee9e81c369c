//! The HTTP side: routes, and what every request passes through.

mod answer;
mod checks;
mod control;
mod deliveries;
mod exchange;
mod extract;
mod origin;
mod page;
mod paging;
mod profiles;
mod verifications;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    middleware::{Next, from_fn_with_state, map_response},
    response::{IntoResponse, Response},
    routing::{any, get, patch, post},
};
use http::{HeaderName, HeaderValue, Method, header};
use jiff::fmt::rfc2822::DateTimePrinter;

use super::{error::ApiError, handle::Handle, state::SimulatorState};
use crate::telnyx::{Channel, Route, pattern};

/// The whole simulator.
pub(super) fn router(simulator: &Handle) -> Router {
    let sends = Channel::ALL.into_iter().fold(Router::new(), |router, channel| {
        router.route(&Route::Send(channel).to_string(), verifications::send(channel))
    });
    let api = sends
        .route(pattern::PROFILES, get(profiles::list).post(profiles::create))
        .route(pattern::PROFILE, get(profiles::get).patch(profiles::update).delete(profiles::delete))
        .route(pattern::TEMPLATES, get(profiles::list_templates).post(profiles::create_template))
        .route(pattern::TEMPLATE, patch(profiles::update_template))
        .route(pattern::VERIFICATION, get(verifications::get))
        .route("/verifications", any(verifications::send_generic))
        .route(pattern::BY_PHONE, get(verifications::list))
        .route(pattern::CHECK, post(checks::by_id))
        .route(pattern::CHECK_BY_PHONE, post(checks::by_phone))
        .route("/webhook_deliveries", get(deliveries::list))
        .route("/webhook_deliveries/{id}", get(deliveries::get))
        .fallback(async || ApiError::not_found("resource"))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(simulator.clone(), extract::authenticate))
        // Outside authentication, because a fault can refuse a valid key.
        .layer(from_fn_with_state(simulator.clone(), exchange::exchange));
    let control = control::endpoints()
        .into_iter()
        .fold(Router::new(), |router, (path, _, handlers)| router.route(path, handlers));
    control
        .route("/", get(control::root))
        .route("/app.js", get(page::script))
        .route("/app.css", get(page::style))
        .route("/icon.svg", get(page::icon))
        .route("/openapi.yaml", get(openapi))
        .method_not_allowed_fallback(control::method_not_allowed)
        .layer(from_fn_with_state(simulator.clone(), origin::check))
        .layer(map_response(answer::json_errors))
        .nest("/v2", api)
        .fallback(control::not_found)
        // Outermost, so that no answer looks like one of Telnyx.
        .layer(from_fn_with_state(simulator.clone(), tag_response))
        .with_state(simulator.clone())
}

/// The document of the API below `/v2`.
async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/yaml")], include_str!("openapi.yaml"))
}

/// Tags every answer with `x-simulator`, and adds the request ID and the latency that the settings ask for.
async fn tag_response(State(simulator): State<Handle>, request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/v2/");
    let changes = request.method() != Method::GET;
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
            let SimulatorState { settings, ids, .. } = &mut *simulator.state();
            let header = settings.request_id_header.as_ref().and_then(|name| HeaderName::try_from(name).ok());
            (settings.latency_ms.draw(ids), header.map(|header| (header, ids.uuid())))
        };
        if let Some((header, id)) = request_id
            && let Ok(id) = HeaderValue::try_from(id)
        {
            response.headers_mut().insert(header, id);
        }
        simulator.delay(latency).await;
    } else if changes {
        simulator.notify();
    }
    response
}
