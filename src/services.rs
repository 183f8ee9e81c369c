//! Flows that are more than one call upstream.

mod check;
mod create;
mod once;
mod read;
mod send;
mod tasks;
mod test_numbers;

use std::time::Duration;

use self::once::{Once, Parts};
pub use self::{
    check::{Check, Target},
    create::{NewProfile, NewTemplate},
    once::{Answered, Origin},
    send::Send,
    tasks::Tasks,
};
use crate::{clock::Clock, config::Config, limits::Limiter, store::Store, telemetry::Metrics, upstream::Client};

/// All flows.
#[derive(Clone)]
pub struct Services {
    /// Starts, checks and reports verifications.
    pub verifications: Verifications,
    /// Creates profiles.
    pub profiles: Profiles,
    /// Creates templates.
    pub templates: Templates,
}

/// Starts, checks and reports verifications.
#[derive(Clone)]
pub struct Verifications {
    upstream: Client,
    store: Store,
    clock: Clock,
    metrics: Metrics,
    limiter: Limiter,
    sends: Once<Send>,
    clock_skew: Duration,
    attempt_timeout: Duration,
}

/// Creates profiles.
#[derive(Clone)]
pub struct Profiles(Once<NewProfile>);

/// Creates templates.
#[derive(Clone)]
pub struct Templates(Once<NewTemplate>);

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
                limiter,
                sends: Once::new(parts.clone()),
                clock_skew: config.sends.clock_skew,
                attempt_timeout: config.upstream.attempt_timeout,
            },
            profiles: Profiles(Once::new(parts.clone())),
            templates: Templates(Once::new(parts)),
        }
    }
}
