//! The retry budget: retries must not multiply the load that makes the upstream fail.
//!
//! Retries may be a share of the recent first attempts, plus a few per second for tenants with few calls. (The window of
//! tower's `TpsBudget` moves faster than the time.)

use std::sync::Arc;

use super::{keyed_cache::KeyedCache, rolling_window::RollingWindow};
use crate::{config, domain::TenantId, sync::Mutex};

/// The cost of a retry, in thousandths. A first attempt earns a share of it.
const PRICE: i64 = 1000;

/// A budget per tenant, so that no tenant spends what others earn, and one for all together.
pub(super) struct RetryBudgets {
    all: RetryBudget,
    tenants: KeyedCache<TenantId, Arc<RetryBudget>>,
}

impl RetryBudgets {
    pub(super) fn new(config: &config::BudgetConfig) -> Self {
        let each = config.clone();
        Self { all: RetryBudget::new(config), tenants: KeyedCache::new(move || Arc::new(RetryBudget::new(&each))) }
    }

    /// Counts a first attempt of `tenant`.
    pub(super) fn earn(&self, tenant: &TenantId) {
        self.tenants.get(tenant).earn();
        self.all.earn();
    }

    /// Spends the cost of a retry of `tenant`. False if the budget does not cover it.
    pub(super) fn spend(&self, tenant: &TenantId) -> bool {
        self.tenants.get(tenant).spend() && self.all.spend()
    }

    /// The number of retries that all tenants together have left.
    pub(super) fn left(&self) -> i64 {
        let mut balance = self.all.balance.lock();
        self.all.left(&mut balance) / PRICE
    }
}

struct RetryBudget {
    /// The earnings of a first attempt.
    share: i64,
    /// The budget of each window without any earnings.
    reserve: i64,
    /// The earnings less the spendings.
    balance: Mutex<RollingWindow<i64>>,
}

impl RetryBudget {
    fn new(config: &config::BudgetConfig) -> Self {
        // N retries per second are N thousandths per millisecond.
        let reserve = config.window.as_millis().saturating_mul(config.per_second as u128);
        Self {
            #[expect(clippy::cast_possible_truncation, reason = "at most a thousand")]
            share: (config.ratio * 1000.0).round() as i64,
            reserve: i64::try_from(reserve).unwrap_or(i64::MAX),
            balance: Mutex::new(RollingWindow::new(config.window)),
        }
    }

    fn earn(&self) {
        *self.balance.lock().now() += self.share;
    }

    fn spend(&self) -> bool {
        let mut balance = self.balance.lock();
        let enough = self.left(&mut balance) >= PRICE;
        if enough {
            *balance.now() -= PRICE;
        }
        enough
    }

    fn left(&self, balance: &mut RollingWindow<i64>) -> i64 {
        balance.all().fold(self.reserve, i64::saturating_add)
    }
}
