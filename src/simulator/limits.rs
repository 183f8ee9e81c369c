//! The limits of an account: requests, sends and spending.

use http::StatusCode;
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use serde_json::Value;

use super::{
    account::AccountKey,
    error::ApiError,
    profile::StoredProfile,
    settings::{AtSpendLimit, RateLimitReset, Settings},
    state::SimulatorState,
};
use crate::telnyx::code;

/// The window of `send_limit_per_phone`.
const SEND_WINDOW: SignedDuration = SignedDuration::from_mins(10);

/// Counts a request against `requests_per_minute`.
pub(super) fn request(state: &mut SimulatorState, key: AccountKey, now: Timestamp) -> Result<(), ApiError> {
    let limit = state.settings.requests_per_minute;
    if limit == 0 {
        return Ok(());
    }
    let minute = now.as_second().div_euclid(60);
    let (counted, count) = &mut state.account(key).0.requests;
    if *counted != minute {
        (*counted, *count) = (minute, 0);
    }
    *count += 1;
    if *count <= limit { Ok(()) } else { Err(too_many(&state.settings, limit, (minute + 1) * 60, now)) }
}

/// Checks a send against `send_limit_per_phone`.
pub(super) fn send(state: &SimulatorState, key: AccountKey, phone: &str, now: Timestamp) -> Result<(), ApiError> {
    let limit = state.settings.send_limit_per_phone;
    if limit == 0 {
        return Ok(());
    }
    let recent = |created: Timestamp| now.duration_since(created) < SEND_WINDOW;
    let sent = state
        .verifications
        .of_phone(key, phone)
        .map(|verification| verification.created_at)
        .filter(|&created| recent(created));
    let sent: Vec<_> = sent.collect();
    match sent.first() {
        Some(first) if sent.len() >= limit as usize => {
            // Rounds up to the next second, so that the wait is long enough.
            let free = first.as_second() + SEND_WINDOW.as_secs() + 1;
            Err(too_many(&state.settings, limit, free, now))
        }
        _ => Ok(()),
    }
}

/// Counts an accepted verification towards the `daily_spend_limit` of its profile, and never refuses it.
pub(super) fn charge_acceptance(state: &mut SimulatorState, key: AccountKey, profile_id: &str, now: Timestamp) {
    let (account, settings) = state.account(key);
    if let Some(profile) = account.profile_mut(profile_id) {
        let (today, spent) = spent_today(profile, now);
        profile.spent = (today, spent + settings.acceptance_fee);
    }
}

/// The day, and the spending of a profile on it.
fn spent_today(profile: &StoredProfile, now: Timestamp) -> (Date, f64) {
    let today = TimeZone::UTC.to_datetime(now).date();
    (today, if profile.spent.0 == today { profile.spent.1 } else { 0.0 })
}

/// Counts a send against the profile's `daily_spend_limit`, which resets at 00:00 UTC.
pub(super) fn spend(profile: &mut StoredProfile, settings: &Settings, now: Timestamp) -> Result<(), ApiError> {
    let (today, spent) = spent_today(profile, now);
    let total = spent + settings.send_price;
    let enabled = profile.fields.get("daily_spend_limit_enabled").and_then(Value::as_bool).unwrap_or_default();
    let limit = profile.fields.get("daily_spend_limit").and_then(Value::as_f64).filter(|_| enabled);
    // A sum of cents has a rounding error.
    let exceeds = limit.is_some_and(|limit| spent > limit - 1e-9 || total > limit + 1e-9);
    if exceeds && settings.at_spend_limit == AtSpendLimit::Refuse {
        let detail = "The daily spend limit of the profile is reached.";
        return Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, code::SPEND_LIMIT, detail));
    }
    profile.spent = (today, total);
    Ok(())
}

fn too_many(settings: &Settings, limit: u32, free_at: i64, now: Timestamp) -> ApiError {
    let seconds = (free_at - now.as_second()).max(1);
    let reset = match settings.rate_limit_reset {
        RateLimitReset::Seconds => seconds,
        RateLimitReset::Epoch => free_at,
    };
    let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, code::TOO_MANY_REQUESTS, "The rate limit is reached.")
        .header("x-ratelimit-limit", limit)
        .header("x-ratelimit-remaining", 0)
        .header("x-ratelimit-reset", reset);
    if settings.retry_after { error.header("retry-after", seconds) } else { error }
}
