//! The messages and calls that phones would have received.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account::AccountKey;
use crate::telnyx::Channel;

/// A message or call that a phone would have received. It is not `Debug`: it holds a phone number and a code.
#[derive(Clone, Deserialize, Serialize)]
pub struct Message {
    /// The number, in E.164.
    pub phone_number: String,
    /// The channel's name (`sms`).
    pub channel: String,
    /// The text that the person reads or hears.
    pub text: String,
    /// The code. None for a keypad confirmation; the last digits of the caller's number for a flash call.
    pub code: Option<String>,
    /// The account that sent it: the beginning of the SHA-256 of its API key.
    pub account: String,
    /// The profile that sent it.
    pub profile_id: String,
    /// The ID of the verification.
    pub verification_id: String,
    /// The time of the send, by the simulator's clock.
    pub sent_at: Timestamp,
}

/// The last messages, oldest first.
#[derive(Clone, Default, Deserialize, Serialize)]
pub(super) struct Outbox(VecDeque<Message>);

impl Outbox {
    pub(super) fn push(&mut self, message: Message, keep: usize) {
        while self.0.len() >= keep {
            self.0.pop_front();
        }
        self.0.push_back(message);
    }

    /// The messages that match, oldest first.
    pub(super) fn messages<'a>(&'a self, filter: &'a MessageFilter) -> impl DoubleEndedIterator<Item = &'a Message> {
        let account = filter.key.map(|key| key.to_string());
        self.0.iter().filter(move |message| {
            account.as_ref().is_none_or(|account| *account == message.account) && filter.matches(message)
        })
    }

    /// Removes the messages of an account.
    pub(super) fn remove_account(&mut self, key: AccountKey) {
        let account = key.to_string();
        self.0.retain(|message| message.account != account);
    }
}

/// Selects messages: all given fields must match.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct MessageFilter {
    pub(super) phone: Option<String>,
    pub(super) key: Option<AccountKey>,
    pub(super) channel: Option<String>,
    pub(super) verification_id: Option<String>,
    /// Matches messages that were sent at this time or later.
    pub(super) since: Option<Timestamp>,
    /// How long to wait for the first message, in whole seconds, such as `10s` or `10`.
    pub(super) wait: Option<String>,
}

impl MessageFilter {
    fn matches(&self, message: &Message) -> bool {
        let equals = |filter: &Option<String>, value: &str| filter.as_ref().is_none_or(|filter| filter == value);
        equals(&self.phone, &message.phone_number)
            && equals(&self.channel, &message.channel)
            && equals(&self.verification_id, &message.verification_id)
            && self.since.is_none_or(|since| message.sent_at >= since)
    }
}

/// The text of a message. `minutes` replaces `{{default_verification_timeout_secs}}`, because the prebuilt templates
/// continue with the word "minutes".
pub(super) fn render(template: Option<&str>, channel: Channel, app_name: &str, code: &str, minutes: u64) -> String {
    if let Some(template) = template {
        let minutes = minutes.to_string();
        let values =
            [("{{app_name}}", app_name), ("{{code}}", code), ("{{default_verification_timeout_secs}}", &minutes)];
        return fill(template, &values);
    }
    match channel {
        Channel::Sms | Channel::Call => format!("Your verification code is {code}."),
        Channel::Whatsapp => format!("{code} is your verification code."),
        Channel::Flashcall => format!("A call that rings once, from a number that ends in {code}."),
        Channel::DtmfConfirm => "Press 1 to confirm the use of this number as caller ID.".to_owned(),
    }
}

/// Replaces every placeholder once. A value that contains a placeholder stays as it is.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let (mut text, mut rest) = (String::new(), template);
    while let Some(at) = rest.find("{{") {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let found = values.iter().find(|(placeholder, _)| rest.starts_with(placeholder));
        let (value, used) = found.map_or(("{", 1), |(placeholder, value)| (*value, placeholder.len()));
        text.push_str(value);
        rest = &rest[used..];
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_of_a_template_is_filled() {
        let text = "{{code}} for {{app_name}}, good for {{default_verification_timeout_secs}} minutes: {{code}}";
        assert_eq!(render(Some(text), Channel::Sms, "Shop", "12345", 5), "12345 for Shop, good for 5 minutes: 12345");
    }

    #[test]
    fn a_value_is_not_a_template() {
        let text = "{{{app_name}}: {{unknown}} {{code}} {{";
        assert_eq!(render(Some(text), Channel::Sms, "{{code}}", "12345", 5), "{{{code}}: {{unknown}} 12345 {{");
    }
}
