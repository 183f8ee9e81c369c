//! Requests about verifications.

mod response;

pub use self::response::{check_outcome, e164, verification};
use super::{PageRequest, Violations, fields::consists_of, optional};
use crate::{
    domain::{Error, PhoneNumber, Tenant, VerificationRef},
    pb::{self, check_verification_request::Target},
    services::{Check, Report, Send},
    telnyx::Channel,
};

/// The channels of the contract and of Telnyx.
pub(super) const CHANNELS: [(pb::Channel, Channel); 5] = [
    (pb::Channel::Sms, Channel::Sms),
    (pb::Channel::Call, Channel::Call),
    (pb::Channel::Flashcall, Channel::Flashcall),
    (pb::Channel::Whatsapp, Channel::Whatsapp),
    (pb::Channel::DtmfConfirm, Channel::DtmfConfirm),
];

/// A page of the verifications of a phone number.
pub struct ListVerifications {
    /// The phone number.
    pub phone_number: PhoneNumber,
    /// The page.
    pub page: PageRequest,
}

/// `CreateVerification`.
pub fn create_verification(request: &pb::CreateVerificationRequest, tenant: &Tenant) -> Result<Send, Error> {
    let mut violations = Violations::default();
    let phone_number = violations.phone_number("phone_number", &request.phone_number);
    let channel = CHANNELS.iter().find(|(ours, _)| *ours == request.channel()).map(|(_, channel)| *channel);
    violations.require(channel.is_some(), "channel", "must be one of SMS, CALL, FLASHCALL, WHATSAPP, DTMF_CONFIRM");
    let profile_id = violations.profile_id(&request.profile_id, tenant);
    let timeout_secs = violations.timeout("timeout", request.timeout);
    let custom_code = optional(&request.custom_code, |code| violations.code("custom_code", code));
    let is_keys = consists_of(&request.extension, 64, |key| "0123456789ABCDwW*#".contains(key));
    let must = "must be at most 64 of `0-9 A-D * # w W`";
    let extension = violations.text("extension", &request.extension, is_keys, must);
    let request_id = violations.request_id(&request.request_id);

    let may_be = |channels: &[Channel]| channel.is_none_or(|channel| channels.contains(&channel));
    violations.require(
        request.custom_code.is_empty() || may_be(&[Channel::Sms, Channel::Call, Channel::Whatsapp]),
        "custom_code",
        "must be empty unless channel is SMS, CALL or WHATSAPP",
    );
    violations.require(
        request.extension.is_empty() || may_be(&[Channel::Call]),
        "extension",
        "must be empty unless channel is CALL",
    );
    violations.require(
        request.timeout.is_none() || channel != Some(Channel::DtmfConfirm),
        "timeout",
        "must be empty if channel is DTMF_CONFIRM",
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

/// `GetVerification`: the ID.
pub fn get_verification(request: &pb::GetVerificationRequest) -> Result<String, Error> {
    let mut violations = Violations::default();
    let id = violations.id("verification_id", &request.verification_id);
    violations.into_result(id)
}

/// `ListVerifications`.
pub fn list_verifications(request: &pb::ListVerificationsRequest, tenant: &Tenant) -> Result<ListVerifications, Error> {
    let mut violations = Violations::default();
    let phone_number = violations.phone_number("phone_number", &request.phone_number);
    let page =
        violations.page("verifications", &tenant.id, &request.phone_number, request.page_size, &request.page_token);
    violations.into_result(phone_number.map(|phone_number| ListVerifications { phone_number, page }))
}

/// `CheckVerification`.
pub fn check_verification(request: &pb::CheckVerificationRequest, tenant: &Tenant) -> Result<Check, Error> {
    let mut violations = Violations::default();
    let target = match &request.target {
        None => {
            violations.add("target", "must be a verification_id or a phone_number");
            None
        }
        Some(Target::VerificationId(id)) => {
            violations.require(request.profile_id.is_empty(), "profile_id", "must be empty with a verification_id");
            violations.id("verification_id", id).map(VerificationRef::Id)
        }
        Some(Target::PhoneNumber(text)) => {
            let phone_number = violations.phone_number("phone_number", text);
            let profile_id = violations.profile_id(&request.profile_id, tenant);
            phone_number
                .zip(profile_id)
                .map(|(phone_number, profile_id)| VerificationRef::PhoneNumber { phone_number, profile_id })
        }
    };
    let code = violations.code("code", &request.code);
    let request_id = violations.request_id(&request.request_id);
    violations.into_result(target.zip(code).map(|(target, code)| Check { request_id, target, code }))
}

/// `ReportVerification`.
pub fn report_verification(request: &pb::ReportVerificationRequest) -> Result<Report, Error> {
    let mut violations = Violations::default();
    let id = violations.id("verification_id", &request.verification_id);
    let outcome = request.outcome();
    violations.require(outcome != pb::ReportedOutcome::Unspecified, "outcome", "must be one of ACCEPTED, REJECTED");
    let accepted = outcome == pb::ReportedOutcome::Accepted;
    let request_id = violations.request_id(&request.request_id);
    violations.into_result(id.map(|verification_id| Report { request_id, verification_id, accepted }))
}

impl Violations {
    /// The profile of the request, or the tenant's default.
    fn profile_id(&mut self, id: &str, tenant: &Tenant) -> Option<String> {
        match (&tenant.default_profile, id) {
            (Some(default), "") => Some(default.clone()),
            (None, "") => {
                self.add("profile_id", "must be set: the tenant has no default profile");
                None
            }
            _ => self.id("profile_id", id),
        }
    }
}
