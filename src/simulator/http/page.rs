//! The page for people: the inbox of every phone, live.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{Stream, StreamExt, stream};
use http::header;

use super::answer::PrettyJson;
use crate::simulator::{handle::Handle, inbox::InboxEntry};

/// The page loads nothing from elsewhere, runs no inline script, and is in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// The shortest time between two events, so that many sends do not keep a page busy.
const PAUSE: Duration = Duration::from_millis(100);

/// The newest messages that the page shows.
const SHOWN: usize = 500;

fn asset(content_type: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}

pub(super) fn html() -> Response {
    asset("text/html; charset=utf-8", include_str!("page/index.html"))
}

pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("page/app.js"))
}

pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("page/app.css"))
}

pub(super) async fn icon() -> Response {
    asset("image/svg+xml", include_str!("page/icon.svg"))
}

/// The newest verifications with their messages and states, newest first.
pub(super) async fn inbox(State(simulator): State<Handle>) -> PrettyJson<Vec<InboxEntry>> {
    PrettyJson(simulator.state().inbox(SHOWN))
}

/// Server-sent events: `change` at the start, and when the state may have changed.
pub(super) async fn events(
    State(simulator): State<Handle>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>> + Send> {
    let change = || Ok(Event::default().event("change").data("{}"));
    let changes = stream::unfold(simulator.changes(), move |mut changes| async move {
        tokio::time::sleep(PAUSE).await;
        changes.changed().await.ok()?;
        Some((change(), changes))
    });
    let all = stream::once(async move { change() }).chain(changes);
    Sse::new(all.take_until(simulator.stopped())).keep_alive(KeepAlive::default())
}
