//! A tenant: what its identities share.

use super::{Shared, Unique, identity, key, limits, name, profile, test_numbers};
use crate::{
    clock::Clock,
    config::{
        kinds::{HOUR, Kind, SECOND, duration, text},
        section::Section,
    },
    domain::{NumberType, Tenant},
    tenant::{IdentityEntry, TenantEntry},
};

/// Reads a tenant.
pub(super) fn read(section: &mut Section<'_, '_>, shared: &mut Shared<'_>) -> Option<TenantEntry> {
    let id = section.required("id", &name()).and_then(|id| shared.ids.add(section, "id", id));
    section.demand("telnyx_api_key");
    let key = section.map("telnyx_api_key", |section| key::read(section, shared)).flatten();
    let default_profile = section.value("default_profile", &profile());
    // Codes live for some minutes, so an hour is long enough.
    let duplicate_window = section.value("duplicate_window", &duration(SECOND..=HOUR)).map(|window| window.value);
    let number_types = section.values("number_types", &special_number_type());
    let number_types = number_types.into_iter().map(|number_type| number_type.value).collect();
    section.demand("identities");
    let identities = identities(section, shared);
    let limits = section.map("limits", limits::read).unwrap_or_default();
    let test_numbers = test_numbers::read(section, Clock::default().now());
    if let Some(profile) = &default_profile {
        let may = |known: &IdentityEntry| known.identity.permissions.profiles.has(profile.value.as_str());
        if !identities.is_empty() && !identities.iter().any(may) {
            let location = profile.location.clone();
            section.error(location, "default_profile", "must be among the profiles of an identity");
        }
    }

    let (key, key_source) = key?;
    let default_profile = default_profile.map(|profile| profile.value);
    let tenant = Tenant { id: id?, key, default_profile, duplicate_window, number_types, limits, test_numbers };
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
