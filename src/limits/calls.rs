//! How many calls a tenant makes, in this process.

use std::{collections::HashMap, sync::Arc};

use super::{
    Kind,
    rate::Schedule,
    reached::{Reached, verdict},
};
use crate::{
    clock::Clock,
    domain::{Error, Tenant, TenantId},
    sync::Mutex,
    telemetry::Metrics,
};

/// The calls of all tenants in this process. What they have used up outlives a change of their limits.
pub struct Calls {
    clock: Clock,
    metrics: Metrics,
    tenants: Mutex<HashMap<TenantId, Arc<Mutex<Used>>>>,
}

/// What a tenant has used up.
#[derive(Default)]
struct Used {
    running: u32,
    schedule: Schedule,
}

/// A call that runs. Its place is free again when this is dropped.
pub struct Running(Option<Arc<Mutex<Used>>>);

impl Calls {
    /// No call yet.
    #[must_use]
    pub fn new(clock: Clock, metrics: Metrics) -> Self {
        Self { clock, metrics, tenants: Mutex::default() }
    }

    /// Lets a call of `tenant` begin.
    ///
    /// # Errors
    /// `REQUEST_LIMIT_REACHED` and `CONCURRENCY_LIMIT_REACHED`.
    pub fn begin(&self, tenant: &Tenant) -> Result<Running, Error> {
        let limits = &tenant.limits;
        if limits.requests_per_second.is_none() && limits.concurrent_calls.is_none() {
            return Ok(Running(None));
        }
        let used = self.tenants.lock().entry(tenant.id.clone()).or_default().clone();
        let mut reached = Vec::new();
        {
            // Both limits under one lock: what one of them refuses takes nothing from the other.
            let mut used = used.lock();
            let crowded = limits.concurrent_calls.as_ref().filter(|limit| used.running >= limit.at);
            reached.extend(crowded.map(|limit| Reached {
                kind: Kind::ConcurrentCalls,
                mode: limit.mode,
                allows: format!("at most {} calls at once", limit.at).into(),
                wait: None,
            }));
            let mut schedule = used.schedule;
            let early = limits.requests_per_second.as_ref().and_then(|limit| {
                let wait = schedule.take(limit.at, self.clock.now()).err()?;
                Some(Reached {
                    kind: Kind::RequestsPerSecond,
                    mode: limit.mode,
                    allows: format!("at most {} calls a second, {} at once", limit.at.max, limit.at.burst).into(),
                    wait: Some(wait),
                })
            });
            reached.extend(early);
            if !reached.iter().any(Reached::refuses) {
                used.schedule = schedule;
                used.running += 1;
            }
        }
        verdict(reached, &tenant.id, &self.metrics)?;
        Ok(Running(Some(used)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(used) = &self.0 {
            used.lock().running -= 1;
        }
    }
}
