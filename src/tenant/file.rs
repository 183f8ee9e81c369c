//! The tenants file.

mod limits;
mod test_numbers;

use std::{
    collections::HashMap,
    fs,
    io::{self, Read},
    path::Path,
    time::Duration,
};

use zeroize::Zeroizing;

use super::{Allow, ApiKey, KeySource, Tenant, TokenHash};
use crate::{
    clock::Clock,
    config::{
        Environment, Mistakes, Place, Unread, human,
        reader::{Reader, Written},
        section::Section,
    },
    domain::{Country, TenantId},
    pb::RPCS,
    telnyx::Channel,
};

/// The largest key file that is read, in bytes. Keys are far shorter; a wrong path may lead to anything.
const MAX_KEY_FILE: u64 = 4096;
/// The longest time in which an equal send without a name counts as the same one. Codes live for some minutes.
const MAX_DUPLICATE_WINDOW: Duration = Duration::from_hours(1);

/// A tenant as the file has it.
pub(super) struct Listed {
    pub(super) tenant: Tenant,
    pub(super) tokens: Vec<TokenHash>,
    pub(super) key_source: KeySource,
}

/// Reads the file at `path`.
pub(super) fn read(path: &Path, env: &Environment) -> Result<Vec<Listed>, Mistakes> {
    let mut seen = Seen::default();
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let (reader, tenants) = Reader::file(path, env, |root| {
        let any = root.has("tenants");
        let tenants = root.maps("tenants", |section| tenant(section, folder, &mut seen));
        if tenants.is_empty() && (!any || root.reader.mistakes.is_empty()) {
            root.mistake(root.place(), "tenants", "no tenants: nobody could call");
        }
        tenants
    });
    // A tenant that can't be used is among the mistakes.
    let tenants = tenants.unwrap_or_default().into_iter().flatten().collect();
    reader.mistakes.none_or(tenants)
}

/// What must not come twice, with the place where it came first; and the names of all rpcs.
#[derive(Default)]
struct Seen {
    ids: HashMap<String, Place>,
    tokens: HashMap<TokenHash, Place>,
}

fn tenant(section: &mut Section<'_, '_>, folder: &Path, seen: &mut Seen) -> Option<Listed> {
    section.demand("id");
    let id = section.text("id").and_then(|written| id(section, written, seen));
    section.demand("tokens");
    let tokens = tokens(section, seen);
    section.demand("telnyx_api_key");
    let key = section.map("telnyx_api_key", |section| api_key(section, folder)).flatten();
    let default_profile = section.text("default_profile");
    let allow = section.map("allow", allow).unwrap_or_default();
    let duplicate_window = section.text("duplicate_window").and_then(|written| duplicate_window(section, &written));
    let limits = section.map("limits", limits::limits).unwrap_or_default();
    let test_numbers = test_numbers::test_numbers(section, Clock::default().now());
    if let Some(Written { text, place }) = &default_profile {
        if text.is_empty() {
            section.mistake(place.clone(), "default_profile", "empty");
        } else if !allow.profiles.is_empty() && !allow.profiles.contains(text) {
            section.mistake(place.clone(), "default_profile", "not among allow.profiles");
        }
    }

    let (key, key_source) = key?;
    let default_profile = default_profile.map(|written| written.text);
    let tenant = Tenant { id: id?, key, default_profile, allow, duplicate_window, limits, test_numbers };
    Some(Listed { tenant, tokens, key_source })
}

fn id(section: &mut Section<'_, '_>, Written { text, place }: Written, seen: &mut Seen) -> Option<TenantId> {
    let Some(id) = TenantId::new(&text) else {
        let what = "must be 1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end";
        section.mistake(place, "id", what);
        return None;
    };
    if let Some(first) = seen.ids.get(&text) {
        section.mistake(place, "id", format!("given twice, first at {first}"));
        return None;
    }
    seen.ids.insert(text, place);
    Some(id)
}

