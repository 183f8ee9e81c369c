//! The channel blocks of a profile, in Telnyx's terms.

use prost_types::Duration;

use crate::{grpc::translate::Violations, pb, telnyx::ChannelBlock};

pub(super) fn sms(sms: &pb::SmsSettings, violations: &mut Violations) -> ChannelBlock {
    let mut fields = BlockFields { block: "sms", violations };
    ChannelBlock {
        app_name: fields.app_name(&sms.app_name),
        code_length: fields.code_length(sms.code_length),
        default_verification_timeout_secs: fields.timeout(sms.default_timeout),
        messaging_template_id: fields.id("template_id", &sms.template_id),
        whitelisted_destinations: fields.destinations(&sms.allowed_destinations),
        alpha_sender: fields.text("alpha_sender", &sms.alpha_sender, 11, " "),
        ..ChannelBlock::default()
    }
}

pub(super) fn call(call: &pb::CallSettings, violations: &mut Violations) -> ChannelBlock {
    let mut fields = BlockFields { block: "call", violations };
    ChannelBlock {
        app_name: fields.app_name(&call.app_name),
        code_length: fields.code_length(call.code_length),
        default_verification_timeout_secs: fields.timeout(call.default_timeout),
        messaging_template_id: fields.id("template_id", &call.template_id),
        whitelisted_destinations: fields.destinations(&call.allowed_destinations),
        ..ChannelBlock::default()
    }
}

pub(super) fn flashcall(flashcall: &pb::FlashcallSettings, violations: &mut Violations) -> ChannelBlock {
    let mut fields = BlockFields { block: "flashcall", violations };
    ChannelBlock {
        app_name: fields.app_name(&flashcall.app_name),
        default_verification_timeout_secs: fields.timeout(flashcall.default_timeout),
        whitelisted_destinations: fields.destinations(&flashcall.allowed_destinations),
        ..ChannelBlock::default()
    }
}

pub(super) fn whatsapp(whatsapp: &pb::WhatsappSettings, violations: &mut Violations) -> ChannelBlock {
    let mut fields = BlockFields { block: "whatsapp", violations };
    ChannelBlock {
        default_verification_timeout_secs: fields.timeout(whatsapp.default_timeout),
        whitelisted_destinations: fields.destinations(&whatsapp.allowed_destinations),
        waba_id: fields.id("waba_id", &whatsapp.waba_id),
        sender_phone_number: fields.phone_number("sender_phone_number", &whatsapp.sender_phone_number),
        template_id: fields.id("waba_template_id", &whatsapp.waba_template_id),
        ..ChannelBlock::default()
    }
}

/// The one block whose lifetime has the guides' name.
pub(super) fn dtmf_confirm(dtmf_confirm: &pb::DtmfConfirmSettings, violations: &mut Violations) -> ChannelBlock {
    let mut fields = BlockFields { block: "dtmf_confirm", violations };
    ChannelBlock { default_timeout_secs: fields.timeout(dtmf_confirm.default_timeout), ..ChannelBlock::default() }
}

/// The fields of one block. What is empty is left out.
struct BlockFields<'v> {
    block: &'static str,
    violations: &'v mut Violations,
}

impl BlockFields<'_> {
    fn path(&self, key: &str) -> String {
        format!("profile.{}.{key}", self.block)
    }

    fn app_name(&mut self, text: &str) -> Option<String> {
        self.text("app_name", text, 30, " -")
    }

    /// Letters, digits and `others`.
    fn text(&mut self, key: &str, text: &str, max: usize, others: &'static str) -> Option<String> {
        let inner = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
        let must = match others {
            " " => "must be at most 11 letters, digits and spaces",
            _ => "must be at most 30 letters, digits, spaces and hyphens",
        };
        self.violations.text(self.path(key), text, max, inner, must)
    }

    fn code_length(&mut self, length: i32) -> Option<u64> {
        let holds = length == 0 || (4..=10).contains(&length);
        self.violations.require(holds, self.path("code_length"), "must be from 4 to 10");
        u64::try_from(length).ok().filter(|length| *length > 0)
    }

    fn timeout(&mut self, duration: Option<Duration>) -> Option<u64> {
        self.violations.timeout(self.path("default_timeout"), duration)
    }

    fn id(&mut self, key: &str, text: &str) -> Option<String> {
        if text.is_empty() { None } else { self.violations.id(self.path(key), text) }
    }

    fn phone_number(&mut self, key: &str, text: &str) -> Option<String> {
        if text.is_empty() {
            return None;
        }
        self.violations.phone_number(self.path(key), text).map(|number| number.as_e164().to_owned())
    }

    fn destinations(&mut self, list: &[String]) -> Option<Vec<String>> {
        self.violations.destinations(self.path("allowed_destinations"), list)
    }
}
