//! What an identity may do.

use super::each;
use crate::{
    config::section::{Section, Spanned},
    domain::{Allowed, Country, Permissions},
    telnyx::Channel,
    tenant::role::{self, Roles},
};

/// The key and the word that say that everything of a kind is allowed.
const ANY: &str = "any";

/// Reads the roles that the file has of its own.
pub(super) fn roles(root: &mut Section<'_, '_>, roles: &mut Roles) {
    for (name, rpcs) in root.texts_by_name("roles") {
        let before = root.reader.errors.len();
        if roles.has(&name.text) {
            root.error(name.location.clone(), "roles", "this role is built in");
        }
        let rpcs = each(root, "roles", &must_be_rpc(), rpcs, role::rpc);
        if rpcs.is_empty() && before == root.reader.errors.len() {
            root.error(name.location, "roles", "empty: a role must let call something");
        }
        // Even where something of it is wrong: who has the role is not wrong too.
        if !roles.has(&name.text) {
            roles.add(name.text, rpcs);
        }
    }
}

/// Reads what the identity of `section` may do, and the names of its roles.
pub(super) fn read(section: &mut Section<'_, '_>, roles: &Roles) -> (Permissions, Vec<String>) {
    let before = section.reader.errors.len();
    let (rpcs, roles) = rpcs(section, roles);
    let channels = Channel::ALL.map(Channel::as_str).join(", ");
    let country = |text: &str| Country::new(text).filter(|country| country.has_numbers());
    let profile = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let must_be_country = "must be a country's ISO 3166-1 code of two capital letters";
    let permissions = Permissions {
        rpcs,
        channels: list(section, "channels", &format!("must be one of {channels}"), Channel::from_name),
        countries: list(section, "countries", must_be_country, country),
        profiles: list(section, "profiles", "must be the id of a profile", profile),
    };
    // A list that is wrong is not one that was forgotten.
    if before == section.reader.errors.len() {
        demand(section, &permissions);
    }
    (permissions, roles)
}

/// Notes an error for what is missing without which nothing could be done.
fn demand(section: &mut Section<'_, '_>, permissions: &Permissions) {
    let Permissions { rpcs, channels, countries, profiles } = permissions;
    if rpcs.is_nothing() {
        section.error(section.location(), "", "no permissions: needs roles or rpcs");
    }
    // An admin may be there for profiles and templates alone.
    if *rpcs == Allowed::Any || !rpcs.has("CreateVerification") {
        return;
    }
    for (key, is_missing) in [
        ("channels", channels.is_nothing()),
        ("countries", countries.is_nothing()),
        ("profiles", profiles.is_nothing()),
    ] {
        if is_missing {
            let what = format!("empty: nothing could be sent; {ANY} allows all");
            section.error(section.location(), key, what);
        }
    }
}

fn rpcs(section: &mut Section<'_, '_>, roles: &Roles) -> (Allowed<&'static str>, Vec<String>) {
    let of_file = section.texts("roles");
    let must = format!("must be one of {}", roles.names().collect::<Vec<_>>().join(", "));
    let known = |name: &str| roles.get(name).map(|rpcs| (name.to_owned(), rpcs));
    let (names, of_roles): (Vec<_>, Vec<_>) = each(section, "roles", &must, of_file, known).into_iter().unzip();
    let rpcs = list(section, "rpcs", &must_be_rpc(), role::rpc);
    let all = of_roles.into_iter().chain([rpcs]).fold(Allowed::default(), union);
    (all, names)
}

fn union(one: Allowed<&'static str>, other: Allowed<&'static str>) -> Allowed<&'static str> {
    match (one, other) {
        (Allowed::Only(mut one), Allowed::Only(other)) => {
            one.extend(other);
            one.sort_unstable();
            one.dedup();
            Allowed::Only(one)
        }
        _ => Allowed::Any,
    }
}

fn must_be_rpc() -> String {
    format!("must be one of {}", role::rpcs().collect::<Vec<_>>().join(", "))
}

/// Reads a list, or the word for everything.
fn list<T>(
    section: &mut Section<'_, '_>,
    key: &'static str,
    must: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Allowed<T> {
    if section.is(key, ANY) {
        return Allowed::Any;
    }
    let items: Vec<Spanned> = section.texts(key);
    Allowed::Only(each(section, key, must, items, parse))
}
