//! What the gateway does for each RPC: permissions, audit, limits, idempotency, upstream. One method per RPC.
//! The errors of each method are those that its RPC documents.

#![expect(clippy::missing_errors_doc, reason = "the contract documents them")]

mod check;
mod conversions;
mod idempotency;
mod outcome;
mod profile_lock;
mod profiles;
mod read;
mod send;
mod tasks;
mod templates;
mod test_numbers;

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

pub use self::{
    check::{Check, Report},
    outcome::{Origin, Outcome},
    profiles::NewProfile,
    send::Send,
    tasks::Tasks,
    templates::NewTemplate,
};
use self::{conversions::Conversions, idempotency::IdempotentExecutor};
use crate::{
    clock::Clock,
    config::{self, Config},
    domain::Tenant,
    limits::Limiter,
    store::Store,
    telemetry::Metrics,
    upstream::Client,
};

/// All services.
#[derive(Clone)]
pub struct Services {
    /// The methods of `VerificationService`.
    pub verifications: Verifications,
    /// The methods of `ProfileService`.
    pub profiles: Profiles,
    /// The methods of `TemplateService`.
    pub templates: Templates,
}

/// Starts, reads, checks and reports verifications.
#[derive(Clone)]
pub struct Verifications {
    deps: Arc<Dependencies>,
    sends: IdempotentExecutor<Send>,
    conversions: Arc<Conversions>,
}

/// Creates, reads, changes and deletes profiles.
#[derive(Clone)]
pub struct Profiles {
    deps: Arc<Dependencies>,
    creations: IdempotentExecutor<NewProfile>,
}

/// Creates, lists and changes templates.
#[derive(Clone)]
pub struct Templates {
    upstream: Client,
    creations: IdempotentExecutor<NewTemplate>,
}

/// What the services are built on.
struct Dependencies {
    upstream: Client,
    store: Store,
    clock: Clock,
    metrics: Metrics,
    limiter: Limiter,
    tasks: Tasks,
    settings: config::SendsConfig,
    /// The longest time that one HTTP request takes.
    attempt_timeout: Duration,
    private_webhooks: bool,
}

impl Services {
    /// The services over `upstream`, with their records in `store`. Work that outlives its caller runs on `tasks`.
    #[must_use]
    pub fn new(
        config: &Config,
        upstream: &Client,
        store: &Store,
        clock: &Clock,
        tasks: &Tasks,
        metrics: &Metrics,
    ) -> Self {
        let deps = Arc::new(Dependencies {
            upstream: upstream.clone(),
            store: store.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
            limiter: Limiter::new(store, metrics),
            tasks: tasks.clone(),
            settings: config.sends.clone(),
            attempt_timeout: config.upstream.attempt_timeout,
            private_webhooks: config.upstream.allow_private_webhooks,
        });
        Self {
            profiles: Profiles { deps: deps.clone(), creations: IdempotentExecutor::new(&deps) },
            templates: Templates { upstream: upstream.clone(), creations: IdempotentExecutor::new(&deps) },
            verifications: Verifications { sends: IdempotentExecutor::new(&deps), conversions: Arc::default(), deps },
        }
    }
}

/// How far Telnyx's clock is ahead of the one that dates records, at least and at most. The clock of a store may differ
/// from what it was when a record was dated: by `sends.clock_skew`, which the bounds include.
#[derive(Clone, Copy, Debug)]
struct TelnyxOffset {
    low: SignedDuration,
    high: SignedDuration,
}

impl TelnyxOffset {
    /// The latest time that Telnyx's clock can have shown when a record was dated `at`.
    fn latest(&self, at: Timestamp) -> Timestamp {
        at.saturating_add(self.high).unwrap_or(Timestamp::MAX)
    }
}

impl Dependencies {
    /// None until an answer to the account's requests has shown Telnyx's time.
    fn telnyx_offset(&self, tenant: &Tenant) -> Option<TelnyxOffset> {
        let (telnyx, local, now) = (self.upstream.telnyx_clock(tenant)?, self.clock.now(), self.now());
        let skew = SignedDuration::try_from(self.settings.clock_skew).unwrap_or(SignedDuration::MAX);
        let low = telnyx.earliest(local).duration_since(now).saturating_sub(skew);
        let high = telnyx.latest(local).duration_since(now).saturating_add(skew);
        Some(TelnyxOffset { low, high })
    }

    /// The time that dates records.
    fn now(&self) -> Timestamp {
        self.store.now()
    }
}
