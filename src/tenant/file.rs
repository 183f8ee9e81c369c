//! The tenants file.

mod account;
mod identity;
mod issuer;
mod limits;
mod permissions;
mod tenant;

use std::{collections::HashMap, hash::Hash, path::Path};

use super::{Credential, Directory, Issuer, role::Roles};
use crate::{
    config::{
        Environment, Errors, Location,
        kinds::{self, Kind},
        reader::Reader,
        section::{Section, Spanned, read_file},
    },
    domain::{Country, TenantId, has_phone_numbers, is_resource_id},
    files::{FileSet, FileWatch},
};

/// The largest tenants file that is read, in bytes.
const MAX_FILE: u64 = 4 << 20;

/// The tenants file and the files that it names.
pub type DirectoryWatch = FileWatch<Result<Directory, Errors>>;

impl Directory {
    /// Reads the tenants file at `path`, and watches it and the files that it names. `env` gives the API keys that the
    /// file takes from the environment. Relative paths in the file start at its folder.
    pub fn watch(path: &Path, env: &Environment) -> Result<(Self, DirectoryWatch), Errors> {
        let (path, env) = (path.to_owned(), env.clone());
        let (directory, watch) = FileWatch::start(move |files| read(&path, &env, files));
        Ok((directory?, watch))
    }
}

/// What the parts of a file share.
struct Shared<'f> {
    files: &'f mut FileSet,
    roles: Roles,
    issuers: Vec<Issuer>,
    ids: Unique<TenantId>,
    credentials: Unique<Credential>,
}

/// Values that must not occur twice, each with the location where it occurred.
struct Unique<T>(HashMap<T, Location>);

impl<T> Default for Unique<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Clone + Eq + Hash> Unique<T> {
    /// Adds `value`. Reports an error and returns `None` if it occurred before.
    fn add(&mut self, section: &mut Section<'_, '_>, key: &str, value: Spanned<T>) -> Option<T> {
        let Spanned { value, location } = value;
        if let Some(first) = self.0.get(&value) {
            section.error(location, key, format!("given twice, first at {first}"));
            return None;
        }
        self.0.insert(value.clone(), location);
        Some(value)
    }
}

/// Reads the file at `path`, and adds every file that it reads to `files`.
fn read(path: &Path, env: &Environment, files: &mut FileSet) -> Result<Directory, Errors> {
    let text = files.read(path, MAX_FILE);
    let mut reader = Reader::new(path, env);
    let mut shared = Shared {
        files,
        roles: Roles::default(),
        issuers: Vec::new(),
        ids: Unique::default(),
        credentials: Unique::default(),
    };
    let read = read_file(&mut reader, text, |root| {
        issuer::read_all(root, &mut shared);
        permissions::roles(root, &mut shared.roles);
        let any = root.has("tenants");
        let tenants = root.maps("tenants", |section| tenant::read(section, &mut shared));
        if tenants.is_empty() && (!any || root.reader.errors.is_empty()) {
            root.error(root.location(), "tenants", "must list at least one tenant");
        }
        // A tenant that can't be used is among the errors.
        let tenants: Vec<_> = tenants.into_iter().flatten().collect();
        let accounts = account::read_all(root, &tenants);
        (tenants, accounts)
    });
    let (tenants, accounts) = read.unwrap_or_default();
    let issuers = shared.issuers;
    reader.errors.into_result(()).map(|()| Directory::of(issuers, tenants).with_accounts(accounts))
}

/// The name of a tenant or identity.
fn name() -> Kind<'static, TenantId> {
    kinds::text("1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end", TenantId::new)
}

/// The ID of a profile.
fn profile() -> Kind<'static, String> {
    kinds::text("the ID of a profile", |id| is_resource_id(id).then(|| id.to_owned()))
}

/// A country with phone numbers, or such a country and its territories.
fn countries() -> Kind<'static, Vec<Country>> {
    let takes = format!("an ISO 3166-1 country code of two capital letters, or one of {}", Country::groups());
    kinds::text(takes, |text| {
        Country::group(text).filter(|group| group.iter().all(|country| has_phone_numbers(*country)))
    })
}

#[cfg(test)]
mod tests;
