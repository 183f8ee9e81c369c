//! The fields of a profile by their two names: paths in the contract, JSON pointers (RFC 6901) in Telnyx's API.

/// A field that can be written.
pub(super) struct ProfileField {
    /// Its path below the profile, as a field mask has it.
    pub(super) ours: &'static str,
    /// Its pointer into the body.
    pub(super) telnyxs: &'static str,
}

const fn name(ours: &'static str, telnyxs: &'static str) -> ProfileField {
    ProfileField { ours, telnyxs }
}

/// Every field that can be written.
pub(super) const PROFILE_FIELDS: [ProfileField; 31] = [
    name("name", "/name"),
    name("language", "/language"),
    name("webhook_url", "/webhook_url"),
    name("webhook_failover_url", "/webhook_failover_url"),
    name("daily_spend_limit.amount_usd", "/daily_spend_limit"),
    name("daily_spend_limit.enabled", "/daily_spend_limit_enabled"),
    name("sms", "/sms"),
    name("sms.app_name", "/sms/app_name"),
    name("sms.code_length", "/sms/code_length"),
    name("sms.default_timeout", "/sms/default_verification_timeout_secs"),
    name("sms.template_id", "/sms/messaging_template_id"),
    name("sms.allowed_destinations", "/sms/whitelisted_destinations"),
    name("sms.alpha_sender", "/sms/alpha_sender"),
    name("call", "/call"),
    name("call.app_name", "/call/app_name"),
    name("call.code_length", "/call/code_length"),
    name("call.default_timeout", "/call/default_verification_timeout_secs"),
    name("call.template_id", "/call/messaging_template_id"),
    name("call.allowed_destinations", "/call/whitelisted_destinations"),
    name("flashcall", "/flashcall"),
    name("flashcall.app_name", "/flashcall/app_name"),
    name("flashcall.default_timeout", "/flashcall/default_verification_timeout_secs"),
    name("flashcall.allowed_destinations", "/flashcall/whitelisted_destinations"),
    name("whatsapp", "/whatsapp"),
    name("whatsapp.default_timeout", "/whatsapp/default_verification_timeout_secs"),
    name("whatsapp.allowed_destinations", "/whatsapp/whitelisted_destinations"),
    name("whatsapp.waba_id", "/whatsapp/waba_id"),
    name("whatsapp.sender_phone_number", "/whatsapp/sender_phone_number"),
    name("whatsapp.waba_template_id", "/whatsapp/template_id"),
    name("dtmf_confirm", "/dtmf_confirm"),
    name("dtmf_confirm.default_timeout", "/dtmf_confirm/default_timeout_secs"),
];
