//! The connections of the admin port. It has no authentication, so each is bounded.

use std::{collections::VecDeque, io, net::IpAddr, time::Duration};

use axum::Router;
use http::{Request, StatusCode, header::HOST, uri::Authority};
use hyper::{body::Incoming, server::conn::http1::Builder, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;
use tower::ServiceExt;

/// How many connections are open at the same time. The oldest gives way to a new one, so that probes always get in.
const MAX_CONNECTIONS: usize = 64;
/// How long a connection may take for the head of its next request, and a request for all else.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may live, whatever it does. A scrape that nobody reads ends then.
const MAX_AGE: Duration = Duration::from_mins(5);
/// Bytes of the head of a request.
const MAX_HEAD: usize = 16 << 10;
/// How long nothing is accepted after the system could not give a connection.
const ACCEPT_BACKOFF: Duration = Duration::from_secs(1);

/// Serves `router` to `listener` until it is dropped.
pub(super) async fn serve(listener: &TcpListener, router: Router, hosts: &[String]) {
    let mut running: VecDeque<AbortOnDropHandle<()>> = VecDeque::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "can't accept connections to the admin port");
                sleep(ACCEPT_BACKOFF).await;
                continue;
            }
        };
        running.retain(|connection| !connection.is_finished());
        if running.len() >= MAX_CONNECTIONS {
            running.pop_front();
        }
        let connection = serve_one(stream, router.clone(), hosts.to_vec());
        running.push_back(AbortOnDropHandle::new(tokio::spawn(connection)));
    }
}

async fn serve_one(stream: TcpStream, router: Router, hosts: Vec<String>) {
    // It fails if the peer is gone already.
    let Ok(own) = stream.local_addr() else { return };
    let service = service_fn(|request: Request<Incoming>| {
        let is_allowed = names_this_port(&request, own.ip(), &hosts);
        let answer = router.clone().oneshot(request);
        async move {
            if !is_allowed {
                let allowed =
                    "Host must be a loopback address, localhost, the address of the port, or in admin.allowed_hosts";
                return Ok(super::error(StatusCode::MISDIRECTED_REQUEST, allowed));
            }
            timeout(TIMEOUT, answer).await.unwrap_or_else(|_| {
                Ok(super::error(StatusCode::REQUEST_TIMEOUT, "the request must be complete within 10 seconds"))
            })
        }
    });
    let mut http1 = Builder::new();
    http1.timer(TokioTimer::new()).header_read_timeout(TIMEOUT).max_buf_size(MAX_HEAD);
    let served = timeout(MAX_AGE, http1.serve_connection(TokioIo::new(stream), service)).await;
    if let Err(error) = served.map_err(io::Error::from).and_then(|served| served.map_err(io::Error::other)) {
        tracing::debug!(%error, "a connection to the admin port ended");
    }
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
