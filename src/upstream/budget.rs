//! How many retries there may be beside the first attempts: a failing upstream must not be met by a multiple of the load
//! that it fails under.
//!
//! A share of the recent first attempts, and a few each second for those who make few calls. (tower's `TpsBudget` is
//! meant to be the same, but its window moves on faster than the time.)

use std::sync::Arc;

use super::{keyed::Keyed, recent::Recent};
use crate::{config, domain::TenantId, sync::Mutex};

/// What a retry costs, in thousandths. A first attempt earns some.
const PRICE: i64 = 1000;

/// The budget of every tenant, so that none spends what others earn, and of all together.
pub(super) struct Budgets {
    all: Budget,
    tenants: Keyed<TenantId, Arc<Budget>>,
}

impl Budgets {
    pub(super) fn new(config: &config::Budget) -> Self {
        let each = config.clone();
        Self { all: Budget::new(config), tenants: Keyed::new(move || Arc::new(Budget::new(&each))) }
    }

    /// Notes a first attempt of `tenant`.
    pub(super) fn earn(&self, tenant: &TenantId) {
        self.tenants.get(tenant).earn();
        self.all.earn();
    }

    /// Takes what a retry of `tenant` costs. False where that is not there.
    pub(super) fn spend(&self, tenant: &TenantId) -> bool {
        self.tenants.get(tenant).spend() && self.all.spend()
    }

    /// How many retries are left to all together.
    pub(super) fn left(&self) -> i64 {
        let mut recent = self.all.recent.lock();
        self.all.left(&mut recent) / PRICE
    }
}

struct Budget {
    /// What a first attempt earns.
    share: i64,
    /// What is there with nothing earned, in each window.
    reserve: i64,
    /// What was earned less what was spent.
    recent: Mutex<Recent<i64>>,
}

impl Budget {
    fn new(config: &config::Budget) -> Self {
        // So many a second are as many thousandths a millisecond.
        let reserve = config.window.as_millis().saturating_mul(config.per_second as u128);
        Self {
            #[expect(clippy::cast_possible_truncation, reason = "at most a thousand")]
            share: (config.ratio * 1000.0).round() as i64,
            reserve: i64::try_from(reserve).unwrap_or(i64::MAX),
            recent: Mutex::new(Recent::new(config.window)),
        }
    }

    fn earn(&self) {
        *self.recent.lock().now() += self.share;
    }

    fn spend(&self) -> bool {
        let mut recent = self.recent.lock();
        let enough = self.left(&mut recent) >= PRICE;
        if enough {
            *recent.now() -= PRICE;
        }
        enough
    }

    fn left(&self, recent: &mut Recent<i64>) -> i64 {
        recent.all().fold(self.reserve, i64::saturating_add)
    }
}
