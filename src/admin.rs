//! The admin port: probes, metrics, settings and the log level, for operators and their tools.
//!
//! It has no authentication, except for phone numbers, so it listens on loopback by default. It shows no secrets. It outlives the drain, so that
//! probes see that the gateway is draining.

mod loglevel;
mod phones;
mod readiness;
mod serve;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header::CONTENT_TYPE},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub use self::phones::token;
pub use self::readiness::{NotReady, Readiness};
use crate::{
    authn::Authenticator,
    config::Config,
    services::Phones,
    telemetry::{LogHandle, Metrics},
};

/// The longest request body, in bytes.
const MAX_BODY: usize = 1 << 10;

/// An admin port that is bound and does not serve yet.
pub struct AdminServer {
    listener: TcpListener,
    addr: SocketAddr,
    router: Router,
    hosts: Vec<String>,
    metrics: Metrics,
}

/// The address by which a request has reached this port. If it is a loopback address, the request is from this machine.
#[derive(Clone, Copy)]
struct OwnAddress(IpAddr);

#[derive(Clone)]
struct AppState {
    readiness: Readiness,
    metrics: Metrics,
    log: LogHandle,
    settings: Arc<str>,
    phones: phones::PhonePort,
}

impl AdminServer {
    /// Binds the port.
    pub async fn bind(
        listen: SocketAddr,
        readiness: Readiness,
        metrics: Metrics,
        log: LogHandle,
        (phones, authenticator): (Phones, Authenticator),
        config: &Config,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let addr = listener.local_addr()?;
        // Secrets have types whose `Debug` does not show them.
        let settings = format!("{config:#?}\n").into();
        let phones = phones::PhonePort { phones, authenticator, token_file: config.admin.token_file.clone() };
        let state = AppState { readiness, metrics: metrics.clone(), log, settings, phones };
        let router = router(state, config.admin.phones);
        Ok(Self { listener, addr, router, hosts: config.admin.allowed_hosts.clone(), metrics })
    }

    /// The address of the port.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until it is dropped.
    pub async fn serve(self) {
        serve::serve(&self.listener, self.router, &self.hosts, self.metrics).await;
    }
}

fn router(state: AppState, has_phones: bool) -> Router {
    let router = if has_phones { phones::router(state.clone()) } else { Router::new() };
    router
        .route("/", get(|| async { INDEX }))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readiness::show))
        .route("/metrics", get(metrics))
        .route("/config", get(|State(state): State<AppState>| async move { state.settings.to_string() }))
        .route("/loglevel", get(loglevel::show).put(loglevel::set))
        .route("/buildinfo", get(|| async { Json(build_info()) }))
        .fallback(|| async { error(StatusCode::NOT_FOUND, "there is no such path; / lists them") })
        .method_not_allowed_fallback(|| async {
            error(StatusCode::METHOD_NOT_ALLOWED, "the path does not take this method")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::map_response(set_headers))
        .with_state(state)
}

/// Keeps responses out of caches, and stops browsers from guessing their type.
async fn set_headers(response: Response) -> impl IntoResponse {
    ([("cache-control", "no-store"), ("x-content-type-options", "nosniff")], response)
}

const INDEX: &str = "\
GET /livez      the process answers
GET /readyz     calls are accepted; 503 with the reasons if they are not
GET /metrics    the metrics, for Prometheus
GET /config     the settings in use
GET /loglevel   the level and format of the log
PUT /loglevel   changes them: {\"level\": \"info,verify_gateway=debug\", \"format\": \"json\"}
GET /buildinfo  the version and build of the gateway

With admin.phones, and a bearer token if there is an admin.token_file:
GET /phones/+13035551234          what the gateway knows of the number; ?tenant= and ?profile_id= narrow it
POST /phones/+13035551234/unlock  frees it from its limits
";

async fn metrics(State(state): State<AppState>) -> Response {
    match state.metrics.text() {
        Ok(text) => ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Err(cause) => {
            tracing::error!(error = %cause, "the metrics can't be encoded");
            error(StatusCode::INTERNAL_SERVER_ERROR, "the metrics can't be encoded")
        }
    }
}

fn build_info() -> Value {
    json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "rust_version": env!("CARGO_PKG_RUST_VERSION"),
        "target": format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        "profile": if cfg!(debug_assertions) { "debug" } else { "release" },
    })
}

fn error(status: StatusCode, what: impl Into<String>) -> Response {
    (status, Json(json!({ "error": what.into() }))).into_response()
}
