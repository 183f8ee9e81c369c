//! The connections of the admin port. It has no authentication, so each is bounded.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::Router;
use http::{Request, StatusCode, header::HOST, uri::Authority};
use tokio::{net::TcpListener, time::timeout};
use tower::ServiceExt;

use crate::{
    domain::LimitMode,
    http_server::{self, HttpPort},
    telemetry::Metrics,
};

/// How long a connection may take for the head of its next request, and a request for all else.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The oldest connection gives way to a new one, so that probes always get in.
const MAX_CONNECTIONS: usize = 64;
/// A scrape that nobody reads ends with its connection.
const MAX_AGE: Duration = Duration::from_mins(5);

/// Serves `router` to `listener` until it is dropped.
pub(super) async fn serve(listener: &TcpListener, router: Router, hosts: &[String], metrics: Metrics) {
    let hosts: Arc<[String]> = hosts.into();
    let port = HttpPort {
        name: "admin",
        tls: None,
        limit: "admin.connections",
        max_connections: MAX_CONNECTIONS,
        head_timeout: TIMEOUT,
        max_age: MAX_AGE,
        metrics: metrics.clone(),
    };
    http_server::serve(listener, port, move |own, mut request| {
        request.extensions_mut().insert(super::OwnAddress(own.ip().to_canonical()));
        let is_allowed = names_this_port(&request, own.ip(), &hosts);
        let answer = router.clone().oneshot(request);
        let metrics = metrics.clone();
        async move {
            if !is_allowed {
                let allowed =
                    "Host must be a loopback address, localhost, the address of the port, or in admin.allowed_hosts";
                return super::error(StatusCode::MISDIRECTED_REQUEST, allowed);
            }
            let answer = match timeout(TIMEOUT, answer).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(never)) => match never {},
                Err(_) => super::error(StatusCode::REQUEST_TIMEOUT, "the request must be complete within 10 seconds"),
            };
            if [StatusCode::REQUEST_TIMEOUT, StatusCode::PAYLOAD_TOO_LARGE].contains(&answer.status()) {
                metrics.limit_hit("admin.request", LimitMode::Enforce);
            }
            answer
        }
    })
    .await;
}

/// Whether the `Host` of `request` names this port, which is at the address `own`, and not a site of others: such a site
/// could make its name lead here (DNS rebinding), and its pages could then use the port by a person's browser.
fn names_this_port<B>(request: &Request<B>, own: IpAddr, hosts: &[String]) -> bool {
    // Browsers always send it. Some probes speak HTTP/1.0.
    let Some(host) = request.headers().get(HOST) else { return true };
    let Some(authority) = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()) else { return false };
    let name = authority.host().trim_end_matches('.');
    match name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(address) if address.is_loopback() || address == own.to_canonical() => true,
        _ => name.eq_ignore_ascii_case("localhost") || hosts.iter().any(|host| host.eq_ignore_ascii_case(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_port_and_configured_names_are_hosts() {
        let own = "10.1.2.3".parse().unwrap();
        let is_allowed = |host: &str| {
            let request = Request::builder().header(HOST, host).body(()).unwrap();
            names_this_port(&request, own, &["gateway-admin.codes.svc".into()])
        };
        for host in ["localhost:9090", "LOCALHOST", "127.0.0.1", "127.8.8.8:1", "[::1]:9090", "10.1.2.3:9090"] {
            assert!(is_allowed(host), "{host}");
        }
        assert!(is_allowed("gateway-admin.codes.svc:9090") && is_allowed("Gateway-Admin.codes.svc."));
        for host in
            ["evil.example", "localhost.evil.example", "10.1.2.4", "127.0.0.1.evil.example", "", "a@localhost:1:2"]
        {
            assert!(!is_allowed(host), "{host}");
        }
        assert!(names_this_port(&Request::new(()), own, &[]));
    }
}
