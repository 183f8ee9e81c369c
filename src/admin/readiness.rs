//! Whether calls should be sent here.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::Told;

/// Whether calls should be sent here, and why not. Clones are the same. At first they should not: it is starting.
#[derive(Clone)]
pub struct Readiness(Arc<Mutex<BTreeSet<NotReady>>>);

/// Why calls should not be sent here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotReady {
    /// It does not serve yet.
    Starting,
    /// It was asked to stop.
    Draining,
}

impl NotReady {
    const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Draining => "draining",
        }
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(BTreeSet::from([NotReady::Starting]))))
    }
}

impl Readiness {
    /// Says that `reason` holds calls off.
    pub fn not_for(&self, reason: NotReady) {
        self.reasons().insert(reason);
    }

    /// Says that `reason` is gone.
    pub fn no_longer(&self, reason: NotReady) {
        self.reasons().remove(&reason);
    }

    fn reasons(&self) -> MutexGuard<'_, BTreeSet<NotReady>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `GET /readyz`.
pub(super) async fn show(State(told): State<Told>) -> Response {
    let reasons: Vec<&str> = told.readiness.reasons().iter().map(|reason| reason.name()).collect();
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    // What is stale keeps working: it is for operators to see, and no reason to send calls elsewhere.
    let told = json!({ "ready": reasons.is_empty(), "reasons": reasons, "stale": told.metrics.stale() });
    (status, Json(told)).into_response()
}
