//! The shares of tenants in the permits of all calls.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::forward::RETRY_AFTER;
use crate::{
    config::GrpcConfig,
    domain::{Error, LimitMode, TenantId},
    pb::ErrorReason,
    sync::Mutex,
    telemetry::Metrics,
};

/// How many calls each tenant has, from its authentication to its answer.
pub(super) struct Shares {
    /// The setting that bounds them.
    setting: &'static str,
    /// The calls that one tenant may have.
    size: usize,
    tenants: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
}

impl Shares {
    pub(super) fn new(config: &GrpcConfig) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            clippy::cast_possible_truncation,
            reason = "a million at most"
        )]
        let size = (config.max_concurrent_calls as f64 * config.tenant_share).ceil() as usize;
        Self::of("grpc.tenant_share", size.max(1))
    }

    /// Shares of `size`, as the `setting` says.
    pub(super) fn of(setting: &'static str, size: usize) -> Self {
        Self { setting, size, tenants: Mutex::default() }
    }

    /// Counts a call of `tenant`, unless its share is used up.
    pub(super) fn take(&self, tenant: &TenantId, metrics: &Metrics) -> Result<OwnedSemaphorePermit, Error> {
        let known = self.tenants.lock().get(tenant).cloned();
        let share = known.unwrap_or_else(|| {
            let new = || Arc::new(Semaphore::new(self.size));
            Arc::clone(self.tenants.lock().entry(tenant.clone()).or_insert_with(new))
        });
        share.try_acquire_owned().map_err(|_| {
            metrics.limit_hit(self.setting, LimitMode::Enforce);
            Error::new(ErrorReason::ConcurrencyLimitReached, format!("at most {} calls of a tenant at once", self.size))
                .rule(self.setting)
                .retry_after(RETRY_AFTER)
        })
    }
}
