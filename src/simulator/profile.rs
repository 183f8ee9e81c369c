//! Verify profiles: their fields, and how requests change them.

mod block;

use http::StatusCode;
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub(super) use self::block::{allows, timeout_secs};
use super::{
    error::{ApiError, STRING_LENGTH},
    fields::FieldReader,
    settings::{Languages, NameOnlyProfile, PatchFlashcall, Settings, Whitelist},
};
use crate::telnyx::{Channel, Time, code};

/// The languages that Telnyx's Call Control product lists.
const LANGUAGES: [&str; 14] = [
    "de-DE", "en-AU", "en-GB", "en-US", "es-ES", "fr-CA", "fr-FR", "it-IT", "ja-JP", "ko-KR", "nl-NL", "pt-BR",
    "sv-SE", "tr-TR",
];

/// A profile of an account.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct StoredProfile {
    pub(super) id: String,
    /// The fields that the caller set, with every channel block completed by its defaults.
    pub(super) fields: Map<String, Value>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    /// The spending of one day, in US dollars.
    pub(super) spent: (Date, f64),
}

impl StoredProfile {
    pub(super) fn name(&self) -> &str {
        self.fields.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// The value of `{{app_name}}`: the channel's own, else that of another channel, else the profile's name.
    pub(super) fn app_name(&self, channel: Channel) -> &str {
        let of_block = |channel: Channel| self.fields.get(channel.as_str())?.get("app_name")?.as_str();
        of_block(channel).or_else(|| Channel::ALL.into_iter().find_map(of_block)).unwrap_or_else(|| self.name())
    }

    /// Where its webhooks go: the URL, then the one after failures.
    pub(super) fn webhook_urls(&self) -> impl Iterator<Item = &str> {
        let urls = ["webhook_url", "webhook_failover_url"].into_iter();
        urls.filter_map(|name| self.fields.get(name)?.as_str().filter(|url| !url.is_empty()))
    }

    /// The profile as the API answers it.
    pub(super) fn view(&self, settings: &Settings) -> Value {
        let mut view = self.fields.clone();
        for channel in Channel::ALL {
            if let Some(stored) = self.fields.get(channel.as_str()) {
                let app_name = Some(self.app_name(channel));
                view.insert(channel.as_str().to_owned(), block::view(channel, stored, app_name, settings));
            }
        }
        view.insert("id".to_owned(), json!(self.id));
        view.insert("record_type".to_owned(), json!(settings.profile_record_type));
        view.insert("created_at".to_owned(), json!(Time(self.created_at)));
        view.insert("updated_at".to_owned(), json!(Time(self.updated_at)));
        Value::Object(view)
    }
}

/// The fields of a profile with all five channels.
pub(super) fn with_all_channels(name: &str, settings: &Settings) -> Map<String, Value> {
    let app_name = Map::from_iter([("app_name".to_owned(), json!(name))]);
    let mut fields =
        Map::from_iter([("name".to_owned(), json!(name)), ("daily_spend_limit_enabled".to_owned(), json!(false))]);
    for channel in Channel::ALL {
        let block = block::read(&mut FieldReader::new(&app_name), channel, None, settings, |_| true);
        fields.insert(channel.as_str().to_owned(), Value::Object(block));
    }
    fields
}

/// Reads the body of a create (`stored` is none) or an update.
///
/// # Errors
/// 422 with every wrong field, or 400 for blocks that Telnyx refuses.
pub(super) fn read(
    mut reader: FieldReader<'_>,
    stored: Option<&Map<String, Value>>,
    settings: &Settings,
    template_exists: impl Fn(&str) -> bool,
) -> Result<Map<String, Value>, ApiError> {
    let mut profile = stored.cloned().unwrap_or_default();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            profile.insert(name.to_owned(), value);
        }
    };

    let name = if stored.is_none() || reader.is_null("name") {
        // A profile always has a name, so null does not clear it.
        reader.required_text("name")
    } else {
        reader.text("name")
    };
    if name == Some("") {
        reader.refuse("name", STRING_LENGTH, "It must not be empty.");
    }
    put("name", name.map(Value::from));
    let language = reader.text("language");
    if settings.languages == Languages::Listed && language.is_some_and(|language| !LANGUAGES.contains(&language)) {
        reader.refuse("language", code::NOT_IN_ENUM, &format!("It must be one of {}.", LANGUAGES.join(", ")));
    }
    put("language", language.map(Value::from));
    for name in ["webhook_url", "webhook_failover_url"] {
        put(name, url(&mut reader, name));
    }
    put("daily_spend_limit", amount(&mut reader, "daily_spend_limit"));
    if stored.is_none() || reader.is_null("daily_spend_limit_enabled") {
        put("daily_spend_limit_enabled", Some(json!(false)));
    }
    put("daily_spend_limit_enabled", reader.flag("daily_spend_limit_enabled").map(Value::from));
    for channel in Channel::ALL {
        if channel == Channel::Flashcall && stored.is_some() && settings.patch_flashcall != PatchFlashcall::Accept {
            if settings.patch_flashcall == PatchFlashcall::Refuse && reader.value("flashcall").is_some() {
                reader.refuse("flashcall", code::UNPROCESSABLE, "It cannot be changed.");
            }
            continue;
        }
        let stored = stored.and_then(|stored| stored.get(channel.as_str()));
        let block =
            reader.object(channel.as_str(), |reader| block::read(reader, channel, stored, settings, &template_exists));
        put(channel.as_str(), block.map(Value::Object));
    }
    reader.finish(settings)?;
    check_blocks(&profile, settings)?;
    Ok(profile)
}

/// Checks the rules for blocks that Telnyx's schema does not express.
fn check_blocks(profile: &Map<String, Value>, settings: &Settings) -> Result<(), ApiError> {
    let mut blocks = Channel::ALL.into_iter().filter_map(|channel| Some((channel, profile.get(channel.as_str())?)));
    if settings.name_only_profile == NameOnlyProfile::Refuse && blocks.clone().next().is_none() {
        return Err(ApiError::bad_request(settings, "No channel setting provided: sms, call, etc"));
    }
    let lacks = |(channel, block): &(Channel, &Value)| {
        *channel != Channel::DtmfConfirm && block.get("whitelisted_destinations").is_none()
    };
    match blocks.find(lacks).filter(|_| settings.whitelist == Whitelist::Required) {
        None => Ok(()),
        Some((channel, _)) => {
            let pointer = format!("/{channel}/whitelisted_destinations");
            Err(ApiError::field(StatusCode::BAD_REQUEST, code::WHITELIST_MISSING, &pointer, "It is required."))
        }
    }
}

/// A URL. The empty string clears it.
fn url(reader: &mut FieldReader<'_>, name: &str) -> Option<Value> {
    let url = reader.text(name)?;
    let is_http = url.starts_with("http://") || url.starts_with("https://");
    if !url.is_empty() && (!is_http || url.len() > 2000) {
        reader.refuse(name, code::INVALID_URL, "It must be an http or https URL of at most 2000 characters.");
    }
    Some(url.into())
}

/// An amount of money, as a number or as a decimal string.
fn amount(reader: &mut FieldReader<'_>, name: &str) -> Option<Value> {
    let value = reader.value(name)?;
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok()).filter(|number| number.is_finite());
    match number {
        None => reader.wrong_type(name, "a number"),
        Some(..0.0) => reader.refuse(name, code::OUT_OF_RANGE, "It must be 0 or more."),
        Some(number) => return Some(json!(number)),
    }
    None
}
