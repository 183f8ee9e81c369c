//! Circuit breakers: a failing upstream gets no attempts for a while, and callers get an error at once.
//!
//! Each API key has one circuit per effect, because accounts and endpoints fail independently: failing sends do not stop
//! checks, and the failures of one account say nothing about another.

mod circuit;

use std::{
    sync::{Arc, MutexGuard},
    time::Duration,
};

use self::circuit::{AttemptOutcome, Circuit, CircuitDecision, Ticket, Transition};
use super::{
    classify::{AttemptClass, class},
    keyed_cache::KeyedCache,
    operation::Effect,
    request::{AttemptError, RejectedLocally, Request, Response},
};
use crate::{
    config,
    domain::{KeyIdentity, Tenant},
    sync::Mutex,
    telemetry::Metrics,
};

/// The circuits of one API key, by effect.
type Circuits = [Mutex<Circuit>; Effect::ALL.len()];

/// The circuits of all API keys.
pub(super) struct CircuitBreakers {
    circuits: Arc<KeyedCache<KeyIdentity, Arc<Circuits>>>,
    open_for: Duration,
    metrics: Metrics,
}

impl CircuitBreakers {
    pub(super) fn new(rules: &config::BreakerConfig, metrics: Metrics) -> Self {
        let (rules, open_for) = (rules.clone(), rules.open_for);
        let new = move || Arc::new(Effect::ALL.map(|_| Mutex::new(Circuit::new(rules.clone()))));
        let circuits = Arc::new(KeyedCache::new(new));
        // The metrics must not keep the circuits alive.
        let observed = Arc::downgrade(&circuits);
        metrics.breakers(move |observe| {
            let Some(circuits) = observed.upgrade() else { return };
            let all = circuits.all();
            for effect in Effect::ALL {
                observe(effect.name(), all.iter().filter(|circuits| lock(circuits, effect).is_open()).count());
            }
        });
        Self { circuits, open_for, metrics }
    }

    /// How long a circuit stays open.
    pub(super) const fn open_for(&self) -> Duration {
        self.open_for
    }

    /// Admits an attempt.
    ///
    /// # Errors
    /// The circuit is open.
    pub(super) fn admit(&self, request: &Request) -> Result<Admitted, RejectedLocally> {
        let (tenant, effect) = (Arc::clone(&request.tenant), request.operation.effect());
        let circuits = self.circuits.get(tenant.key.identity());
        let (ticket, is_trial) = match lock(&circuits, effect).admit() {
            CircuitDecision::Closed(ticket) => (ticket, false),
            CircuitDecision::Trial(ticket) => (ticket, true),
            CircuitDecision::Open(wait) => return Err(RejectedLocally::CircuitOpen(wait)),
        };
        Ok(Admitted { circuits, effect, tenant, metrics: self.metrics.clone(), ticket, is_trial, outcome: None })
    }
}

/// An admitted attempt. The circuit learns the outcome on drop, so that a cancelled attempt gives its ticket back too.
pub(super) struct Admitted {
    circuits: Arc<Circuits>,
    effect: Effect,
    tenant: Arc<Tenant>,
    metrics: Metrics,
    ticket: Ticket,
    is_trial: bool,
    outcome: Option<AttemptOutcome>,
}

impl Admitted {
    /// Whether a read must succeed before this attempt.
    pub(super) fn needs_probe(&self) -> bool {
        self.is_trial && self.effect != Effect::Read
    }

    /// Records the outcome for the circuit. Returns whether the upstream works.
    pub(super) fn record(&mut self, result: &Result<Response, AttemptError>) -> bool {
        self.outcome = outcome(result);
        self.outcome == Some(AttemptOutcome::Success)
    }

    /// Forgets the recorded outcome.
    pub(super) const fn forget(&mut self) {
        self.outcome = None;
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let (tenant, effect) = (&self.tenant.id, self.effect.name());
        match lock(&self.circuits, self.effect).end(self.ticket, self.outcome) {
            Some(Transition::Opened) => {
                self.metrics.breaker_changed(tenant, effect, "open");
                tracing::warn!(%tenant, effect, "circuit breaker opened: the upstream fails");
            }
            Some(Transition::Closed) => {
                self.metrics.breaker_changed(tenant, effect, "closed");
                tracing::info!(%tenant, effect, "circuit breaker closed: the upstream is back");
            }
            None => {}
        }
    }
}

/// What the result of an attempt says about the upstream; none where it says nothing.
fn outcome(result: &Result<Response, AttemptError>) -> Option<AttemptOutcome> {
    // How long a caller waits says nothing about the upstream.
    if matches!(result, Err(AttemptError::Abandoned)) {
        return None;
    }
    match class(result) {
        // A refusal is a response too.
        AttemptClass::Done | AttemptClass::Refused => Some(AttemptOutcome::Success),
        AttemptClass::Throttled => Some(AttemptOutcome::Throttled),
        AttemptClass::Unsent | AttemptClass::OutcomeUnknown | AttemptClass::Unreadable => Some(AttemptOutcome::Failure),
        AttemptClass::RejectedLocally => None,
    }
}

fn lock(circuits: &Circuits, effect: Effect) -> MutexGuard<'_, Circuit> {
    circuits[effect as usize].lock()
}
