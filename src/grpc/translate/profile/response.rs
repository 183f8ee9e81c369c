//! Profiles of the contract.

use crate::{
    grpc::translate::time::{seconds, timestamp},
    pb::{self, WebhookDestination},
    telnyx::{self, Amount},
};

/// A profile of the contract. `ours` is the URL of the gateway's own webhook port, if it knows that.
#[must_use]
pub fn profile(profile: telnyx::Profile, ours: Option<&str>) -> pb::Profile {
    let destination = ours.map_or(WebhookDestination::Unspecified, |ours| match profile.webhook_url.as_deref() {
        None | Some("") => WebhookDestination::None,
        Some(url) if url == ours => WebhookDestination::Gateway,
        Some(_) => WebhookDestination::Elsewhere,
    });
    let (amount, enabled) = (profile.daily_spend_limit, profile.daily_spend_limit_enabled);
    pb::Profile {
        id: profile.id.unwrap_or_default(),
        name: profile.name.unwrap_or_default(),
        language: profile.language.unwrap_or_default(),
        webhook_url: profile.webhook_url.unwrap_or_default(),
        webhook_destination: destination.into(),
        webhook_failover_url: profile.webhook_failover_url.unwrap_or_default(),
        // Without an amount and disabled, there is no limit.
        daily_spend_limit: (amount.is_some() || enabled == Some(true)).then(|| pb::SpendLimit {
            amount_usd: amount.map(|Amount(amount)| amount).unwrap_or_default(),
            enabled: enabled.unwrap_or_default(),
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

fn digits(length: Option<u64>) -> i32 {
    length.and_then(|length| i32::try_from(length).ok()).unwrap_or_default()
}
