//! Circuit breakers: an upstream that fails is left alone for a while, and its callers learn so at once.
//!
//! There is one for each API key and effect, because accounts and endpoints fail apart: that sends fail does not keep
//! codes from being checked, and what one account meets says nothing about another.
//!
//! It sits inside the retries, so that each attempt counts and none is made while it is open, and outside the places, so
//! that what it refuses takes none. Whether an open one may close is never tried out with a send, a check or a change
//! that somebody has to live with if it fails: reading one profile goes ahead, and only if that succeeds does the
//! caller's request follow.

mod circuit;

use std::{
    future::{Future, ready},
    pin::Pin,
    sync::{Arc, MutexGuard},
    task,
    time::Duration,
};

use bytes::Bytes;
use reqwest::Url;
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt};

use self::circuit::{Admission, Change, Circuit, Ticket, Verdict};
use super::{
    attempt::{Answer, Failure, Request, Unanswered},
    classify::{Class, class},
    keyed::Keyed,
    operation::{Effect, Operation},
};
use crate::{
    config,
    domain::{KeyIdentity, Tenant},
    sync::Mutex,
    telemetry::Metrics,
};

/// The circuits of one API key, by effect.
type Circuits = [Mutex<Circuit>; Effect::ALL.len()];

/// Puts circuit breakers before the attempts.
#[derive(Clone)]
pub(super) struct BreakerLayer(Arc<Shared>);

struct Shared {
    circuits: Keyed<KeyIdentity, Arc<Circuits>>,
    open_for: Duration,
    /// The URL of a cheap read: the first profile.
    probe: Url,
    metrics: Metrics,
}

impl BreakerLayer {
    /// Circuits that go by `rules`, and are tried out by reading `probe`, a list of profiles.
    pub(super) fn new(rules: &config::Breaker, probe: Url, metrics: Metrics) -> Self {
        let (rules, open_for) = (rules.clone(), rules.open_for);
        let circuits = Keyed::new(move || Arc::new(Effect::ALL.map(|_| Mutex::new(Circuit::new(rules.clone())))));
        let shared = Arc::new(Shared { circuits, open_for, probe, metrics });
        // The metrics must not keep alive what they are part of.
        let told = Arc::downgrade(&shared);
        shared.metrics.breakers(move |observe| {
            let Some(shared) = told.upgrade() else { return };
            let all = shared.circuits.all();
            for effect in Effect::ALL {
                observe(effect.name(), all.iter().filter(|circuits| lock(circuits, effect).is_open()).count());
            }
        });
        Self(shared)
    }
}

impl<S> Layer<S> for BreakerLayer {
    type Service = Breaker<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Breaker { inner, shared: Arc::clone(&self.0) }
    }
}

#[derive(Clone)]
pub(super) struct Breaker<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Service<Request> for Breaker<S>
where
    S: Service<Request, Response = Answer, Error = Unanswered> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Answer;
    type Error = Unanswered;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Unanswered>> + Send>>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> task::Poll<Result<(), Unanswered>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (tenant, effect) = (Arc::clone(&request.tenant), request.operation.effect());
        let circuits = self.shared.circuits.get(tenant.key.identity());
        let admission = lock(&circuits, effect).admit();
        let metrics = self.shared.metrics.clone();
        let pending = |ticket| Pending { circuits, effect, tenant, metrics, ticket, verdict: None };
        match admission {
            Admission::Open(wait) => Box::pin(ready(Err(Unanswered::CircuitOpen(wait)))),
            Admission::Closed(ticket) => {
                let pending = pending(ticket);
                let attempt = self.inner.call(request);
                Box::pin(async move { pending.end(attempt.await) })
            }
            Admission::Trial(ticket) => {
                let pending = pending(ticket);
                Box::pin(self.clone().trial(request, pending))
            }
        }
    }
}

impl<S> Breaker<S>
where
    S: Service<Request, Response = Answer, Error = Unanswered> + Clone,
{
    /// Makes the attempt that decides whether the circuit closes.
    async fn trial(self, request: Request, mut pending: Pending) -> Result<Answer, Unanswered> {
        if pending.effect != Effect::Read {
            let (operation, url, body) = (Operation::ListProfiles, self.shared.probe.clone(), Bytes::new());
            let read = Request { operation, url, body, run_to_completion: false, ..request.clone() };
            pending.verdict = verdict(&self.inner.clone().oneshot(read).await);
            if pending.verdict != Some(Verdict::Success) {
                return Err(Unanswered::CircuitOpen(self.shared.open_for));
            }
            pending.verdict = None;
            // Reading took its time: it may be too late to begin what the caller wants.
            if Instant::now() >= request.deadline || request.cancelled.is_cancelled() {
                return Err(Unanswered::CircuitOpen(Duration::ZERO));
            }
        }
        pending.end(self.inner.oneshot(request).await)
    }
}

/// An attempt that was let through. The circuit hears of its end however it comes, even if the caller drops it.
struct Pending {
    circuits: Arc<Circuits>,
    effect: Effect,
    tenant: Arc<Tenant>,
    metrics: Metrics,
    ticket: Ticket,
    verdict: Option<Verdict>,
}

impl Pending {
    fn end(mut self, result: Result<Answer, Unanswered>) -> Result<Answer, Unanswered> {
        self.verdict = verdict(&result);
        result
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let (tenant, effect) = (&self.tenant.id, self.effect.name());
        match lock(&self.circuits, self.effect).end(self.ticket, self.verdict) {
            Some(Change::Opened) => {
                self.metrics.breaker_changed(tenant, effect, "open");
                tracing::warn!(%tenant, effect, "circuit breaker opened: the upstream fails");
            }
            Some(Change::Closed) => {
                self.metrics.breaker_changed(tenant, effect, "closed");
                tracing::info!(%tenant, effect, "circuit breaker closed: the upstream is back");
            }
            None => {}
        }
    }
}

/// What an end of an attempt says about the upstream.
fn verdict(result: &Result<Answer, Unanswered>) -> Option<Verdict> {
    match result {
        _ if class(result) == Class::Throttled => Some(Verdict::Throttled),
        Ok(answer) if answer.status.is_server_error() => Some(Verdict::Failure),
        // A refusal is an answer too.
        Ok(_) | Err(Unanswered::Failed(Failure::TooLarge)) => Some(Verdict::Success),
        Err(Unanswered::Failed(Failure::Unsent(_) | Failure::Lost(_) | Failure::Timeout)) => Some(Verdict::Failure),
        // How long a caller waits says nothing.
        Err(Unanswered::GivenUp | Unanswered::CircuitOpen(_) | Unanswered::NoPlace | Unanswered::NotAffordable) => None,
    }
}

fn lock(circuits: &Circuits, effect: Effect) -> MutexGuard<'_, Circuit> {
    circuits[effect as usize].lock()
}
