//! Places for attempts, so many for each tenant: one whose upstream is slow must not take the gateway from the others.
//!
//! It sits inside the retries and the circuit breaker: who waits for another attempt, or is refused one, takes no place.

use std::{
    future::{Future, ready},
    pin::Pin,
    sync::Arc,
    task,
};

use tokio::sync::Semaphore;
use tower::{Layer, Service};

use super::{
    attempt::{Answer, Request, Unanswered},
    keyed::Keyed,
};
use crate::{
    domain::{LimitMode, TenantId},
    telemetry::Metrics,
};

/// Bounds how many attempts a tenant has under way. Further ones are refused, not queued: they would wait in vain.
#[derive(Clone)]
pub(super) struct BulkheadLayer {
    places: Arc<Keyed<TenantId, Arc<Semaphore>>>,
    metrics: Metrics,
}

impl BulkheadLayer {
    /// So many `places` for each tenant.
    pub(super) fn new(places: usize, metrics: Metrics) -> Self {
        Self { places: Arc::new(Keyed::new(move || Arc::new(Semaphore::new(places)))), metrics }
    }
}

impl<S> Layer<S> for BulkheadLayer {
    type Service = Bulkhead<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Bulkhead { inner, places: Arc::clone(&self.places), metrics: self.metrics.clone() }
    }
}

#[derive(Clone)]
pub(super) struct Bulkhead<S> {
    inner: S,
    places: Arc<Keyed<TenantId, Arc<Semaphore>>>,
    metrics: Metrics,
}

impl<S> Service<Request> for Bulkhead<S>
where
    S: Service<Request, Response = Answer, Error = Unanswered>,
    S::Future: Send + 'static,
{
    type Response = Answer;
    type Error = Unanswered;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Unanswered>> + Send>>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> task::Poll<Result<(), Unanswered>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let places = self.places.get(&request.tenant.id);
        let Ok(place) = places.try_acquire_owned() else {
            self.metrics.limit_hit("upstream.max_concurrent_attempts", LimitMode::Enforce);
            return Box::pin(ready(Err(Unanswered::NoPlace)));
        };
        let attempt = self.inner.call(request);
        Box::pin(async move {
            let _place = place;
            attempt.await
        })
    }
}
