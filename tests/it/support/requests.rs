//! Requests that several tests send.

use prost_types::Duration;
use uuid::Uuid;
use verify_gateway::pb::{
    CallSettings, Channel, CheckVerificationRequest, CreateVerificationRequest, DtmfConfirmSettings, FlashcallSettings,
    Profile, SmsSettings, SpendLimit, WhatsappSettings, check_verification_request::Target,
};

/// An ordinary number, not a magic number of the simulator.
pub const PHONE: &str = "+13035551234";

/// An SMS to [`PHONE`].
pub fn sms(profile_id: &str) -> CreateVerificationRequest {
    CreateVerificationRequest {
        phone_number: PHONE.into(),
        channel: Channel::Sms.into(),
        profile_id: profile_id.into(),
        ..CreateVerificationRequest::default()
    }
}

/// An SMS to [`PHONE`] with a new request ID.
pub fn sms_with_request_id(profile_id: &str) -> CreateVerificationRequest {
    CreateVerificationRequest { request_id: Uuid::new_v4().to_string(), ..sms(profile_id) }
}

/// A check by the verification's ID.
pub fn check_by_id(verification_id: &str, code: &str) -> CheckVerificationRequest {
    CheckVerificationRequest {
        target: Some(Target::VerificationId(verification_id.into())),
        code: code.into(),
        ..CheckVerificationRequest::default()
    }
}

/// A check by phone number and profile.
pub fn check_by_phone(phone: &str, profile_id: &str, code: &str) -> CheckVerificationRequest {
    CheckVerificationRequest {
        target: Some(Target::PhoneNumber(phone.into())),
        profile_id: profile_id.into(),
        code: code.into(),
        ..CheckVerificationRequest::default()
    }
}

/// A code of the same length as `right` that differs from it.
pub fn wrong_code(right: &str) -> String {
    let first = if right.starts_with('1') { '2' } else { '1' };
    format!("{first}{}", &right[1..])
}

/// A profile with every channel.
pub fn every_channel() -> Profile {
    Profile {
        name: "all".into(),
        sms: Some(SmsSettings::default()),
        call: Some(CallSettings::default()),
        flashcall: Some(FlashcallSettings::default()),
        whatsapp: Some(WhatsappSettings::default()),
        dtmf_confirm: Some(DtmfConfirmSettings { default_timeout: Some(seconds(60)) }),
        ..Profile::default()
    }
}

pub fn seconds(seconds: i64) -> Duration {
    Duration { seconds, nanos: 0 }
}

/// A profile with every field set that can be.
pub fn full_profile() -> Profile {
    Profile {
        name: "full".into(),
        language: "en-US".into(),
        webhook_url: "https://example.com/hook".into(),
        webhook_failover_url: "https://example.org/hook".into(),
        daily_spend_limit: Some(SpendLimit { amount_usd: "25.5".into(), enabled: true }),
        sms: Some(SmsSettings {
            app_name: "Acme".into(),
            code_length: 6,
            default_timeout: Some(seconds(120)),
            template_id: "0abb5b4f-459f-445a-bfcd-488998b7572d".into(),
            allowed_destinations: vec!["US".into(), "CA".into()],
            alpha_sender: "Acme".into(),
        }),
        call: Some(CallSettings {
            app_name: "Acme".into(),
            code_length: 4,
            default_timeout: Some(seconds(60)),
            template_id: "2ca3f1da-5621-4aa6-ae56-df21caff79e0".into(),
            allowed_destinations: vec!["*".into()],
        }),
        flashcall: Some(FlashcallSettings {
            app_name: "Acme".into(),
            default_timeout: Some(seconds(30)),
            ..Default::default()
        }),
        whatsapp: Some(WhatsappSettings {
            default_timeout: Some(seconds(90)),
            allowed_destinations: vec!["US".into()],
            waba_id: "1234".into(),
            sender_phone_number: "+13035550000".into(),
            waba_template_id: "tmpl".into(),
            ..WhatsappSettings::default()
        }),
        dtmf_confirm: Some(DtmfConfirmSettings { default_timeout: Some(seconds(45)) }),
        ..Profile::default()
    }
}
