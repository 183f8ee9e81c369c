//! Which tenants a webhook belongs to. Its path is not signed, and tenants may share an account: neither the path nor the
//! key tells it alone.

use crate::{
    domain::TenantId,
    tenant::{Directory, TenantEntry},
};

/// The tenants of the account that may see events of `profile`. Empty: nobody's.
pub(super) fn owners(directory: &Directory, account: &str, profile: Option<&str>) -> Vec<TenantId> {
    let tenants: Vec<&TenantEntry> = directory.tenants_of(account).collect();
    let may_use = |entry: &&&TenantEntry| {
        let mut identities = entry.identities.iter();
        profile.is_some_and(|profile| identities.any(|known| known.identity.permissions.profiles.has(profile)))
    };
    let id = |entry: &&TenantEntry| entry.tenant.id.clone();
    match tenants.as_slice() {
        [only] => vec![id(only)],
        several => several.iter().filter(may_use).map(id).collect(),
    }
}
