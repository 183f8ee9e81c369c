//! What is told where a limit is reached.

use std::{borrow::Cow, time::Duration};

use crate::{
    domain::{Error, LimitMode, TenantId},
    pb::ErrorReason,
    telemetry::Metrics,
};

/// The kinds of limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Calls a second.
    RequestsPerSecond,
    /// Calls at once.
    ConcurrentCalls,
    /// Sends to one phone number.
    SendsPerPhoneNumber,
    /// Sends to the numbers of one country.
    SendsPerCountry,
    /// Sends in a day.
    SendsPerDay,
    /// The time between two sends to one phone number.
    SendCoolDown,
    /// Checks of one verification.
    ChecksPerVerification,
    /// Wrong codes for one phone number.
    GuessesPerPhoneNumber,
}

impl Kind {
    /// Its name: that of its key in the tenants file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RequestsPerSecond => "limits.requests_per_second",
            Self::ConcurrentCalls => "limits.concurrent_calls",
            Self::SendsPerPhoneNumber => "limits.sends_per_phone_number",
            Self::SendsPerCountry => "limits.sends_per_country",
            Self::SendsPerDay => "limits.sends_per_day",
            Self::SendCoolDown => "limits.send_cool_down",
            Self::ChecksPerVerification => "limits.checks_per_verification",
            Self::GuessesPerPhoneNumber => "limits.guesses_per_phone_number",
        }
    }

    /// Why a call fails that it refuses.
    #[must_use]
    pub const fn reason(self) -> ErrorReason {
        match self {
            Self::RequestsPerSecond => ErrorReason::RequestLimitReached,
            Self::ConcurrentCalls => ErrorReason::ConcurrencyLimitReached,
            Self::SendsPerPhoneNumber => ErrorReason::PhoneSendLimitReached,
            Self::SendsPerCountry => ErrorReason::CountrySendLimitReached,
            Self::SendsPerDay => ErrorReason::DailySendLimitReached,
            Self::SendCoolDown => ErrorReason::SendCoolDown,
            Self::ChecksPerVerification => ErrorReason::CheckLimitReached,
            Self::GuessesPerPhoneNumber => ErrorReason::GuessLimitReached,
        }
    }
}

/// A limit that a call has reached.
pub(super) struct Reached {
    pub(super) kind: Kind,
    pub(super) mode: LimitMode,
    /// What it allows, for people. It names no phone number.
    pub(super) allows: Cow<'static, str>,
    /// How long until it lets the call through; none where no wait helps, or nobody knows it.
    pub(super) wait: Option<Duration>,
}

impl Reached {
    pub(super) fn refuses(&self) -> bool {
        self.mode == LimitMode::Enforce
    }
}

/// Counts every limit that was reached, and refuses for the one that a call has to wait for the longest.
///
/// # Errors
/// The refusal.
pub(super) fn verdict(reached: Vec<Reached>, tenant: &TenantId, metrics: &Metrics) -> Result<(), Error> {
    for Reached { kind, mode, .. } in &reached {
        let limit = kind.name();
        metrics.limit_hit(limit, *mode);
        if *mode == LimitMode::Observe {
            tracing::info!(limit, tenant = tenant.as_str(), "a limit was reached, and is only observed");
        }
    }
    let longest = |one: &Reached| one.wait.unwrap_or(Duration::MAX);
    match reached.into_iter().filter(Reached::refuses).max_by_key(longest) {
        None => Ok(()),
        Some(Reached { kind, allows, wait, .. }) => {
            let error = Error::new(kind.reason(), allows).rule(kind.name());
            Err(if let Some(wait) = wait { error.retry_after(wait) } else { error })
        }
    }
}
