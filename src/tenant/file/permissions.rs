//! The permissions of an identity.

use super::{countries, profile};
use crate::{
    config::{
        kinds::{Kind, text},
        section::Section,
    },
    domain::{Allowed, Permissions},
    telnyx::Channel,
    tenant::role::{self, Roles},
};

/// The word that allows everything of a kind.
const ANY: &str = "any";

/// Reads the roles of the file.
pub(super) fn roles(root: &mut Section<'_, '_>, roles: &mut Roles) {
    for (name, rpcs) in root.texts_by_name("roles") {
        let before = root.reader.errors.len();
        if roles.has(&name.value) {
            root.error(name.location.clone(), "roles", "must not be the name of a built-in role");
        }
        let rpcs = rpcs.into_iter().filter_map(|text| root.parse("roles", text, &rpc())).map(|rpc| rpc.value);
        let rpcs: Vec<_> = rpcs.collect();
        if rpcs.is_empty() && before == root.reader.errors.len() {
            root.error(name.location, "roles", "must list at least one rpc");
        }
        // A role with errors is kept, so that identities that have it have no errors on account of it.
        if !roles.has(&name.value) {
            roles.add(name.value, rpcs);
        }
    }
}

/// Reads what the identity of `section` may do, and the names of its roles.
pub(super) fn read(section: &mut Section<'_, '_>, roles: &Roles) -> (Permissions, Vec<String>) {
    let before = section.reader.errors.len();
    let (rpcs, roles) = rpcs(section, roles);
    let channels = Channel::ALL.map(Channel::as_str).join(", ");
    let permissions = Permissions {
        rpcs,
        channels: list(section, "channels", &text(format!("one of {channels}"), Channel::from_name)),
        countries: match list(section, "countries", &countries()) {
            Allowed::Any => Allowed::Any,
            Allowed::Only(groups) => Allowed::Only(groups.concat()),
        },
        profiles: list(section, "profiles", &profile()),
    };
    // A list with errors is not a list that was left out.
    if before == section.reader.errors.len() {
        demand(section, &permissions);
    }
    (permissions, roles)
}

/// Reports an error for each permission without which the others have no effect.
fn demand(section: &mut Section<'_, '_>, permissions: &Permissions) {
    let Permissions { rpcs, channels, countries, profiles } = permissions;
    if rpcs.is_nothing() {
        section.error(section.location(), "", "needs permissions: roles or rpcs");
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
            let message = format!("must not be empty, or nothing could be sent; {ANY} allows all");
            section.error(section.location(), key, message);
        }
    }
}

fn rpcs(section: &mut Section<'_, '_>, roles: &Roles) -> (Allowed<&'static str>, Vec<String>) {
    let names = roles.names().collect::<Vec<_>>().join(", ");
    let role = text(format!("one of {names}"), |name| roles.get(name).map(|rpcs| (name.to_owned(), rpcs)));
    let of_roles = section.values("roles", &role).into_iter().map(|role| role.value);
    let (names, of_roles): (Vec<_>, Vec<_>) = of_roles.unzip();
    let own = list(section, "rpcs", &rpc());
    (of_roles.into_iter().chain([own]).fold(Allowed::default(), union), names)
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

fn rpc() -> Kind<'static, &'static str> {
    text(format!("one of {}", role::rpcs().collect::<Vec<_>>().join(", ")), role::rpc)
}

/// Reads a list, or the word for everything.
fn list<T>(section: &mut Section<'_, '_>, key: &'static str, kind: &Kind<'_, T>) -> Allowed<T> {
    if section.is(key, ANY) {
        return Allowed::Any;
    }
    Allowed::Only(section.values(key, kind).into_iter().map(|item| item.value).collect())
}
