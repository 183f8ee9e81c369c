//! Verifications and checks.

use super::{
    Violations,
    time::{seconds, timestamp},
};
use crate::{
    domain::{Error, Tenant},
    pb::{self, CheckOutcome, VerificationState, check_verification_request::Target as PbTarget},
    services::{Check, Report, Send, VerificationRef},
    telemetry::Call,
    telnyx::{self, Channel, ResponseCode, VerificationStatus},
};

/// A verification to start.
///
/// # Errors
/// All violations.
pub fn send(request: &pb::CreateVerificationRequest, tenant: &Tenant) -> Result<Send, Error> {
    let mut violations = Violations::default();
    let channel = channel(request.channel());
    violations.require(channel.is_some(), "channel", "must be a channel");
    let takes_code = matches!(channel, None | Some(Channel::Sms | Channel::Call | Channel::Whatsapp));
    violations.require(
        takes_code || request.custom_code.is_empty(),
        "custom_code",
        "must be left out but for SMS, CALL and WHATSAPP",
    );
    let takes_extension = matches!(channel, None | Some(Channel::Call));
    violations.require(takes_extension || request.extension.is_empty(), "extension", "must be left out but for CALL");
    let takes_timeout = channel != Some(Channel::DtmfConfirm);
    violations.require(takes_timeout || request.timeout.is_none(), "timeout", "must be left out for DTMF_CONFIRM");

    let request_id = violations.request_id(&request.request_id);
    let phone_number = violations.phone_number("phone_number", &request.phone_number);
    let profile_id = profile_id(&request.profile_id, tenant, &mut violations);
    let timeout_secs = violations.timeout("timeout", request.timeout);
    let custom_code =
        if request.custom_code.is_empty() { None } else { violations.code("custom_code", &request.custom_code) };
    let extension = violations.text(
        "extension",
        &request.extension,
        64,
        |key| "0123456789ABCDwW*#".contains(key),
        "must be at most 64 of `0-9 A-D * # w W`",
    );
    let required = phone_number.zip(channel).zip(profile_id);
    violations.into_result(required.map(|((phone_number, channel), profile_id)| Send {
        request_id,
        phone_number,
        channel,
        profile_id,
        timeout_secs,
        custom_code,
        extension,
    }))
}

/// A code to check.
///
/// # Errors
/// All violations.
pub fn check(request: &pb::CheckVerificationRequest, tenant: &Tenant) -> Result<Check, Error> {
    let mut violations = Violations::default();
    let code = violations.code("code", &request.code);
    let target = match &request.target {
        None => {
            violations.add("target", "must be a verification_id or a phone_number");
            None
        }
        Some(PbTarget::VerificationId(id)) => {
            violations.require(request.profile_id.is_empty(), "profile_id", "must be left out with a verification_id");
            violations.id("verification_id", id).map(VerificationRef::Id)
        }
        Some(PbTarget::PhoneNumber(text)) => {
            let phone_number = violations.phone_number("phone_number", text);
            let profile_id = profile_id(&request.profile_id, tenant, &mut violations);
            phone_number
                .zip(profile_id)
                .map(|(phone_number, profile_id)| VerificationRef::Phone { phone_number, profile_id })
        }
    };
    violations.into_result(target.zip(code).map(|(target, code)| Check { target, code }))
}

/// A check that the caller made itself.
///
/// # Errors
/// All violations.
pub fn report(request: &pb::ReportVerificationRequest) -> Result<Report, Error> {
    let mut violations = Violations::default();
    let id = violations.id("verification_id", &request.verification_id);
    let accepted = match request.outcome() {
        pb::ReportedOutcome::Accepted => Some(true),
        pb::ReportedOutcome::Rejected => Some(false),
        pb::ReportedOutcome::Unspecified => None,
    };
    violations.require(accepted.is_some(), "outcome", "must be ACCEPTED or REJECTED");
    violations.into_result(id.zip(accepted).map(|(verification_id, accepted)| Report { verification_id, accepted }))
}

/// A verification as callers see it: without its code.
#[must_use]
pub fn verification(verification: telnyx::Verification) -> pb::Verification {
    let state = match verification.status {
        Some(VerificationStatus::Pending) => VerificationState::Pending,
        Some(VerificationStatus::Accepted) => VerificationState::Accepted,
        Some(VerificationStatus::Invalid) => VerificationState::Invalid,
        Some(VerificationStatus::Expired) => VerificationState::Expired,
        Some(VerificationStatus::Error) => VerificationState::Error,
        Some(VerificationStatus::Unknown(_)) | None => unknown("status", VerificationState::Unspecified),
    };
    let channel = match verification.channel.as_deref().and_then(Channel::from_name) {
        Some(Channel::Sms) => pb::Channel::Sms,
        Some(Channel::Call) => pb::Channel::Call,
        Some(Channel::Flashcall) => pb::Channel::Flashcall,
        Some(Channel::Whatsapp) => pb::Channel::Whatsapp,
        Some(Channel::DtmfConfirm) => pb::Channel::DtmfConfirm,
        None => unknown("type", pb::Channel::Unspecified),
    };
    pb::Verification {
        id: verification.id.unwrap_or_default(),
        channel: channel.into(),
        state: state.into(),
        phone_number: verification.phone_number.unwrap_or_default(),
        profile_id: verification.verify_profile_id.unwrap_or_default(),
        timeout: seconds(verification.timeout_secs),
        has_custom_code: verification.custom_code.is_some(),
        create_time: timestamp(verification.created_at),
        update_time: timestamp(verification.updated_at),
        is_test_number: false,
    }
}

/// What became of a check. Only the exact word of Telnyx's document means accepted.
#[must_use]
pub fn check_outcome(answer: &telnyx::CheckResponse) -> CheckOutcome {
    match answer.response_code {
        Some(ResponseCode::Accepted) => CheckOutcome::Accepted,
        Some(ResponseCode::Rejected) => CheckOutcome::Rejected,
        Some(ResponseCode::Expired) => CheckOutcome::Expired,
        Some(ResponseCode::MaxAttemptsExceeded) => CheckOutcome::MaxAttemptsExceeded,
        Some(ResponseCode::Unknown(_)) | None => unknown("response_code", CheckOutcome::Unspecified),
    }
}

/// Notes that Telnyx wrote a value that the contract does not know.
fn unknown<T>(field: &'static str, unspecified: T) -> T {
    if let Some(call) = Call::current() {
        call.metrics.unknown_value(field);
    }
    tracing::debug!(field, "telnyx wrote a value that the contract does not know");
    unspecified
}

fn channel(channel: pb::Channel) -> Option<Channel> {
    match channel {
        pb::Channel::Unspecified => None,
        pb::Channel::Sms => Some(Channel::Sms),
        pb::Channel::Call => Some(Channel::Call),
        pb::Channel::Flashcall => Some(Channel::Flashcall),
        pb::Channel::Whatsapp => Some(Channel::Whatsapp),
        pb::Channel::DtmfConfirm => Some(Channel::DtmfConfirm),
    }
}

/// The profile that the request names, else the tenant's default.
fn profile_id(named: &str, tenant: &Tenant, violations: &mut Violations) -> Option<String> {
    match (&tenant.default_profile, named.is_empty()) {
        (Some(default), true) => Some(default.clone()),
        (None, true) => {
            violations.add("profile_id", "must be given: the tenant has no default profile");
            None
        }
        _ => violations.id("profile_id", named),
    }
}
