//! One attempt, from the circuit breaker to the transport.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Uri,
    header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE},
};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};
use tracing::Instrument;

use super::{
    breaker::{Admitted, CircuitBreakers},
    classify::{self, readable},
    keyed_cache::KeyedCache,
    operation::Operation,
    request::{AttemptError, RejectedLocally, Request, Response, TransportError},
    span::{Measurement, Propagator, client_span},
    telnyx_clock::TelnyxClocks,
    transport::Transport,
};
use crate::{
    clock::Clock,
    config::Config,
    domain::{LimitMode, TenantId},
    telemetry::Metrics,
    telnyx::Profile,
};

/// Makes attempts. Circuits and permits outlive the calls.
pub(super) struct Attempts {
    breakers: CircuitBreakers,
    clocks: TelnyxClocks,
    /// The URI of a cheap read: the first profile.
    probe_uri: Uri,
    permits: KeyedCache<TenantId, Arc<Semaphore>>,
    propagator: Propagator,
    timeout: Duration,
    transport: Transport,
    metrics: Metrics,
}

impl Attempts {
    /// `probe_uri` lists profiles.
    pub(super) fn new(config: &Config, probe_uri: Uri, transport: Transport, clock: Clock, metrics: &Metrics) -> Self {
        let clocks = TelnyxClocks::new(clock, config.sends.clock_skew, metrics);
        let config = &config.upstream;
        let permits = config.max_concurrent_attempts;
        Self {
            breakers: CircuitBreakers::new(&config.breaker, metrics.clone()),
            clocks,
            probe_uri,
            permits: KeyedCache::new(move || Arc::new(Semaphore::new(permits))),
            propagator: Propagator::new(config.propagate_trace),
            timeout: config.attempt_timeout,
            transport,
            metrics: metrics.clone(),
        }
    }

    /// The clocks of the accounts.
    pub(super) const fn clocks(&self) -> &TelnyxClocks {
        &self.clocks
    }

    /// Makes one attempt: breaker → permit → span → timeout → headers → transport.
    pub(super) async fn make(&self, request: Request) -> Result<Response, AttemptError> {
        // Breaker: each attempt counts, and an attempt that an open circuit rejects takes no permit.
        let mut admitted = self.breakers.admit(&request)?;
        if admitted.needs_probe() {
            self.probe(&request, &mut admitted).await?;
        }
        let (operation, read) = (request.operation, request.read);
        let result = self.exchange(request).await.and_then(|response| readable(operation, read, response));
        admitted.record(&result);
        result
    }

    /// Reads one profile before a request that may close an open circuit. A send, a check or a change must not be the
    /// trial: somebody would have to live with its failure.
    async fn probe(&self, request: &Request, admitted: &mut Admitted) -> Result<(), RejectedLocally> {
        let (operation, uri, body) = (Operation::ListProfiles, self.probe_uri.clone(), Bytes::new());
        let probe = Request { operation, uri, body, run_to_completion: false, ..request.clone() };
        let result = self.exchange(probe).await;
        let result = result.and_then(|response| readable(operation, classify::list::<Profile>, response));
        if !admitted.record(&result) {
            return Err(RejectedLocally::CircuitOpen(self.breakers.open_for()));
        }
        // The request itself decides now.
        admitted.forget();
        // The probe took time: it may be too late to begin the request.
        if Instant::now() >= request.deadline || request.cancelled.is_cancelled() {
            return Err(RejectedLocally::CircuitOpen(Duration::ZERO));
        }
        Ok(())
    }

    /// Permit → span → timeout → headers → transport.
    async fn exchange(&self, request: Request) -> Result<Response, AttemptError> {
        // Permit: a tenant whose upstream is slow must not occupy the whole gateway. An attempt beyond the bound is
        // rejected and not queued: it would wait in vain.
        let permits = self.permits.get(&request.tenant.id);
        let Ok(_permit) = permits.try_acquire() else {
            self.metrics.limit_hit("upstream.max_concurrent_attempts", LimitMode::Enforce);
            return Err(RejectedLocally::ConcurrencyLimit.into());
        };
        // Span: each attempt has a span and a measurement, also one that times out.
        let span = client_span(&request);
        let mut measurement = Measurement::begin(&self.metrics, request.operation, &span);
        // Timeout: a slow attempt leaves time for another one. The caller's deadline may be sooner.
        let timeout = Instant::now() + self.timeout;
        let callers = (!request.run_to_completion && request.deadline < timeout).then_some(request.deadline);
        // Headers: last, so that the rest of the gateway handles no request that carries a key.
        let mut headers = headers(&request);
        self.propagator.inject(&span, &mut headers);
        let tenant = Arc::clone(&request.tenant);
        let exchange = async {
            let departure = self.clocks.depart();
            let response = timeout_at(callers.unwrap_or(timeout), self.transport.send(request, headers)).await;
            let result = match response {
                Ok(result) => result
                    .inspect(|response| self.clocks.measure(&tenant, &departure, response))
                    .map_err(AttemptError::from),
                Err(_) if callers.is_some() => Err(AttemptError::Abandoned),
                Err(_) => Err(TransportError::Timeout.into()),
            };
            measurement.end(&result);
            result
        };
        exchange.instrument(span.clone()).await
    }
}

/// The headers for Telnyx. They are an allow-list: nothing of a caller's headers reaches a third party. The transport
/// adds the user agent.
fn headers(request: &Request) -> HeaderMap {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    // Responses are small: decompression would cost more than it saves.
    const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
    let mut headers = HeaderMap::with_capacity(6);
    headers.insert(AUTHORIZATION, request.tenant.key.authorization());
    headers.insert(ACCEPT, JSON);
    headers.insert(ACCEPT_ENCODING, IDENTITY);
    if !request.body.is_empty() {
        headers.insert(CONTENT_TYPE, JSON);
    }
    headers
}
