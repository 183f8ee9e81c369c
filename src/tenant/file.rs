//! The tenants file.

mod identity;
mod issuer;
mod key;
mod limits;
mod permissions;
mod tenant;
mod test_numbers;

use std::{collections::HashMap, io, path::Path};

use super::{Credential, Issuer, TenantEntry, role::Roles};
use crate::{
    config::{
        Environment, Errors, Location,
        reader::Reader,
        section::{Section, Spanned, read_file},
    },
    files::FileSet,
};

/// The largest tenants file that is read, in bytes.
const MAX_FILE: u64 = 4 << 20;

/// What a file says.
pub(super) struct Content {
    pub(super) issuers: Vec<Issuer>,
    pub(super) tenants: Vec<TenantEntry>,
}

/// What the parts of a file share.
struct Shared<'f> {
    files: &'f mut FileSet,
    roles: Roles,
    issuers: Vec<Issuer>,
    seen: Seen,
}

/// What must not come twice, with the location where it came first.
#[derive(Default)]
struct Seen {
    ids: HashMap<String, Location>,
    credentials: HashMap<Credential, Location>,
}

impl Seen {
    /// Notes an error where `credential` came before.
    fn is_first(
        &mut self,
        section: &mut Section<'_, '_>,
        key: &'static str,
        credential: Credential,
        location: Location,
    ) -> bool {
        if let Some(first) = self.credentials.get(&credential) {
            section.error(location, key, format!("given twice, first at {first}"));
            return false;
        }
        self.credentials.insert(credential, location);
        true
    }
}

/// Reads the file at `path`, and adds every file that it reads to `files`.
pub(super) fn read(path: &Path, env: &Environment, files: &mut FileSet) -> Result<Content, Errors> {
    let text = files.read(path, MAX_FILE);
    let mut reader = Reader::new(path, env);
    let mut shared = Shared { files, roles: Roles::default(), issuers: Vec::new(), seen: Seen::default() };
    let tenants = read_file(&mut reader, text, |root| {
        issuer::read_all(root, &mut shared);
        permissions::roles(root, &mut shared.roles);
        let any = root.has("tenants");
        let tenants = root.maps("tenants", |section| tenant::read(section, &mut shared));
        if tenants.is_empty() && (!any || root.reader.errors.is_empty()) {
            root.error(root.location(), "tenants", "no tenants: nobody could call");
        }
        tenants
    });
    // A tenant that can't be used is among the errors.
    let tenants = tenants.unwrap_or_default().into_iter().flatten().collect();
    let issuers = shared.issuers;
    reader.errors.into_result(Content { issuers, tenants })
}

/// Why a file can't be read, for those who wrote its name.
fn unread(what: &str, error: &io::Error) -> String {
    format!("the {what} can't be read: {}", error.kind())
}

/// The items of a list, without those that are wrong.
fn each<T>(
    section: &mut Section<'_, '_>,
    key: &'static str,
    must: &str,
    items: Vec<Spanned>,
    parse: impl Fn(&str) -> Option<T>,
) -> Vec<T> {
    let mut parsed = Vec::new();
    for Spanned { text, location } in items {
        match parse(&text) {
            Some(item) => parsed.push(item),
            None => section.error(location, key, must),
        }
    }
    parsed
}

#[cfg(test)]
mod tests;
