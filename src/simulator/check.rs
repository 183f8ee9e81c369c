//! What decides a verification: the check of a code, or a key in the call of a keypad confirmation.

use std::str::FromStr;

use jiff::Timestamp;

use super::{
    error::ApiError,
    settings::{AfterAttemptLimit, ExpiredAnswer, KeypadNoAnswer, Settings, UsedAnswer},
    verification::SimulatedVerification,
};
use crate::telnyx::{Channel, ResponseCode, VerificationStatus};

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

/// The wrong keys that end the call: the prompt is repeated twice.
const MAX_WRONG_KEYS: u32 = 3;

/// An event in the call of a keypad confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keypress {
    /// The person presses this key.
    Key(char),
    /// The person presses no key for ten seconds.
    None,
    /// The call is not answered.
    NoAnswer,
    /// A mailbox answers the call.
    Voicemail,
}

impl FromStr for Keypress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "none" => Ok(Self::None),
            "no_answer" => Ok(Self::NoAnswer),
            "voicemail" => Ok(Self::Voicemail),
            _ => match text.parse() {
                Ok(key @ ('0'..='9' | '*' | '#')) => Ok(Self::Key(key)),
                _ => Err("key must be 0 to 9, *, #, none, no_answer or voicemail"),
            },
        }
    }
}

/// The reason why a keypress fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeypressError {
    /// The verification does not exist.
    #[error("the verification does not exist")]
    NotFound,
    /// The verification has no open call.
    #[error("the verification has no open call")]
    NoCall,
}

/// Does `keypress` in the call of `verification`, and returns the new status.
pub(super) fn press(
    verification: &mut SimulatedVerification,
    keypress: Keypress,
    settings: &Settings,
    now: Timestamp,
) -> Result<VerificationStatus, KeypressError> {
    if verification.new.channel != Channel::DtmfConfirm || verification.status(now) != VerificationStatus::Pending {
        return Err(KeypressError::NoCall);
    }
    match keypress {
        Keypress::Key('1') => verification.decide(VerificationStatus::Accepted, now),
        Keypress::Key(_) => {
            verification.failed_attempts += 1;
            if verification.failed_attempts == MAX_WRONG_KEYS {
                verification.decide(VerificationStatus::Invalid, now);
            }
        }
        Keypress::None | Keypress::Voicemail => verification.decide(VerificationStatus::Expired, now),
        Keypress::NoAnswer if settings.keypad_no_answer == KeypadNoAnswer::Pending => {}
        Keypress::NoAnswer => verification.decide(VerificationStatus::Error, now),
    }
    Ok(verification.status(now))
}
