//! What the gateway does for each RPC: permissions, audit, limits, idempotency, upstream. One method per RPC.

mod check;
mod conversions;
mod once;
mod profiles;
mod read;
mod send;
mod tasks;
mod templates;
mod test_numbers;

use std::{sync::Arc, time::Duration};

use self::conversions::Conversions;
use self::once::{Once, Parts};
pub use self::{
    check::{Check, Report, VerificationRef},
    once::{Origin, Outcome},
    profiles::NewProfile,
    send::Send,
    tasks::Tasks,
    templates::NewTemplate,
};
use crate::{clock::Clock, config::Config, limits::Limiter, store::Store, telemetry::Metrics, upstream::Client};

/// All flows.
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
    upstream: Client,
    store: Store,
    clock: Clock,
    metrics: Metrics,
    conversions: Arc<Conversions>,
    limiter: Limiter,
    sends: Once<Send>,
    clock_skew: Duration,
    attempt_timeout: Duration,
}

/// Creates, reads, changes and deletes profiles.
#[derive(Clone)]
pub struct Profiles {
    upstream: Client,
    creations: Once<NewProfile>,
}

/// Creates, lists and changes templates.
#[derive(Clone)]
pub struct Templates {
    upstream: Client,
    creations: Once<NewTemplate>,
}

impl Services {
    /// The flows over `upstream`, with their records in `store`. What must outlive its caller runs on `tasks`.
    #[must_use]
    pub fn new(
        config: &Config,
        upstream: &Client,
        store: &Store,
        clock: &Clock,
        tasks: &Tasks,
        metrics: &Metrics,
    ) -> Self {
        let limiter = Limiter::new(store, clock, metrics);
        let parts = Parts {
            upstream: upstream.clone(),
            store: store.clone(),
            clock: clock.clone(),
            settings: config.sends.clone(),
            attempt_timeout: config.upstream.attempt_timeout,
            tasks: tasks.clone(),
            metrics: metrics.clone(),
            limiter: limiter.clone(),
        };
        Self {
            verifications: Verifications {
                upstream: upstream.clone(),
                store: store.clone(),
                clock: clock.clone(),
                metrics: metrics.clone(),
                conversions: Arc::default(),
                limiter,
                sends: Once::new(parts.clone()),
                clock_skew: config.sends.clock_skew,
                attempt_timeout: config.upstream.attempt_timeout,
            },
            profiles: Profiles { upstream: upstream.clone(), creations: Once::new(parts.clone()) },
            templates: Templates { upstream: upstream.clone(), creations: Once::new(parts) },
        }
    }
}
