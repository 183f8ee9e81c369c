//! The fields of a profile, by their paths in the contract and their pointers in Telnyx's API.

/// A field that can be written.
pub(super) struct ProfileField {
    /// Its path below the profile, as in a field mask.
    pub(super) path: &'static str,
    /// Its JSON pointer (RFC 6901) into the body.
    pub(super) pointer: &'static str,
}

const fn field(path: &'static str, pointer: &'static str) -> ProfileField {
    ProfileField { path, pointer }
}

/// All fields that can be written.
pub(super) const PROFILE_FIELDS: [ProfileField; 31] = [
    field("name", "/name"),
    field("language", "/language"),
    field("webhook_url", "/webhook_url"),
    field("webhook_failover_url", "/webhook_failover_url"),
    field("daily_spend_limit.amount_usd", "/daily_spend_limit"),
    field("daily_spend_limit.enabled", "/daily_spend_limit_enabled"),
    field("sms", "/sms"),
    field("sms.app_name", "/sms/app_name"),
    field("sms.code_length", "/sms/code_length"),
    field("sms.default_timeout", "/sms/default_verification_timeout_secs"),
    field("sms.template_id", "/sms/messaging_template_id"),
    field("sms.allowed_destinations", "/sms/whitelisted_destinations"),
    field("sms.alpha_sender", "/sms/alpha_sender"),
    field("call", "/call"),
    field("call.app_name", "/call/app_name"),
    field("call.code_length", "/call/code_length"),
    field("call.default_timeout", "/call/default_verification_timeout_secs"),
    field("call.template_id", "/call/messaging_template_id"),
    field("call.allowed_destinations", "/call/whitelisted_destinations"),
    field("flashcall", "/flashcall"),
    field("flashcall.app_name", "/flashcall/app_name"),
    field("flashcall.default_timeout", "/flashcall/default_verification_timeout_secs"),
    field("flashcall.allowed_destinations", "/flashcall/whitelisted_destinations"),
    field("whatsapp", "/whatsapp"),
    field("whatsapp.default_timeout", "/whatsapp/default_verification_timeout_secs"),
    field("whatsapp.allowed_destinations", "/whatsapp/whitelisted_destinations"),
    field("whatsapp.waba_id", "/whatsapp/waba_id"),
    field("whatsapp.sender_phone_number", "/whatsapp/sender_phone_number"),
    field("whatsapp.waba_template_id", "/whatsapp/template_id"),
    field("dtmf_confirm", "/dtmf_confirm"),
    field("dtmf_confirm.default_timeout", "/dtmf_confirm/default_timeout_secs"),
];
