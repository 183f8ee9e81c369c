//! `/verify_profiles`.

use axum::{Json, extract::State as Shared};
use http::StatusCode;
use jiff::{Timestamp, civil::Date};
use serde_json::{Map, Value, json};

use super::{
    auth::{self, Caller},
    block,
    body::{Fields, Object},
    error::{Error, IN_USE, STRING_LENGTH},
    handle::Handle,
    key::Key,
    paging::Query,
    segment::Segment,
    settings::{
        Settings,
        choice::{DeleteProfileWithPending, EmptyProfileList, FilterName, Languages, PatchNull, Whitelist},
    },
    state::{Account, Profile, State},
    templates,
};
use crate::telnyx::{Channel, Data, List, Time, code};

type Answer<T> = Result<Json<T>, Error>;

/// The languages that the Call Control product lists.
const LANGUAGES: [&str; 14] = [
    "de-DE", "en-AU", "en-GB", "en-US", "es-ES", "fr-CA", "fr-FR", "it-IT", "ja-JP", "ko-KR", "nl-NL", "pt-BR",
    "sv-SE", "tr-TR",
];

pub(super) async fn create(
    Shared(simulator): Shared<Handle>,
    Caller(key): Caller,
    Object(body): Object,
) -> Answer<Data<Value>> {
    let now = simulator.now();
    let mut state = simulator.state();
    let fields = read(Fields::new(&body), &Map::new(), state.account_view(key), true)?;
    let id = insert(&mut state, key, fields, now);
    view_of(&mut state, key, &id)
}

pub(super) async fn list(Shared(simulator): Shared<Handle>, Caller(key): Caller, query: Query) -> Answer<List<Value>> {
    let mut state = simulator.state();
    let (settings, account) = state.account_view(key);
    if account.profiles.is_empty() && settings.empty_profile_list == EmptyProfileList::Unauthorized {
        return Err(auth::refused(settings));
    }
    let named = |profile: &&Profile| {
        let Some(wanted) = &query.name else { return true };
        let name = profile.name();
        match settings.filter_name {
            FilterName::Exact => name == wanted,
            FilterName::Partial => name.to_lowercase().contains(&wanted.to_lowercase()),
        }
    };
    let found = account.profiles.iter().filter(named).map(|profile| profile.view(settings)).collect();
    Ok(Json(query.page(found, settings, settings.max_page_size.into())))
}

pub(super) async fn get(
    Shared(simulator): Shared<Handle>,
    Caller(key): Caller,
    Segment(id): Segment,
) -> Answer<Data<Value>> {
    view_of(&mut simulator.state(), key, &id)
}

pub(super) async fn update(
    Shared(simulator): Shared<Handle>,
    Caller(key): Caller,
    Segment(id): Segment,
    Object(body): Object,
) -> Answer<Data<Value>> {
    let now = simulator.now();
    let mut state = simulator.state();
    let mut stored = state.account(key).profile(&id).ok_or_else(not_found)?.fields.clone();
    let null_clears = state.settings.patch_null == PatchNull::Clear;
    if null_clears {
        let is_null = |name: &str| name != "name" && body.get(name).is_some_and(Value::is_null);
        stored.retain(|name, _| !is_null(name));
    }
    let fields = read(Fields::of_change(&body, null_clears), &stored, state.account_view(key), false)?;
    let profile = state.account(key).profile(&id).ok_or_else(not_found)?;
    profile.fields = fields;
    profile.updated_at = now;
    view_of(&mut state, key, &id)
}

pub(super) async fn delete(
    Shared(simulator): Shared<Handle>,
    Caller(key): Caller,
    Segment(id): Segment,
) -> Answer<Data<Value>> {
    let now = simulator.now();
    let mut state = simulator.state();
    let view = view_of(&mut state, key, &id)?;
    let pending = state.records.pending(key, &id, now);
    match state.settings.delete_profile_with_pending {
        DeleteProfileWithPending::Keep => {}
        DeleteProfileWithPending::Remove => pending.into_iter().for_each(|number| state.records.remove(number)),
        DeleteProfileWithPending::Refuse if pending.is_empty() => {}
        DeleteProfileWithPending::Refuse => {
            let detail = "The profile has pending verifications.";
            return Err(Error::new(StatusCode::UNPROCESSABLE_ENTITY, IN_USE, detail));
        }
    }
    state.account(key).profiles.retain(|profile| profile.id != id);
    Ok(view)
}

/// Creates a profile that was not asked for over HTTP.
pub(super) fn seed(state: &mut State, key: Key, body: &Map<String, Value>, now: Timestamp) -> String {
    let mut fields = body.clone();
    for channel in Channel::ALL {
        let settings = &state.settings;
        let block = Fields::new(body).object(channel.as_str(), block::pointer(channel), |fields| {
            block::read(fields, channel, None, settings, |_| true)
        });
        fields.insert(channel.as_str().to_owned(), block.map_or(Value::Null, Value::Object));
    }
    insert(state, key, fields, now)
}

fn insert(state: &mut State, key: Key, fields: Map<String, Value>, now: Timestamp) -> String {
    let id = state.ids.profile(now.as_millisecond().try_into().unwrap_or(0));
    let spent = (Date::ZERO, 0.0);
    state.account(key).profiles.push(Profile { id: id.clone(), fields, created_at: now, updated_at: now, spent });
    id
}

