//! What the services are built on.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Tasks, lease::Process};
use crate::{
    clock::Clock, config, domain::Tenant, events::Events, limits::Limiter, store::Store, telemetry::Metrics,
    upstream::Client,
};

/// See the module.
pub(super) struct Dependencies {
    pub(super) upstream: Client,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) limiter: Limiter,
    pub(super) events: Events,
    pub(super) tasks: Tasks,
    /// This run of the gateway, for its leases.
    pub(super) process: Option<Process>,
    pub(super) settings: config::SendsConfig,
    /// The longest time that one HTTP request takes.
    pub(super) attempt_timeout: Duration,
    pub(super) private_webhooks: bool,
    pub(super) webhooks: config::WebhooksConfig,
}

/// How far Telnyx's clock is ahead of the one that dates records, at least and at most. The clock of a store may differ
/// from what it was when a record was dated: by `sends.clock_skew`, which the bounds include.
#[derive(Clone, Copy, Debug)]
pub(super) struct TelnyxOffset {
    pub(super) low: SignedDuration,
    pub(super) high: SignedDuration,
}

impl TelnyxOffset {
    /// The latest time that Telnyx's clock can have shown when a record was dated `at`.
    pub(super) fn latest(&self, at: Timestamp) -> Timestamp {
        at.saturating_add(self.high).unwrap_or(Timestamp::MAX)
    }
}

impl Dependencies {
    /// None until an answer to the account's requests has shown Telnyx's time.
    pub(super) fn telnyx_offset(&self, tenant: &Tenant) -> Option<TelnyxOffset> {
        let (telnyx, local, now) = (self.upstream.telnyx_clock(tenant)?, self.clock.now(), self.now());
        let skew = SignedDuration::try_from(self.settings.clock_skew).unwrap_or(SignedDuration::MAX);
        let low = telnyx.earliest(local).duration_since(now).saturating_sub(skew);
        let high = telnyx.latest(local).duration_since(now).saturating_add(skew);
        Some(TelnyxOffset { low, high })
    }

    /// The time that dates records.
    pub(super) fn now(&self) -> Timestamp {
        self.store.now()
    }
}
