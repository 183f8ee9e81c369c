//! The check of a code, and what it does to a verification.

use jiff::Timestamp;

use super::{
    error::ApiError,
    settings::{AfterAttemptLimit, ExpiredAnswer, Settings, UsedAnswer},
    verification::SimulatedVerification,
};
use crate::telnyx::{ResponseCode, VerificationStatus};

/// The input of a check.
pub(super) enum CheckInput<'a> {
    /// A code to compare.
    Code(&'a str),
    /// The result of the caller's own comparison.
    Report(VerificationStatus),
}

/// Checks a verification, and returns the response code.
///
/// # Errors
/// 404 where the settings say so.
pub(super) fn check(
    verification: &mut SimulatedVerification,
    input: CheckInput<'_>,
    settings: &Settings,
    now: Timestamp,
) -> Result<ResponseCode, ApiError> {
    let not_found = || ApiError::not_found("verification");
    match verification.status(now) {
        VerificationStatus::Pending => Ok(check_pending(verification, input, settings, now)),
        VerificationStatus::Expired => match settings.expired_answer {
            ExpiredAnswer::Rejected => Ok(ResponseCode::Rejected),
            ExpiredAnswer::Expired => Ok(ResponseCode::Expired),
            ExpiredAnswer::NotFound => Err(not_found()),
        },
        VerificationStatus::Invalid if limit_reached(verification, settings) => match settings.after_attempt_limit {
            AfterAttemptLimit::Rejected => Ok(ResponseCode::Rejected),
            AfterAttemptLimit::MaxAttemptsExceeded => Ok(ResponseCode::MaxAttemptsExceeded),
            AfterAttemptLimit::NotFound => Err(not_found()),
        },
        _ => match settings.used_answer {
            UsedAnswer::NotFound => Err(not_found()),
            UsedAnswer::Rejected => Ok(ResponseCode::Rejected),
        },
    }
}

fn check_pending(
    verification: &mut SimulatedVerification,
    input: CheckInput<'_>,
    settings: &Settings,
    now: Timestamp,
) -> ResponseCode {
    match input {
        CheckInput::Report(status) => verification.decide(status, now),
        CheckInput::Code(code) if verification.new.code.as_deref() == Some(code) => {
            verification.decide(VerificationStatus::Accepted, now);
        }
        CheckInput::Code(_) => {
            verification.failed_attempts += 1;
            if limit_reached(verification, settings) {
                verification.decide(VerificationStatus::Invalid, now);
            }
        }
    }
    if verification.status(now) == VerificationStatus::Accepted {
        ResponseCode::Accepted
    } else {
        ResponseCode::Rejected
    }
}

fn limit_reached(verification: &SimulatedVerification, settings: &Settings) -> bool {
    settings.attempt_limit > 0 && verification.failed_attempts >= settings.attempt_limit
}
