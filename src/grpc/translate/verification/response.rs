//! Verifications and checks of the contract.

use super::CHANNELS;
use crate::{
    domain::PhoneNumber,
    grpc::translate::time::{seconds, timestamp},
    pb::{self, CheckOutcome, VerificationState},
    telemetry::Call,
    telnyx::{self, ResponseCode, VerificationStatus},
};

/// A verification of the contract. It lacks the code.
#[must_use]
pub fn verification(verification: telnyx::Verification, is_test_number: bool) -> pb::Verification {
    let state = match verification.status {
        Some(VerificationStatus::Pending) => VerificationState::Pending,
        Some(VerificationStatus::Accepted) => VerificationState::Accepted,
        Some(VerificationStatus::Invalid) => VerificationState::Invalid,
        Some(VerificationStatus::Expired) => VerificationState::Expired,
        Some(VerificationStatus::Error) => VerificationState::Error,
        Some(VerificationStatus::Unknown(_)) | None => unknown("status", VerificationState::Unspecified),
    };
    let name = verification.channel.as_deref();
    let channel = CHANNELS.iter().find(|(_, channel)| name == Some(channel.as_str())).map(|(ours, _)| *ours);
    pb::Verification {
        id: verification.id.unwrap_or_default(),
        channel: channel.unwrap_or_else(|| unknown("type", pb::Channel::Unspecified)).into(),
        state: state.into(),
        phone_number: e164(verification.phone_number),
        profile_id: verification.verify_profile_id.unwrap_or_default(),
        timeout: seconds(verification.timeout_secs),
        has_custom_code: verification.custom_code.is_some(),
        create_time: timestamp(verification.created_at),
        update_time: timestamp(verification.updated_at),
        is_test_number,
    }
}

/// A phone number in E.164, in which Telnyx does not write all of them. Empty where there is none.
#[must_use]
pub fn e164(text: Option<String>) -> String {
    text.and_then(|text| PhoneNumber::from_telnyx(&text)).map(|number| number.as_e164().to_owned()).unwrap_or_default()
}

/// The outcome of a check. Only the exact word of Telnyx's document means accepted.
#[must_use]
pub fn check_outcome(response: &telnyx::CheckResponse) -> CheckOutcome {
    match response.response_code {
        Some(ResponseCode::Accepted) => CheckOutcome::Accepted,
        Some(ResponseCode::Rejected) => CheckOutcome::Rejected,
        Some(ResponseCode::Expired) => CheckOutcome::Expired,
        Some(ResponseCode::MaxAttemptsExceeded) => CheckOutcome::MaxAttemptsExceeded,
        Some(ResponseCode::Unknown(_)) | None => unknown("response_code", CheckOutcome::Unspecified),
    }
}

/// Counts a value of Telnyx that the contract lacks.
fn unknown<T>(field: &'static str, unspecified: T) -> T {
    if let Some(call) = Call::current() {
        call.metrics.unknown_value(field);
    }
    tracing::debug!(field, "Telnyx sent a value that the contract does not know");
    unspecified
}
