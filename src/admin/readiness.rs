//! Whether calls should be sent here.

use std::{
    collections::{BTreeMap, BTreeSet},
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
pub struct Readiness(Arc<Mutex<Said>>);

/// What was said.
struct Said {
    reasons: BTreeSet<NotReady>,
    /// What is wrong though calls are taken, by what it is about.
    warnings: BTreeMap<&'static str, String>,
}

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
        let said = Said { reasons: BTreeSet::from([NotReady::Starting]), warnings: BTreeMap::new() };
        Self(Arc::new(Mutex::new(said)))
    }
}

impl Readiness {
    /// Says that `reason` holds calls off.
    pub fn not_for(&self, reason: NotReady) {
        self.said().reasons.insert(reason);
    }

    /// Says that `reason` is gone.
    pub fn no_longer(&self, reason: NotReady) {
        self.said().reasons.remove(&reason);
    }

    /// Says what is wrong with `what`, though calls are taken.
    pub fn warn(&self, what: &'static str, warning: String) {
        self.said().warnings.insert(what, warning);
    }

    /// Says that nothing is wrong with `what` any more.
    pub fn no_longer_warn(&self, what: &'static str) {
        self.said().warnings.remove(what);
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `GET /readyz`.
pub(super) async fn show(State(told): State<Told>) -> Response {
    let said = told.readiness.said();
    let reasons: Vec<&str> = said.reasons.iter().map(|reason| reason.name()).collect();
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let ready = json!({ "ready": reasons.is_empty(), "reasons": reasons, "warnings": said.warnings });
    (status, Json(ready)).into_response()
}
