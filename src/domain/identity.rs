//! Identities and their permissions.

use std::{borrow::Borrow, sync::Arc};

use super::{Country, Tenant};
use crate::telnyx::Channel;

/// A named caller within a tenant, such as a service, a job or a team.
#[derive(Debug)]
pub struct Identity {
    /// Its name, which is unique within the tenant.
    pub name: Arc<str>,
    /// Its permissions.
    pub permissions: Permissions,
}

/// What an identity may do. Everything else is refused.
#[derive(Clone, Debug, Default)]
pub struct Permissions {
    /// The RPCs, by their short names (`CreateVerification`).
    pub rpcs: Allowed<&'static str>,
    /// The channels of sends.
    pub channels: Allowed<Channel>,
    /// The countries of the phone numbers.
    pub countries: Allowed<Country>,
    /// The profiles, by ID.
    pub profiles: Allowed<String>,
}

impl Permissions {
    /// Permission for everything.
    #[must_use]
    pub const fn all() -> Self {
        Self { rpcs: Allowed::Any, channels: Allowed::Any, countries: Allowed::Any, profiles: Allowed::Any }
    }
}

/// The allowed items of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed<T> {
    /// Everything.
    Any,
    /// Only these.
    Only(Vec<T>),
}

impl<T> Default for Allowed<T> {
    /// Nothing.
    fn default() -> Self {
        Self::Only(Vec::new())
    }
}

impl<T> Allowed<T> {
    /// Whether `item` is allowed.
    pub fn has<Q: PartialEq + ?Sized>(&self, item: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        match self {
            Self::Any => true,
            Self::Only(items) => items.iter().any(|one| one.borrow() == item),
        }
    }

    /// Whether nothing is allowed.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Only(items) if items.is_empty())
    }
}

/// An identity and its tenant.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The tenant.
    pub tenant: Arc<Tenant>,
    /// The identity.
    pub identity: Arc<Identity>,
}

impl Caller {
    /// An identity of `tenant` that may do everything, for programs without authentication.
    #[must_use]
    pub fn unrestricted(tenant: Arc<Tenant>) -> Self {
        let identity = Identity { name: "unrestricted".into(), permissions: Permissions::all() };
        Self { tenant, identity: Arc::new(identity) }
    }

    /// Whether `other` is the same identity of the same tenant.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.tenant.id == other.tenant.id && self.identity.name == other.identity.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_allowed_by_default() {
        let nothing = Permissions::default();
        assert!(!nothing.rpcs.has("GetProfile") && !nothing.profiles.has("p"));
        assert!(!nothing.channels.has(&Channel::Sms) && !nothing.countries.has(&Country::new("US").unwrap()));
        assert!(nothing.rpcs.is_nothing() && !Permissions::all().rpcs.is_nothing());
        let some = Allowed::Only(vec!["a".to_owned()]);
        assert!(some.has("a") && !some.has("") && !some.has("aa"));
    }
}
