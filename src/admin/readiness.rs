//! Whether calls should be sent here.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::json;

use super::AppState;
use crate::sync::Mutex;

/// Whether calls should be sent here, and why not. Clones share it. It begins as [`NotReady::Starting`].
#[derive(Clone)]
pub struct Readiness(Arc<Mutex<Conditions>>);

struct Conditions {
    not_ready: BTreeSet<NotReady>,
    degraded: BTreeSet<&'static str>,
}

/// Why calls should not be sent here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NotReady {
    /// The gateway does not serve yet.
    Starting,
    /// The store was never available.
    Store,
    /// The public keys of an issuer of JWTs were never fetched. The log names the issuer.
    Issuers,
    /// The gateway stops.
    Draining,
}

impl Default for Readiness {
    fn default() -> Self {
        let not_ready = BTreeSet::from([NotReady::Starting]);
        Self(Arc::new(Mutex::new(Conditions { not_ready, degraded: BTreeSet::new() })))
    }
}

impl Readiness {
    /// Adds a reason why calls should not be sent here.
    pub fn add(&self, reason: NotReady) {
        self.0.lock().not_ready.insert(reason);
    }

    /// Removes a reason. Returns whether it was the last one.
    pub fn remove(&self, reason: NotReady) -> bool {
        let not_ready = &mut self.0.lock().not_ready;
        not_ready.remove(&reason) && not_ready.is_empty()
    }

    /// Says what restricts the gateway. Calls should still be sent here: reads succeed.
    pub fn set_degraded(&self, causes: impl Iterator<Item = &'static str>) {
        self.0.lock().degraded = causes.collect();
    }
}

/// `GET /readyz`.
pub(super) async fn show(State(AppState { readiness, metrics, .. }): State<AppState>) -> Response {
    let (is_ready, body) = {
        let Conditions { not_ready, degraded } = &*readiness.0.lock();
        let is_ready = not_ready.is_empty();
        // `degraded` and `stale` inform operators. They do not make the gateway unready.
        let stale = metrics.stale();
        (is_ready, json!({ "ready": is_ready, "reasons": not_ready, "degraded": degraded, "stale": stale }))
    };
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(body)).into_response()
}