fn tokens(section: &mut Section<'_, '_>, seen: &mut Seen) -> Vec<TokenHash> {
    let (before, missing) = (section.reader.mistakes.len(), !section.has("tokens"));
    let mut tokens = Vec::new();
    for Written { text, place } in section.texts("tokens") {
        let Some(token) = TokenHash::parse(&text) else {
            let what = "must be sha256: and 64 hexadecimal digits, as verify-gateway hash-token prints them";
            section.mistake(place, "tokens", what);
            continue;
        };
        if let Some(first) = seen.tokens.get(&token) {
            section.mistake(place, "tokens", format!("given twice, first at {first}"));
            continue;
        }
        seen.tokens.insert(token, place);
        tokens.push(token);
    }
    if tokens.is_empty() && !missing && before == section.reader.mistakes.len() {
        section.mistake(section.place(), "tokens", "empty: the tenant could not call");
    }
    tokens
}

fn duplicate_window(section: &mut Section<'_, '_>, Written { text, place }: &Written) -> Option<Duration> {
    let window =
        human::duration(text).filter(|window| (Duration::from_secs(1)..=MAX_DUPLICATE_WINDOW).contains(window));
    if window.is_none() {
        section.mistake(place.clone(), "duplicate_window", "must be a duration from 1s to 1h");
    }
    window
}

/// Reads the key from the one source that is named. No message holds any part of it.
fn api_key(section: &mut Section<'_, '_>, folder: &Path) -> Option<(ApiKey, KeySource)> {
    let start = section.place();
    let before = section.reader.mistakes.len();
    let sources = ["file", "env", "inline"].map(|source| section.text(source).map(|written| (source, written)));
    let mut sources = sources.into_iter().flatten();
    let (first, second) = (sources.next(), sources.next());
    if second.is_some() || first.is_none() {
        // A source without a value is reported already.
        if second.is_some() || before == section.reader.mistakes.len() {
            section.mistake(start, "", "needs exactly one of file, env and inline");
        }
        return None;
    }
    let (source, Written { text, place }) = first?;
    let (key, kind) = match source {
        "file" => {
            let path = folder.join(&text);
            let key = key_file(&path).map_err(|error| format!("the key file can't be read: {}", error.kind()));
            (key, KeySource::File(path.display().to_string()))
        }
        "env" => {
            let key = section.reader.env.get(&text).map(|key| Zeroizing::new(key.to_owned()));
            let key = key.map_err(|unread| match unread {
                Unread::Unset => "the environment variable is not set".to_owned(),
                Unread::NotText => "the environment variable is not UTF-8 text".to_owned(),
            });
            (key, KeySource::Environment(text))
        }
        _ => (Ok(Zeroizing::new(text)), KeySource::Inline),
    };
    let key = key.and_then(|key| match key.strip_suffix("\r\n").or_else(|| key.strip_suffix('\n')).unwrap_or(&key) {
        "" => Err("the key is empty".to_owned()),
        key => ApiKey::new(key).ok_or_else(|| "the key has characters that no key has, such as spaces".to_owned()),
    });
    match key {
        Ok(key) => Some((key, kind)),
        Err(what) => {
            section.mistake(place, source, what);
            None
        }
    }
}

fn key_file(path: &Path) -> io::Result<Zeroizing<String>> {
    let mut key = Zeroizing::new(String::new());
    let size = fs::File::open(path)?.take(MAX_KEY_FILE + 1).read_to_string(&mut key)?;
    if size as u64 > MAX_KEY_FILE {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(key)
}

fn allow(section: &mut Section<'_, '_>) -> Allow {
    let rpcs = RPCS.map(|rpc| rpc.rsplit('/').next().unwrap_or_default());
    let channels = Channel::ALL.map(Channel::as_str).join(", ");
    let rpc = |text: &str| rpcs.contains(&text).then(|| text.to_owned());
    let country = |text: &str| Country::new(text).filter(|country| country.has_numbers());
    let profile = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Allow {
        rpcs: each(section, "rpcs", &format!("must be one of {}", rpcs.join(", ")), rpc),
        channels: each(section, "channels", &format!("must be one of {channels}"), Channel::from_name),
        countries: each(section, "countries", "must be a country's ISO 3166-1 code of two capital letters", country),
        profiles: each(section, "profiles", "must be the id of a profile", profile),
    }
}

fn each<T>(section: &mut Section<'_, '_>, key: &'static str, must: &str, parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
    let mut items = Vec::new();
    for Written { text, place } in section.texts(key) {
        match parse(&text) {
            Some(item) => items.push(item),
            None => section.mistake(place, key, must),
        }
    }
    items
}

#[cfg(test)]
mod tests;
