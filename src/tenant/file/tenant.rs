//! A tenant: what all its identities share.

use std::{collections::HashMap, time::Duration};

use super::{Shared, identity, key, limits, test_numbers};
use crate::{
    clock::Clock,
    config::{
        human,
        section::{Section, Spanned},
    },
    domain::{Tenant, TenantId},
    tenant::{IdentityEntry, TenantEntry},
};

/// The longest time in which an equal send without a name counts as the same one. Codes live for some minutes.
const MAX_DUPLICATE_WINDOW: Duration = Duration::from_hours(1);

/// Reads a tenant.
pub(super) fn read(section: &mut Section<'_, '_>, shared: &mut Shared<'_>) -> Option<TenantEntry> {
    section.demand("id");
    let id = section.text("id").and_then(|written| id(section, written, shared));
    section.demand("telnyx_api_key");
    let key = section.map("telnyx_api_key", |section| key::read(section, shared)).flatten();
    let default_profile = section.text("default_profile");
    let duplicate_window = section.text("duplicate_window").and_then(|written| duplicate_window(section, &written));
    section.demand("identities");
    let identities = identities(section, shared);
    let limits = section.map("limits", limits::read).unwrap_or_default();
    let test_numbers = test_numbers::read(section, Clock::default().now());
    if let Some(Spanned { text, location }) = &default_profile {
        let may = |known: &IdentityEntry| known.identity.permissions.profiles.has(text.as_str());
        if text.is_empty() {
            section.error(location.clone(), "default_profile", "empty");
        } else if !identities.is_empty() && !identities.iter().any(may) {
            section.error(location.clone(), "default_profile", "not among the profiles of any identity");
        }
    }

    let (key, key_source) = key?;
    let default_profile = default_profile.map(|written| written.text);
    let tenant = Tenant { id: id?, key, default_profile, duplicate_window, limits, test_numbers };
    Some(TenantEntry { tenant: tenant.into(), identities, key_source })
}

fn identities(section: &mut Section<'_, '_>, shared: &mut Shared<'_>) -> Vec<IdentityEntry> {
    let (before, missing) = (section.reader.errors.len(), !section.has("identities"));
    let mut names = HashMap::new();
    let identities = section.maps("identities", |section| identity::read(section, shared, &mut names));
    if identities.is_empty() && !missing && before == section.reader.errors.len() {
        section.error(section.location(), "identities", "empty: nobody of the tenant could call");
    }
    identities.into_iter().flatten().collect()
}

fn id(
    section: &mut Section<'_, '_>,
    Spanned { text, location }: Spanned,
    Shared { seen, .. }: &mut Shared<'_>,
) -> Option<TenantId> {
    let Some(id) = TenantId::new(&text) else {
        let what = "must be 1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end";
        section.error(location, "id", what);
        return None;
    };
    if let Some(first) = seen.ids.get(&text) {
        section.error(location, "id", format!("given twice, first at {first}"));
        return None;
    }
    seen.ids.insert(text, location);
    Some(id)
}

fn duplicate_window(section: &mut Section<'_, '_>, Spanned { text, location }: &Spanned) -> Option<Duration> {
    let window =
        human::duration(text).filter(|window| (Duration::from_secs(1)..=MAX_DUPLICATE_WINDOW).contains(window));
    if window.is_none() {
        section.error(location.clone(), "duplicate_window", "must be a duration from 1s to 1h");
    }
    window
}
