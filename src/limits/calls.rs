//! How many calls a tenant makes, in this process.

use std::{collections::HashMap, sync::Arc};

use super::{
    gcra::Gcra,
    hit::{LimitHit, LimitKind, verdict},
};
use crate::{
    clock::Clock,
    domain::{Error, Tenant, TenantId},
    sync::Mutex,
    telemetry::Metrics,
};

/// The calls of all tenants in this process. The usage of a tenant survives a change of its limits.
pub struct CallLimiter {
    clock: Clock,
    metrics: Metrics,
    tenants: Mutex<HashMap<TenantId, Arc<Mutex<Usage>>>>,
}

#[derive(Default)]
struct Usage {
    running: u32,
    rate: Gcra,
}

/// The right to run one call. The call counts as running until this is dropped.
pub struct CallPermit(Option<Arc<Mutex<Usage>>>);

impl CallLimiter {
    /// A limiter that has seen no call.
    #[must_use]
    pub fn new(clock: &Clock, metrics: Metrics) -> Self {
        Self { clock: clock.steady(), metrics, tenants: Mutex::default() }
    }

    /// Counts a call of `tenant`, unless a limit refuses it.
    ///
    /// # Errors
    /// `REQUEST_LIMIT_REACHED` and `CONCURRENCY_LIMIT_REACHED`.
    pub fn begin(&self, tenant: &Tenant) -> Result<CallPermit, Error> {
        let limits = &tenant.limits;
        if limits.requests_per_second.is_none() && limits.concurrent_calls.is_none() {
            return Ok(CallPermit(None));
        }
        let usage = self.tenants.lock().entry(tenant.id.clone()).or_default().clone();
        let mut hits = Vec::new();
        {
            // Both limits under one lock: a call that one of them refuses takes nothing from the other.
            let mut usage = usage.lock();
            let full = limits.concurrent_calls.as_ref().filter(|limit| usage.running >= limit.at);
            hits.extend(full.map(|limit| LimitHit {
                kind: LimitKind::CONCURRENT_CALLS,
                mode: limit.mode,
                allows: format!("at most {} calls at once", limit.at),
                wait: None,
            }));
            let mut rate = usage.rate;
            hits.extend(limits.requests_per_second.as_ref().and_then(|limit| {
                let wait = rate.take(limit.at, self.clock.now()).err()?;
                Some(LimitHit {
                    kind: LimitKind::REQUESTS_PER_SECOND,
                    mode: limit.mode,
                    allows: format!("at most {} calls a second, {} at once", limit.at.max, limit.at.burst),
                    wait: Some(wait),
                })
            }));
            if !hits.iter().any(LimitHit::refuses) {
                usage.rate = rate;
                usage.running += 1;
            }
        }
        verdict(hits, &tenant.id, &self.metrics)?;
        Ok(CallPermit(Some(usage)))
    }
}

impl Drop for CallPermit {
    fn drop(&mut self) {
        if let Some(usage) = &self.0 {
            usage.lock().running -= 1;
        }
    }
}
