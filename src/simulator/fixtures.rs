//! What exists at the start and after a reset: settings, profiles, templates and faults.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    account::Account, clock::ClockChange, error::ApiError, faults::Fault, fields::FieldReader, profile,
    settings::Settings,
};

/// The profile that Telnyx's quickstart uses in its samples.
pub const QUICKSTART_PROFILE: &str = "4900017a-e7c8-e79e-0a7c-0d98f49b09cc";

/// What exists at the start and after a reset. Every account has the profiles and templates.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fixtures {
    /// Changes to the settings. The caller of `Server::bind` applies them.
    pub settings: Map<String, Value>,
    /// Templates, each with an `id` and a `text`.
    pub templates: Vec<FixtureTemplate>,
    /// Profiles, each with an `id` and the fields of a create request.
    pub profiles: Vec<Map<String, Value>>,
    /// The clock, as the control endpoint takes it.
    pub clock: Option<ClockChange>,
    /// Faults, as the control endpoint takes them.
    pub faults: Vec<Fault>,
    /// Whether the profile of Telnyx's quickstart exists too. The default is false.
    pub quickstart_profile: bool,
}

/// A template with a fixed ID.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixtureTemplate {
    /// The ID.
    pub id: String,
    /// The text.
    pub text: String,
}

impl Fixtures {
    /// Reads fixtures in JSON. The profile of the quickstart exists unless `quickstart_profile` is false.
    ///
    /// # Errors
    /// A text for people: the place and the rule.
    pub fn parse(json: &str) -> Result<Self, String> {
        let mut fixtures: Map<String, Value> = serde_json::from_str(json).map_err(|error| error.to_string())?;
        fixtures.entry("quickstart_profile").or_insert(Value::Bool(true));
        serde_json::from_value(Value::Object(fixtures)).map_err(|error| error.to_string())
    }

    /// The account that every API key has at the start.
    ///
    /// # Errors
    /// A text for people: the fixture and the rule that it breaks.
    pub(super) fn account(&self, settings: &Settings, now: Timestamp) -> Result<Account, String> {
        let mut account = Account::default();
        for (index, template) in self.templates.iter().enumerate() {
            if template.id.is_empty() || template.text.is_empty() {
                return Err(format!("templates/{index}: id and text must not be empty"));
            }
            account.put_template(&template.id, &template.text);
        }
        for (index, fields) in self.profiles.iter().enumerate() {
            let mut fields = fields.clone();
            let Some(Value::String(id)) = fields.remove("id") else {
                return Err(format!("profiles/{index}/id: must be a string"));
            };
            if account.profile(&id).is_some() {
                return Err(format!("profiles/{index}/id: must be unique"));
            }
            let read =
                profile::read(FieldReader::new(&fields), None, settings, |id| account.template_text(id).is_some());
            let fields = read.map_err(|error: ApiError| format!("profiles/{index}{error}"))?;
            account.add_profile(id, fields, now);
        }
        if self.quickstart_profile && account.profile(QUICKSTART_PROFILE).is_none() {
            let fields = profile::with_all_channels("Quickstart", settings);
            account.add_profile(QUICKSTART_PROFILE.to_owned(), fields, now);
        }
        for (index, fault) in self.faults.iter().enumerate() {
            fault.check().map_err(|rule| format!("faults/{index}: {rule}"))?;
        }
        Ok(account)
    }
}