/// Reads a profile's body over what is stored of it.
fn read(
    mut fields: Fields<'_>,
    stored: &Map<String, Value>,
    (settings, account): (&Settings, &Account),
    new: bool,
) -> Result<Map<String, Value>, Error> {
    let mut profile = stored.clone();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            profile.insert(name.to_owned(), value);
        }
    };

    let name = if new { fields.required_text("name") } else { fields.text("name") };
    if name == Some("") {
        fields.refuse("name", STRING_LENGTH, "It must not be empty.");
    }
    put("name", name.map(Value::from));
    let language = fields.text("language");
    if settings.languages == Languages::Listed && language.is_some_and(|language| !LANGUAGES.contains(&language)) {
        fields.refuse("language", code::NOT_IN_ENUM, "It is not one of the languages.");
    }
    put("language", language.map(Value::from));
    for name in ["webhook_url", "webhook_failover_url"] {
        let url = fields.text(name);
        let is_http = |url: &str| url.starts_with("http://") || url.starts_with("https://");
        // An empty one takes the URL away.
        if url.is_some_and(|url| !url.is_empty() && (!is_http(url) || url.len() > 2000)) {
            fields.refuse(name, code::INVALID_URL, "It must be a URL of at most 2000 characters.");
        }
        put(name, url.map(Value::from));
    }
    put("daily_spend_limit", amount(&mut fields, "daily_spend_limit"));
    put("daily_spend_limit_enabled", fields.flag("daily_spend_limit_enabled").map(Value::from));
    if new {
        put("daily_spend_limit_enabled", fields.value("daily_spend_limit_enabled").is_none().then_some(json!(false)));
    }
    for channel in Channel::ALL {
        let stored = stored.get(channel.as_str());
        let template_exists = |id: &str| templates::text(account, id).is_some();
        let block = fields.object(channel.as_str(), block::pointer(channel), |fields| {
            block::read(fields, channel, stored, settings, template_exists)
        });
        put(channel.as_str(), block.map(Value::Object));
    }
    fields.finish()?;
    check_blocks(&profile, settings)?;
    Ok(profile)
}

/// What Telnyx asks of the blocks beyond their schema.
fn check_blocks(profile: &Map<String, Value>, settings: &Settings) -> Result<(), Error> {
    let mut blocks = Channel::ALL.into_iter().filter_map(|channel| Some((channel, profile.get(channel.as_str())?)));
    if blocks.clone().next().is_none() {
        let detail = "No channel setting provided: sms, call, etc";
        return Err(Error::new(StatusCode::BAD_REQUEST, &settings.bad_request_code.to_string(), detail));
    }
    let lacks = |(channel, block): &(Channel, &Value)| {
        *channel != Channel::DtmfConfirm && block.get("whitelisted_destinations").is_none()
    };
    match blocks.find(lacks).filter(|_| settings.whitelist == Whitelist::Required) {
        None => Ok(()),
        Some((channel, _)) => {
            let pointer = format!("{}/whitelisted_destinations", block::pointer(channel));
            Err(Error::field(StatusCode::BAD_REQUEST, code::WHITELIST_MISSING, &pointer, "It is required."))
        }
    }
}

/// An amount of money, as a number or as a decimal string.
fn amount(fields: &mut Fields<'_>, name: &str) -> Option<Value> {
    let value = fields.value(name)?;
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok()).filter(|number| number.is_finite());
    match number {
        None => fields.wrong_type(name, "a number"),
        Some(..0.0) => fields.refuse(name, code::OUT_OF_RANGE, "It must not be negative."),
        Some(number) => return Some(json!(number)),
    }
    None
}

fn view_of(state: &mut State, key: Key, id: &str) -> Answer<Data<Value>> {
    let (settings, account) = state.account_view(key);
    let profile = account.profiles.iter().find(|profile| profile.id == id).ok_or_else(not_found)?;
    Ok(Json(Data { data: profile.view(settings) }))
}

fn not_found() -> Error {
    Error::not_found("profile")
}

impl Profile {
    pub(super) fn name(&self) -> &str {
        self.fields.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// What fills `{{app_name}}`: the channel's own, or that of another channel, or the profile's name.
    pub(super) fn app_name(&self, channel: Channel) -> &str {
        let of_block = |channel: Channel| self.fields.get(channel.as_str())?.get("app_name")?.as_str();
        of_block(channel).or_else(|| Channel::ALL.into_iter().find_map(of_block)).unwrap_or_else(|| self.name())
    }

    fn view(&self, settings: &Settings) -> Value {
        let mut view = self.fields.clone();
        for channel in Channel::ALL {
            if let Some(stored) = self.fields.get(channel.as_str()) {
                let app_name = Some(self.app_name(channel));
                view.insert(channel.as_str().to_owned(), block::view(channel, stored, app_name, settings));
            }
        }
        view.insert("id".to_owned(), json!(self.id));
        view.insert("record_type".to_owned(), json!("verification_profile"));
        view.insert("created_at".to_owned(), json!(Time(self.created_at)));
        view.insert("updated_at".to_owned(), json!(Time(self.updated_at)));
        Value::Object(view)
    }
}
