//! A limit that a call has reached, and the refusal that follows.

use std::time::Duration;

use crate::{
    domain::{Error, LimitMode, TenantId},
    pb::ErrorReason,
    telemetry::Metrics,
};

#[derive(Clone, Copy)]
pub(super) enum LimitKind {
    RequestsPerSecond,
    ConcurrentCalls,
    SendsPerPhoneNumber,
    SendsPerCountry,
    SendsPerDay,
    SendCoolDown,
    ChecksPerVerification,
    GuessesPerPhoneNumber,
}

impl LimitKind {
    /// The name of its key in the tenants file, and the reason of a refusal.
    const fn name_and_reason(self) -> (&'static str, ErrorReason) {
        match self {
            Self::RequestsPerSecond => ("limits.requests_per_second", ErrorReason::RequestLimitReached),
            Self::ConcurrentCalls => ("limits.concurrent_calls", ErrorReason::ConcurrencyLimitReached),
            Self::SendsPerPhoneNumber => ("limits.sends_per_phone_number", ErrorReason::PhoneSendLimitReached),
            Self::SendsPerCountry => ("limits.sends_per_country", ErrorReason::CountrySendLimitReached),
            Self::SendsPerDay => ("limits.sends_per_day", ErrorReason::DailySendLimitReached),
            Self::SendCoolDown => ("limits.send_cool_down", ErrorReason::SendCoolDown),
            Self::ChecksPerVerification => ("limits.checks_per_verification", ErrorReason::CheckLimitReached),
            Self::GuessesPerPhoneNumber => ("limits.guesses_per_phone_number", ErrorReason::GuessLimitReached),
        }
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
///
/// # Errors
/// The refusal.
pub(super) fn verdict(hits: Vec<LimitHit>, tenant: &TenantId, metrics: &Metrics) -> Result<(), Error> {
    for hit in &hits {
        let (limit, _) = hit.kind.name_and_reason();
        metrics.limit_hit(limit, hit.mode);
        if !hit.refuses() {
            tracing::info!(limit, tenant = tenant.as_str(), "a limit was reached; it does not refuse (mode: observe)");
        }
    }
    let refusing = hits.into_iter().filter(LimitHit::refuses);
    let Some(hit) = refusing.max_by_key(|hit| hit.wait.unwrap_or(Duration::MAX)) else { return Ok(()) };
    let (limit, reason) = hit.kind.name_and_reason();
    let error = Error::new(reason, hit.allows).rule(limit);
    Err(match hit.wait {
        Some(wait) => error.retry_after(wait),
        None => error,
    })
}
