//! A tenant: what its identities share.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use zeroize::Zeroizing;

use super::{Shared, Unique, identity, limits, name, profile};
use crate::{
    clock::Clock,
    config::{
        UNSET, Unread,
        kinds::{HOUR, Kind, SECOND, duration, not_empty, text},
        section::{Section, Spanned},
    },
    domain::{ApiKey, NumberType, PhoneNumber, Tenant, TestNumber, TestNumbers},
    files,
    secret::Secret,
    tenant::{IdentityEntry, KeySource, TenantEntry},
};

/// The largest key file that is read, in bytes. Keys are far shorter.
const MAX_KEY_FILE: u64 = 4096;

/// Reads a tenant.
pub(super) fn read(section: &mut Section<'_, '_>, shared: &mut Shared<'_>) -> Option<TenantEntry> {
    let id = section.required("id", &name()).and_then(|id| shared.ids.add(section, "id", id));
    section.demand("telnyx_api_key");
    let key = section.map("telnyx_api_key", |section| key(section, shared)).flatten();
    let telnyx_account = section.value("telnyx_account", &not_empty()).map(|account| account.value);
    let default_profile = section.value("default_profile", &profile());
    // Codes live for some minutes, so an hour is long enough.
    let duplicate_window = section.value("duplicate_window", &duration(SECOND..=HOUR)).map(|window| window.value);
    let number_types = section.values("number_types", &special_number_type());
    let number_types = number_types.into_iter().map(|number_type| number_type.value).collect();
    section.demand("identities");
    let identities = identities(section, shared);
    let limits = section.map("limits", limits::read).unwrap_or_default();
    let test_numbers = test_numbers(section, Clock::default().now());
    if let Some(profile) = &default_profile {
        let may = |known: &IdentityEntry| known.identity.permissions.profiles.has(profile.value.as_str());
        if !identities.is_empty() && !identities.iter().any(may) {
            let location = profile.location.clone();
            section.error(location, "default_profile", "must be among the profiles of an identity");
        }
    }

    let (key, key_source) = key?;
    let default_profile = default_profile.map(|profile| profile.value);
    let tenant = Tenant {
        webhook_token: None,
        id: id?,
        key,
        telnyx_account,
        default_profile,
        duplicate_window,
        number_types,
        limits,
        test_numbers,
    };
    Some(TenantEntry { tenant: tenant.into(), identities, key_source })
}

fn identities(section: &mut Section<'_, '_>, shared: &mut Shared<'_>) -> Vec<IdentityEntry> {
    let (before, missing) = (section.reader.errors.len(), !section.has("identities"));
    let mut names = Unique::default();
    let identities = section.maps("identities", |section| identity::read(section, shared, &mut names));
    if identities.is_empty() && !missing && before == section.reader.errors.len() {
        section.error(section.location(), "identities", "must list at least one identity");
    }
    identities.into_iter().flatten().collect()
}

fn special_number_type() -> Kind<'static, NumberType> {
    let names = NumberType::SPECIAL.map(NumberType::as_str).join(", ");
    text(format!("one of {names}"), |text| NumberType::SPECIAL.into_iter().find(|one| one.as_str() == text))
}

/// Reads the key from the one source that is named. No error message holds any part of it.
fn key(section: &mut Section<'_, '_>, shared: &mut Shared<'_>) -> Option<(ApiKey, KeySource)> {
    let (source, Spanned { value, location }) = section.one_of(["file", "env", "inline"])?;
    let (text, kind) = match source {
        "file" => {
            let path = section.reader.folder.join(&value);
            let bytes = shared.files.read(&path, MAX_KEY_FILE).map_err(|error| files::describe(error.kind()));
            (bytes.and_then(|bytes| as_text(&bytes)), KeySource::File(path))
        }
        "env" => {
            let key = section.reader.env.get(&value).map(|key| Zeroizing::new(key.to_owned()));
            let key = key.map_err(|unread| match unread {
                Unread::Unset => UNSET.to_owned(),
                Unread::NotText => "the environment variable must be UTF-8 text".to_owned(),
            });
            (key, KeySource::Environment(value))
        }
        _ => (Ok(Zeroizing::new(value)), KeySource::Inline),
    };
    let key = text.and_then(|key| match key.strip_suffix("\r\n").or_else(|| key.strip_suffix('\n')).unwrap_or(&key) {
        "" => Err("the key is empty".to_owned()),
        key => ApiKey::new(key).ok_or_else(|| "the key must be visible ASCII characters without spaces".to_owned()),
    });
    key.map_err(|message| section.error(location, source, message)).ok().map(|key| (key, kind))
}

fn as_text(bytes: &[u8]) -> Result<Zeroizing<String>, String> {
    let text = str::from_utf8(bytes).map_err(|_| "the file must be UTF-8 text".to_owned())?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Reads `test_numbers`. A date before `now` is an error: the number is not a test number any more.
fn test_numbers(section: &mut Section<'_, '_>, now: Timestamp) -> TestNumbers {
    let mut seen = Unique::default();
    // The rules of `CheckVerificationRequest.code` in the contract: no other code could be checked.
    let is_code = |text: &str| (4..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let code = text("4 to 10 digits", |text| is_code(text).then(|| Secret::new(text.to_owned())));
    let is_number = |text: &str| PhoneNumber::parse(text).ok().map(|_| text.to_owned());
    let phone_number = text("a phone number in E.164, such as +13035550100", is_number);
    let expires = text("a date in the future, such as 2027-01-31", |text| start_of(text).filter(|start| *start > now));
    let numbers = section.maps("test_numbers", |section| {
        let number = section.required("phone_number", &phone_number);
        let number = number.and_then(|number| seen.add(section, "phone_number", number));
        let (code, expires) = (section.required("code", &code), section.required("expires", &expires));
        Some(TestNumber {
            phone_number: PhoneNumber::parse(&number?).ok()?,
            code: code?.value,
            expires: expires?.value,
        })
    });
    numbers.into_iter().flatten().collect()
}

/// The first moment of a day in UTC.
fn start_of(text: &str) -> Option<Timestamp> {
    let date = text.parse::<Date>().ok().filter(|date| date.to_string() == *text)?;
    TimeZone::UTC.to_timestamp(date.into()).ok()
}
