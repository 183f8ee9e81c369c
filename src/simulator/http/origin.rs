//! Keeps pages of other sites away from the control endpoints.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header, uri::Authority};

use super::answer::ControlError;
use crate::simulator::handle::Handle;

/// The ends of names that nobody can register.
const RESERVED: [&str; 3] = [".localhost", ".internal", ".local"];

/// Refuses a request that a page of another site makes a browser send.
///
/// `Origin` names the page. `Host` is checked too: a site can make its own name lead to this machine (DNS rebinding), and
/// then its pages have the same origin. It cannot do so with a name that nobody can register.
pub(super) async fn check(State(simulator): State<Handle>, request: Request, next: Next) -> Response {
    let allowed = simulator.state().settings.allowed_hosts.clone();
    match refusal(request.headers(), allowed.as_deref().unwrap_or_default()) {
        None => next.run(request).await,
        Some(text) => ControlError::from((StatusCode::FORBIDDEN, text.to_owned())).into_response(),
    }
}

fn refusal(headers: &HeaderMap, allowed: &str) -> Option<&'static str> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    // Browsers always send it.
    let host = text(header::HOST)?;
    if !is_allowed(host, allowed) {
        return Some(
            "Host must be an IP address, a name without a dot, or below localhost, internal or local, or in the setting allowed_hosts",
        );
    }
    let same =
        |origin: &str| origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
    let other = text(header::ORIGIN).is_some_and(|origin| !same(origin));
    other.then_some("Origin must be the simulator itself: only its own page may use the control endpoints")
}

/// Whether the control endpoints answer requests to `host`, which may have a port.
fn is_allowed(host: &str, allowed: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
    let is_ip = name.starts_with('[') || name.parse::<std::net::Ipv4Addr>().is_ok();
    is_ip
        || !name.contains('.')
        || RESERVED.iter().any(|end| name.ends_with(end))
        || allowed.split(',').any(|allowed| allowed.trim().eq_ignore_ascii_case(&name))
}
