//! A limit that a call has reached, and the refusal that follows.

use std::time::Duration;

use crate::{
    domain::{Error, LimitMode, TenantId},
    pb::ErrorReason,
    telemetry::Metrics,
};

/// The name of a limit's setting in the tenants file, and the reason of its refusals.
#[derive(Clone, Copy)]
pub(super) struct LimitKind(&'static str, ErrorReason);

impl LimitKind {
    pub(super) const REQUESTS_PER_SECOND: Self = Self("limits.requests_per_second", ErrorReason::RequestLimitReached);
    pub(super) const CONCURRENT_CALLS: Self = Self("limits.concurrent_calls", ErrorReason::ConcurrencyLimitReached);
    pub(super) const SENDS_PER_PHONE_NUMBER: Self =
        Self("limits.sends_per_phone_number", ErrorReason::PhoneSendLimitReached);
    pub(super) const SENDS_PER_COUNTRY: Self = Self("limits.sends_per_country", ErrorReason::CountrySendLimitReached);
    pub(super) const SENDS_PER_DAY: Self = Self("limits.sends_per_day", ErrorReason::DailySendLimitReached);
    pub(super) const SEND_COOL_DOWN: Self = Self("limits.send_cool_down", ErrorReason::SendCoolDown);
    pub(super) const CHECKS_PER_VERIFICATION: Self =
        Self("limits.checks_per_verification", ErrorReason::CheckLimitReached);
    pub(super) const GUESSES_PER_PHONE_NUMBER: Self =
        Self("limits.guesses_per_phone_number", ErrorReason::GuessLimitReached);

    /// The name of its setting.
    pub(super) const fn name(self) -> &'static str {
        self.0
    }
}

/// A limit that a call has reached.
pub(super) struct LimitHit {
    pub(super) kind: LimitKind,
    pub(super) mode: LimitMode,
    /// What the limit allows, for people. It contains no phone number.
    pub(super) allows: String,
    /// How long until the limit lets the call through. None if that is unknown, or if waiting does not help.
    pub(super) wait: Option<Duration>,
}

impl LimitHit {
    pub(super) fn refuses(&self) -> bool {
        self.mode == LimitMode::Enforce
    }
}

/// Counts every hit, and refuses with the one that has the longest wait.
pub(super) fn verdict(hits: Vec<LimitHit>, tenant: &TenantId, metrics: &Metrics) -> Result<(), Error> {
    for hit in &hits {
        let LimitKind(limit, _) = hit.kind;
        metrics.limit_hit(limit, hit.mode);
        if !hit.refuses() {
            tracing::info!(limit, tenant = tenant.as_str(), "a limit was reached; it does not refuse (mode: observe)");
        }
    }
    let refusing = hits.into_iter().filter(LimitHit::refuses);
    let Some(hit) = refusing.max_by_key(|hit| hit.wait.unwrap_or(Duration::MAX)) else { return Ok(()) };
    let LimitKind(limit, reason) = hit.kind;
    let error = Error::new(reason, hit.allows).rule(limit);
    Err(match hit.wait {
        Some(wait) => error.retry_after(wait),
        None => error,
    })
}
