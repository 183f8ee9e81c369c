//! Verify profiles, and changes that keep the rest of a channel block.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value},
};

use super::{Channel, Time, lenient};

/// A verify profile, as written and as read.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Profile {
    /// Opaque identifier: shaped like a UUID, and not always a valid one.
    #[serde(deserialize_with = "lenient::id", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `verification_profile`; some guides show `verify_profile`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub record_type: Option<String>,
    /// A name for people.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The language of prompts and default texts, such as `en-US`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The URL that receives events.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
    /// The URL that receives the events that `webhook_url` refused.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub webhook_failover_url: Option<String>,
    /// The daily spend limit, in US dollars.
    #[serde(deserialize_with = "Amount::lenient", skip_serializing_if = "Option::is_none")]
    pub daily_spend_limit: Option<Amount>,
    /// Whether that limit is in force.
    #[serde(deserialize_with = "lenient::flag", skip_serializing_if = "Option::is_none")]
    pub daily_spend_limit_enabled: Option<bool>,
    /// The SMS channel.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub sms: Option<ChannelBlock>,
    /// The voice call channel.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub call: Option<ChannelBlock>,
    /// The flash call channel.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub flashcall: Option<ChannelBlock>,
    /// The WhatsApp channel.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub whatsapp: Option<ChannelBlock>,
    /// The keypad confirmation channel. Only the guides document it.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub dtmf_confirm: Option<ChannelBlock>,
    /// When it was created.
    #[serde(deserialize_with = "Time::lenient", skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
    /// When it last changed.
    #[serde(deserialize_with = "Time::lenient", skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Time>,
}

impl Profile {
    /// The settings of `channel`.
    #[must_use]
    pub const fn block(&self, channel: Channel) -> Option<&ChannelBlock> {
        match channel {
            Channel::Sms => self.sms.as_ref(),
            Channel::Call => self.call.as_ref(),
            Channel::Flashcall => self.flashcall.as_ref(),
            Channel::Whatsapp => self.whatsapp.as_ref(),
            Channel::DtmfConfirm => self.dtmf_confirm.as_ref(),
        }
    }
}

/// The settings of a channel. Each of the five channels uses some of them.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct ChannelBlock {
    /// The value of `{{app_name}}` in a message.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub app_name: Option<String>,
    /// The number of digits of a generated code.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub code_length: Option<u64>,
    /// The lifetime of a code in seconds, by its name in the OpenAPI document.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub default_verification_timeout_secs: Option<u64>,
    /// The same, by its name in the guides. `dtmf_confirm` has only this one.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub default_timeout_secs: Option<u64>,
    /// The template of the message.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub messaging_template_id: Option<String>,
    /// The allowed countries, as ISO 3166-1 alpha-2 codes, or `*` alone.
    #[serde(deserialize_with = "lenient::texts", skip_serializing_if = "Option::is_none")]
    pub whitelisted_destinations: Option<Vec<String>>,
    /// The sender name of an SMS.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub alpha_sender: Option<String>,
    /// The WhatsApp Business Account to send from.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub waba_id: Option<String>,
    /// The number of that account to send from.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub sender_phone_number: Option<String>,
    /// The template that Meta approved for that account.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub template_id: Option<String>,
}

impl ChannelBlock {
    /// The lifetime of a code in seconds. The longer name wins if both are given.
    #[must_use]
    pub fn timeout_secs(&self) -> Option<u64> {
        self.default_verification_timeout_secs.or(self.default_timeout_secs)
    }
}

/// A decimal number. It is read from a JSON number or a string, and written as a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount(pub String);

impl Amount {
    /// Reads an amount. Anything else reads as missing.
    ///
    /// # Errors
    /// Only for text that is not JSON.
    pub fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        let text: Option<String> = lenient::text(deserializer)?;
        Ok(text.filter(|text| text.parse::<f64>().is_ok_and(f64::is_finite)).map(Self))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.parse::<f64>() {
            Ok(number) => serializer.serialize_f64(number),
            Err(_) => serializer.serialize_str(&self.0),
        }
    }
}

/// Changes to a profile.
///
/// Telnyx may replace a nested block as a whole, so a change inside a block is merged into the current block.
#[derive(Debug, Default)]
pub struct ProfilePatch {
    /// New values of top-level fields.
    pub fields: Map<String, Value>,
    /// Changes to channel blocks.
    pub blocks: BTreeMap<Channel, BlockPatch>,
}

/// The members of a profile or of a channel block, as they were written. So numbers keep their digits.
pub type Block = BTreeMap<String, Box<RawValue>>;

/// A change to one channel block.
#[derive(Debug)]
pub enum BlockPatch {
    /// Replaces the block.
    Whole(Map<String, Value>),
    /// Changes these keys and keeps all others, also unknown ones. `null` removes a key.
    Keys(Map<String, Value>),
}

/// Keys of the WhatsApp block that Telnyx returns and does not accept.
const WHATSAPP_READ_ONLY: [&str; 3] = ["app_name", "code_length", "messaging_template_id"];

