//! What the gateway does for each RPC: permissions, audit, limits, idempotency, upstream. One method per RPC.
//! The errors of each method are those that its RPC documents.

#![expect(clippy::missing_errors_doc, reason = "the contract documents them")]

mod check;
mod conversions;
mod dependencies;
mod events;
mod idempotency;
mod lease;
mod outcome;
mod phones;
mod polling;
mod profile_lock;
mod profiles;
mod read;
mod send;
mod tasks;
mod templates;
mod test_numbers;

use std::sync::Arc;

pub use self::{
    check::{Check, Report},
    events::{EventFilter, EventStreams, WatchedVerification, watch_scope},
    outcome::{Origin, Outcome},
    phones::{PhoneReport, Phones},
    polling::PolledVerification,
    profiles::NewProfile,
    send::Send,
    tasks::Tasks,
    templates::NewTemplate,
};
use self::{conversions::Conversions, dependencies::Dependencies, idempotency::IdempotentExecutor, lease::Process};
use crate::{
    clock::Clock, config::Config, events::Events, limits::Limiter, store::Store, telemetry::Metrics, upstream::Client,
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
    /// The methods of `EventService`.
    pub events: EventStreams,
    /// What operators ask of a phone number.
    pub phones: Phones,
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
            events: Events::new(config, store.clone()),
            tasks: tasks.clone(),
            process: Process::start(&config.store.instance),
            settings: config.sends.clone(),
            attempt_timeout: config.upstream.attempt_timeout,
            private_webhooks: config.upstream.allow_private_webhooks,
            webhooks: config.webhooks.clone(),
        });
        let verifications =
            Verifications { sends: IdempotentExecutor::new(&deps), conversions: Arc::default(), deps: deps.clone() };
        Self {
            phones: Phones::new(deps.clone()),
            events: EventStreams::new(&verifications, &deps, config.events.max_reads),
            profiles: Profiles { deps: deps.clone(), creations: IdempotentExecutor::new(&deps) },
            templates: Templates { upstream: upstream.clone(), creations: IdempotentExecutor::new(&deps) },
            verifications,
        }
    }
}
