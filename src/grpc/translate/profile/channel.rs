//! The blocks of a profile, one for each channel, in Telnyx's terms.

use crate::{
    grpc::translate::{Violations, fields::consists_of, optional},
    pb,
    telnyx::ChannelBlock,
};

pub(super) fn sms(sms: &pb::SmsSettings, violations: &mut Violations) -> ChannelBlock {
    let is_sender = has_letter(&sms.alpha_sender) && consists_of(&sms.alpha_sender, 11, |c| is_word(c) || c == ' ');
    let must = "must be at most 11 letters, digits and spaces, at least one of them a letter";
    violations.message("sms", |violations| ChannelBlock {
        app_name: violations.app_name(&sms.app_name),
        code_length: violations.code_length(sms.code_length),
        default_verification_timeout_secs: violations.timeout("default_timeout", sms.default_timeout),
        messaging_template_id: optional(&sms.template_id, |id| violations.id("template_id", id)),
        whitelisted_destinations: violations.destinations("allowed_destinations", &sms.allowed_destinations),
        alpha_sender: violations.text("alpha_sender", &sms.alpha_sender, is_sender, must),
        ..ChannelBlock::default()
    })
}

pub(super) fn call(call: &pb::CallSettings, violations: &mut Violations) -> ChannelBlock {
    violations.message("call", |violations| ChannelBlock {
        app_name: violations.app_name(&call.app_name),
        code_length: violations.code_length(call.code_length),
        default_verification_timeout_secs: violations.timeout("default_timeout", call.default_timeout),
        messaging_template_id: optional(&call.template_id, |id| violations.id("template_id", id)),
        whitelisted_destinations: violations.destinations("allowed_destinations", &call.allowed_destinations),
        ..ChannelBlock::default()
    })
}

pub(super) fn flashcall(flashcall: &pb::FlashcallSettings, violations: &mut Violations) -> ChannelBlock {
    violations.message("flashcall", |violations| ChannelBlock {
        app_name: violations.app_name(&flashcall.app_name),
        default_verification_timeout_secs: violations.timeout("default_timeout", flashcall.default_timeout),
        whitelisted_destinations: violations.destinations("allowed_destinations", &flashcall.allowed_destinations),
        ..ChannelBlock::default()
    })
}

pub(super) fn whatsapp(whatsapp: &pb::WhatsappSettings, violations: &mut Violations) -> ChannelBlock {
    violations.message("whatsapp", |violations| {
        let sender =
            optional(&whatsapp.sender_phone_number, |text| violations.phone_number("sender_phone_number", text));
        ChannelBlock {
            default_verification_timeout_secs: violations.timeout("default_timeout", whatsapp.default_timeout),
            whitelisted_destinations: violations.destinations("allowed_destinations", &whatsapp.allowed_destinations),
            waba_id: violations.meta_id("waba_id", &whatsapp.waba_id),
            sender_phone_number: sender.map(|number| number.as_e164().to_owned()),
            template_id: violations.meta_id("waba_template_id", &whatsapp.waba_template_id),
            ..ChannelBlock::default()
        }
    })
}

/// The one block whose lifetime has the name of Telnyx's guides.
pub(super) fn dtmf_confirm(dtmf_confirm: &pb::DtmfConfirmSettings, violations: &mut Violations) -> ChannelBlock {
    violations.message("dtmf_confirm", |violations| ChannelBlock {
        default_timeout_secs: violations.timeout("default_timeout", dtmf_confirm.default_timeout),
        ..ChannelBlock::default()
    })
}

/// Whether a person can read the name. Carriers refuse senders without a letter, which look like phone numbers.
fn has_letter(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_alphabetic())
}

const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

impl Violations {
    fn app_name(&mut self, text: &str) -> Option<String> {
        let is_name = has_letter(text) && consists_of(text, 30, |c| is_word(c) || " -".contains(c));
        let must = "must be at most 30 letters, digits, spaces and hyphens, at least one of them a letter";
        self.text("app_name", text, is_name, must)
    }

    /// An ID of Meta, which may be a name.
    fn meta_id(&mut self, field: &str, text: &str) -> Option<String> {
        let is_id = consists_of(text, 128, |c| is_word(c) || "-_:.".contains(c));
        self.text(field, text, is_id, "must be an ID: at most 128 letters, digits and `-_:.`")
    }

    fn code_length(&mut self, length: i32) -> Option<u64> {
        self.require(length == 0 || (4..=10).contains(&length), "code_length", "must be from 4 to 10");
        u64::try_from(length).ok().filter(|length| *length > 0)
    }
}