impl ProfilePatch {
    /// Whether the current profile must be read first.
    #[must_use]
    pub fn needs_current(&self) -> bool {
        self.blocks.values().any(|patch| matches!(patch, BlockPatch::Keys(_)))
    }

    /// The body to write. `current` has the members of the profile as Telnyx returned it.
    ///
    /// # Panics
    /// Never: the values are JSON.
    #[must_use]
    pub fn merge(self, current: &Block) -> Block {
        let raw = |value: &Value| to_raw_value(value).expect("the values are JSON");
        let mut body: Block = self.fields.iter().map(|(key, value)| (key.clone(), raw(value))).collect();
        for (channel, patch) in self.blocks {
            let block: Block = match patch {
                BlockPatch::Whole(block) => block.iter().map(|(key, value)| (key.clone(), raw(value))).collect(),
                BlockPatch::Keys(keys) => {
                    let block = current.get(channel.as_str());
                    let mut block: Block =
                        block.and_then(|block| lenient::read_object(block.get())).unwrap_or_default();
                    if channel == Channel::Whatsapp {
                        block.retain(|key, _| !WHATSAPP_READ_ONLY.contains(&key.as_str()));
                    }
                    // One lifetime only: the other spelling would contradict the new value.
                    if keys.keys().any(|key| key.ends_with("timeout_secs")) {
                        block.retain(|key, _| !key.ends_with("timeout_secs"));
                    }
                    for (key, value) in keys {
                        if value.is_null() {
                            block.remove(&key);
                        } else {
                            block.insert(key, raw(&value));
                        }
                    }
                    block
                }
            };
            body.insert(channel.as_str().to_owned(), to_raw_value(&block).expect("the values are JSON"));
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    fn merged(patch: ProfilePatch, current: &Value) -> Value {
        let current: Block = lenient::read_object(&current.to_string()).unwrap();
        serde_json::from_str(&serde_json::to_string(&patch.merge(&current)).unwrap()).unwrap()
    }

    #[test]
    fn a_number_inside_a_block_keeps_its_digits() {
        let patch = ProfilePatch {
            blocks: [(Channel::Whatsapp, BlockPatch::Keys(object(json!({"template_id": "t"}))))].into(),
            ..ProfilePatch::default()
        };
        let current = lenient::read_object(r#"{"whatsapp": {"waba_id": 123456789012345678901234}}"#).unwrap();
        let written = serde_json::to_string(&patch.merge(&current)).unwrap();
        assert_eq!(written, r#"{"whatsapp":{"template_id":"t","waba_id":123456789012345678901234}}"#);
    }

    #[test]
    fn a_change_inside_a_block_keeps_the_rest_of_it() {
        let patch = ProfilePatch {
            fields: object(json!({"name": "new"})),
            blocks: [(Channel::Sms, BlockPatch::Keys(object(json!({"code_length": 6, "app_name": null}))))].into(),
        };
        let current = json!({
            "name": "old",
            "sms": {"app_name": "A", "code_length": 5, "alpha_sender": null, "unknown": [1]},
            "call": {"app_name": "A"},
        });
        assert!(patch.needs_current());
        assert_eq!(
            merged(patch, &current),
            json!({"name": "new", "sms": {"code_length": 6, "alpha_sender": null, "unknown": [1]}}),
        );
    }

    #[test]
    fn a_new_lifetime_replaces_both_spellings() {
        let patch = ProfilePatch {
            blocks: [(Channel::Call, BlockPatch::Keys(object(json!({"default_verification_timeout_secs": 120}))))]
                .into(),
            ..ProfilePatch::default()
        };
        let current = json!({"call": {"default_timeout_secs": 300}});
        assert_eq!(merged(patch, &current), json!({"call": {"default_verification_timeout_secs": 120}}),);
    }

    #[test]
    fn whatsapp_keys_that_telnyx_only_gives_are_not_written_back() {
        let patch = ProfilePatch {
            blocks: [(Channel::Whatsapp, BlockPatch::Keys(object(json!({"waba_id": "1"}))))].into(),
            ..ProfilePatch::default()
        };
        let current = json!({"whatsapp": {"app_name": "A", "code_length": 5, "template_id": "t"}});
        assert_eq!(merged(patch, &current), json!({"whatsapp": {"template_id": "t", "waba_id": "1"}}),);
    }

    #[test]
    fn both_spellings_of_the_lifetime_are_read_and_the_long_one_wins() {
        let read = |value: Value| lenient::read_object::<ChannelBlock>(&value.to_string()).unwrap().timeout_secs();
        assert_eq!(read(json!({"default_timeout_secs": 60})), Some(60));
        assert_eq!(read(json!({"default_verification_timeout_secs": "90"})), Some(90));
        assert_eq!(read(json!({"default_timeout_secs": 60, "default_verification_timeout_secs": 90})), Some(90));
    }

    #[test]
    fn amounts_come_as_numbers_or_strings_and_go_as_numbers() {
        for given in [json!({"daily_spend_limit": 25.5}), json!({"daily_spend_limit": "25.50"})] {
            let profile: Profile = lenient::read_object(&given.to_string()).unwrap();
            assert_eq!(serde_json::to_value(&profile).unwrap(), json!({"daily_spend_limit": 25.5}));
        }
    }
}
