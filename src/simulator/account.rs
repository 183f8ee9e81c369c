//! Accounts: what one API key owns, apart from its verifications.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{clock::RelativeClock, profile::StoredProfile};
use crate::telnyx::Template;

/// The SHA-256 of an API key. It names the account; the key itself is not kept, because it may be a real one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountKey([u8; 32]);

impl AccountKey {
    /// The digest of `api_key`.
    pub fn of(api_key: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, api_key.as_bytes()).as_ref());
        Self(bytes)
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A name of the account that does not reveal the key: the first eight bytes of the digest, in hexadecimal.
impl fmt::Display for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Comes before the digest of an account whose API key is not known.
const DIGEST: &str = "sha256:";

/// An API key, or the digest of one.
impl<'de> Deserialize<'de> for AccountKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digest = text.strip_prefix(DIGEST).and_then(|digits| {
            let bytes = (0..32).map(|at| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok());
            bytes.collect::<Option<Vec<_>>>()?.try_into().ok().filter(|_| digits.len() == 64)
        });
        Ok(digest.map_or_else(|| Self::of(&text), Self))
    }
}

impl Serialize for AccountKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.collect_str(&format_args!("{DIGEST}{digits}"))
    }
}

/// What one API key owns, apart from its verifications.
#[derive(Clone, Default, Deserialize, Serialize)]
pub(super) struct Account {
    pub(super) profiles: Vec<StoredProfile>,
    /// The account's own templates, and its versions of prebuilt ones.
    templates: Vec<Template>,
    /// The number of requests in one minute, which is counted from the Unix epoch.
    pub(super) requests: (i64, u32),
    /// The clock of the account, relative to that of the simulator.
    pub(super) clock: RelativeClock,
}

impl Account {
    pub(super) fn profile(&self, id: &str) -> Option<&StoredProfile> {
        self.profiles.iter().find(|profile| profile.id == id)
    }

    pub(super) fn profile_mut(&mut self, id: &str) -> Option<&mut StoredProfile> {
        self.profiles.iter_mut().find(|profile| profile.id == id)
    }

    pub(super) fn add_profile(&mut self, id: String, fields: Map<String, Value>, now: Timestamp) {
        let spent = (Date::ZERO, 0.0);
        self.profiles.push(StoredProfile { id, fields, created_at: now, updated_at: now, spent });
    }

    /// The prebuilt templates, then the account's own.
    pub(super) fn templates(&self) -> Vec<Template> {
        let prebuilt = Template::PREBUILT.into_iter().filter_map(|id| Some(template(id, self.template_text(id)?)));
        let own = self.templates.iter().filter(|own| own.id.as_deref().and_then(prebuilt_text).is_none());
        prebuilt.chain(own.cloned()).collect()
    }

    /// The text of the template `id`.
    pub(super) fn template_text(&self, id: &str) -> Option<&str> {
        let own = self.templates.iter().find(|own| own.id.as_deref() == Some(id));
        own.and_then(|own| own.text.as_deref()).or_else(|| prebuilt_text(id))
    }

    /// Creates or replaces the template `id`.
    pub(super) fn put_template(&mut self, id: &str, text: &str) -> Template {
        let new = template(id, text);
        match self.templates.iter_mut().find(|own| own.id == new.id) {
            Some(own) => *own = new.clone(),
            None => self.templates.push(new.clone()),
        }
        new
    }
}

fn template(id: &str, text: &str) -> Template {
    Template { id: Some(id.to_owned()), text: Some(text.to_owned()) }
}

/// The texts of [`Template::PREBUILT`], in the same order, as Telnyx's quickstart lists them.
const PREBUILT_TEXTS: [&str; 6] = [
    "Your {{app_name}} verification code is: {{code}}.",
    "{{code}} is your verification code for {{app_name}}.",
    "Your {{app_name}} verification code is: {{code}}. Do not share this code with anyone; our employees will never ask \
     for the code.",
    "Your {{app_name}} verification code is: {{code}}. This code will expire in \
     {{default_verification_timeout_secs}} minutes.",
    "{{code}} is your verification code for {{app_name}}. This code will expire in \
     {{default_verification_timeout_secs}} minutes.",
    "Your {{app_name}} verification code is: {{code}}. This code will expire in \
     {{default_verification_timeout_secs}} minutes. Do not share this code with anyone; our employees will never ask \
     for the code.",
];

/// The text of the prebuilt template `id`.
pub(super) fn prebuilt_text(id: &str) -> Option<&'static str> {
    Template::PREBUILT.iter().zip(PREBUILT_TEXTS).find_map(|(&prebuilt, text)| (prebuilt == id).then_some(text))
}
