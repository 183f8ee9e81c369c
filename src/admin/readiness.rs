//! Whether calls should be sent here.

use std::{
    collections::BTreeSet,
    sync::{Arc, MutexGuard},
};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::Told;
use crate::sync::Mutex;

/// Whether calls should be sent here, and why not. Clones are the same. At first they should not: it is starting.
#[derive(Clone)]
pub struct Readiness(Arc<Mutex<Reasons>>);

struct Reasons {
    not_ready: BTreeSet<NotReady>,
    degraded: BTreeSet<Degraded>,
}

/// Why calls should not be sent here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotReady {
    /// It does not serve yet.
    Starting,
    /// The store was never there.
    Store,
    /// It was asked to stop.
    Draining,
}

/// What does not work, though calls should be sent here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Degraded {
    /// The store is away: sends and checks are refused.
    Store,
}

impl NotReady {
    const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Store => "store",
            Self::Draining => "draining",
        }
    }
}

impl Degraded {
    const fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
        }
    }
}

impl Default for Readiness {
    fn default() -> Self {
        let not_ready = BTreeSet::from([NotReady::Starting]);
        Self(Arc::new(Mutex::new(Reasons { not_ready, degraded: BTreeSet::new() })))
    }
}

impl Readiness {
    /// Says that `reason` holds calls off.
    pub fn not_for(&self, reason: NotReady) {
        self.reasons().not_ready.insert(reason);
    }

    /// Says that `reason` is gone.
    pub fn no_longer(&self, reason: NotReady) {
        self.reasons().not_ready.remove(&reason);
    }

    /// Says whether `what` does not work.
    pub fn degraded(&self, what: Degraded, is: bool) {
        let degraded = &mut self.reasons().degraded;
        _ = if is { degraded.insert(what) } else { degraded.remove(&what) };
    }

    fn reasons(&self) -> MutexGuard<'_, Reasons> {
        self.0.lock()
    }
}

/// `GET /readyz`.
pub(super) async fn show(State(told): State<Told>) -> Response {
    // What is degraded or stale is for operators to see, and no reason to send calls elsewhere.
    let body = {
        let reasons = told.readiness.reasons();
        let not_ready: Vec<&str> = reasons.not_ready.iter().map(|reason| reason.name()).collect();
        let degraded: Vec<&str> = reasons.degraded.iter().map(|what| what.name()).collect();
        json!({ "ready": not_ready.is_empty(), "reasons": not_ready, "degraded": degraded, "stale": told.metrics.stale() })
    };
    let status = if body["ready"] == true { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(body)).into_response()
}
