//! The admin port: probes, metrics, settings and the log's level, for operators and what works for them.
//!
//! It asks nobody for a token, so it listens on loopback unless told otherwise; what it shows holds no secrets. It
//! outlives the drain, so that probes see that the gateway is draining.

mod loglevel;
mod readiness;

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub use self::readiness::{Degraded, NotReady, Readiness};
use crate::{
    config::Config,
    telemetry::{Log, Metrics},
};

/// The longest body that is read, in bytes.
const MAX_BODY: usize = 1 << 10;

/// An admin port that is taken and serves nobody yet.
pub struct Server {
    listener: TcpListener,
    addr: SocketAddr,
    router: Router,
}

/// What the port tells of.
#[derive(Clone)]
struct Told {
    readiness: Readiness,
    metrics: Metrics,
    log: Log,
    settings: Arc<str>,
}

impl Server {
    /// Takes the port `listen`.
    ///
    /// # Errors
    /// What the system says where it can't be had.
    pub async fn bind(
        listen: SocketAddr,
        readiness: Readiness,
        metrics: Metrics,
        log: Log,
        config: &Config,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let addr = listener.local_addr()?;
        let told = Told { readiness, metrics, log, settings: format!("{config:#?}\n").into() };
        Ok(Self { listener, addr, router: router(told) })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until it is dropped.
    ///
    /// # Errors
    /// Where the listener fails.
    pub async fn serve(self) -> io::Result<()> {
        axum::serve(self.listener, self.router).await
    }
}

fn router(told: Told) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readiness::show))
        .route("/metrics", get(metrics))
        .route("/config", get(settings))
        .route("/loglevel", get(loglevel::show).put(loglevel::set))
        .route("/buildinfo", get(|| async { Json(build()) }))
        .fallback(|| async { refusal(StatusCode::NOT_FOUND, "there is no such path; / lists them") })
        .method_not_allowed_fallback(|| async {
            refusal(StatusCode::METHOD_NOT_ALLOWED, "the path does not take this method")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(plain))
        .with_state(told)
}

/// Keeps answers out of caches, and browsers from guessing what they are.
async fn plain(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}

const INDEX: &str = "\
GET /livez      the process answers
GET /readyz     calls are taken; 503 with the reasons where they are not
GET /metrics    what is counted, for Prometheus
GET /config     the settings in use
GET /loglevel   what is logged, and how
PUT /loglevel   changes it: {\"level\": \"info,verify_gateway=debug\", \"format\": \"json\"}
GET /buildinfo  what runs
";

async fn index() -> &'static str {
    INDEX
}

async fn metrics(State(told): State<Told>) -> Response {
    match told.metrics.text() {
        Ok(text) => ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics can't be told");
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "metrics can't be told")
        }
    }
}

/// The settings as the code has them. What must not be seen can't be shown this way: its type does not let it.
async fn settings(State(told): State<Told>) -> Response {
    told.settings.to_string().into_response()
}

/// What runs.
fn build() -> Value {
    json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "rust_version": env!("CARGO_PKG_RUST_VERSION"),
        "target": format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        "profile": if cfg!(debug_assertions) { "debug" } else { "release" },
    })
}

/// An answer that says what is wrong.
fn refusal(status: StatusCode, what: impl Into<String>) -> Response {
    (status, Json(json!({ "error": what.into() }))).into_response()
}
