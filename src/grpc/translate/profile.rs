//! Profiles as callers see them, and profiles to create. `update` has the changes.

mod block;
mod update;

pub use self::update::update_profile;
use super::{
    Violations,
    time::{seconds, timestamp},
};
use crate::{
    domain::Error,
    pb,
    services::NewProfile,
    telnyx::{self, Amount},
};

/// A profile as callers see it.
#[must_use]
pub fn profile(profile: telnyx::Profile) -> pb::Profile {
    let limit = (profile.daily_spend_limit, profile.daily_spend_limit_enabled);
    pb::Profile {
        id: profile.id.unwrap_or_default(),
        name: profile.name.unwrap_or_default(),
        language: profile.language.unwrap_or_default(),
        webhook_url: profile.webhook_url.unwrap_or_default(),
        webhook_failover_url: profile.webhook_failover_url.unwrap_or_default(),
        // Switched off and without an amount, there is no limit to show.
        daily_spend_limit: (limit.0.is_some() || limit.1 == Some(true)).then(|| pb::SpendLimit {
            amount_usd: limit.0.map(|Amount(amount)| amount).unwrap_or_default(),
            enabled: limit.1.unwrap_or_default(),
        }),
        sms: profile.sms.map(|block| pb::SmsSettings {
            default_timeout: seconds(block.timeout_secs()),
            app_name: block.app_name.unwrap_or_default(),
            code_length: digits(block.code_length),
            template_id: block.messaging_template_id.unwrap_or_default(),
            allowed_destinations: block.whitelisted_destinations.unwrap_or_default(),
            alpha_sender: block.alpha_sender.unwrap_or_default(),
        }),
        call: profile.call.map(|block| pb::CallSettings {
            default_timeout: seconds(block.timeout_secs()),
            app_name: block.app_name.unwrap_or_default(),
            code_length: digits(block.code_length),
            template_id: block.messaging_template_id.unwrap_or_default(),
            allowed_destinations: block.whitelisted_destinations.unwrap_or_default(),
        }),
        flashcall: profile.flashcall.map(|block| pb::FlashcallSettings {
            default_timeout: seconds(block.timeout_secs()),
            app_name: block.app_name.unwrap_or_default(),
            allowed_destinations: block.whitelisted_destinations.unwrap_or_default(),
        }),
        whatsapp: profile.whatsapp.map(|block| pb::WhatsappSettings {
            default_timeout: seconds(block.timeout_secs()),
            app_name: block.app_name.unwrap_or_default(),
            code_length: digits(block.code_length),
            template_id: block.messaging_template_id.unwrap_or_default(),
            allowed_destinations: block.whitelisted_destinations.unwrap_or_default(),
            waba_id: block.waba_id.unwrap_or_default(),
            sender_phone_number: block.sender_phone_number.unwrap_or_default(),
            waba_template_id: block.template_id.unwrap_or_default(),
        }),
        dtmf_confirm: profile
            .dtmf_confirm
            .map(|block| pb::DtmfConfirmSettings { default_timeout: seconds(block.timeout_secs()) }),
        create_time: timestamp(profile.created_at),
        update_time: timestamp(profile.updated_at),
    }
}

/// A profile to create. What only Telnyx sets is left out (AIP-203).
///
/// # Errors
/// All violations.
pub fn create_profile(request: pb::CreateProfileRequest) -> Result<NewProfile, Error> {
    let mut violations = Violations::default();
    let request_id = violations.request_id(&request.request_id);
    let Some(profile) = request.profile else {
        violations.add("profile", "must be given");
        return violations.into_result(None);
    };
    violations.require(!profile.name.is_empty(), "profile.name", "must be given");
    let written = write(&profile, &mut violations);
    let blocks = [&written.sms, &written.call, &written.flashcall, &written.whatsapp, &written.dtmf_confirm];
    // Telnyx refuses a profile of a name alone, although its document does not say so.
    violations.require(blocks.iter().any(|block| block.is_some()), "profile", "must have at least one channel");
    violations.into_result(Some(NewProfile { request_id, profile: written }))
}

/// All of `profile` that can be written, in Telnyx's terms. What breaks a rule is noted and left out.
fn write(profile: &pb::Profile, violations: &mut Violations) -> telnyx::Profile {
    let no_control = |c: char| !c.is_control();
    let language = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let name = violations.text("profile.name", &profile.name, 255, no_control, "must have at most 255 characters");
    let language = violations.text(
        "profile.language",
        &profile.language,
        35,
        language,
        "must be a language tag such as en-US, of at most 35 letters, digits and hyphens",
    );
    let limit = profile.daily_spend_limit.as_ref();
    telnyx::Profile {
        name,
        language,
        webhook_url: violations.url("profile.webhook_url", &profile.webhook_url),
        webhook_failover_url: violations.url("profile.webhook_failover_url", &profile.webhook_failover_url),
        daily_spend_limit: limit.and_then(|limit| amount(&limit.amount_usd, violations)),
        daily_spend_limit_enabled: limit.map(|limit| limit.enabled),
        sms: profile.sms.as_ref().map(|sms| block::sms(sms, violations)),
        call: profile.call.as_ref().map(|call| block::call(call, violations)),
        flashcall: profile.flashcall.as_ref().map(|flashcall| block::flashcall(flashcall, violations)),
        whatsapp: profile.whatsapp.as_ref().map(|whatsapp| block::whatsapp(whatsapp, violations)),
        dtmf_confirm: profile.dtmf_confirm.as_ref().map(|dtmf_confirm| block::dtmf_confirm(dtmf_confirm, violations)),
        ..telnyx::Profile::default()
    }
}

/// An amount of money: up to nine digits, and up to four after the point.
fn amount(text: &str, violations: &mut Violations) -> Option<Amount> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits =
        |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let holds = digits(whole, 9) && digits(part, 4);
    violations.require(holds, "profile.daily_spend_limit.amount_usd", "must be a decimal number such as 25.50");
    holds.then(|| Amount(text.to_owned()))
}

fn digits(length: Option<u64>) -> i32 {
    length.and_then(|length| i32::try_from(length).ok()).unwrap_or_default()
}
