//! Who of a tenant calls, and what it may do.

use std::{borrow::Borrow, sync::Arc};

use super::{Country, Tenant};
use crate::telnyx::Channel;

/// Somebody of a tenant: a service, a job, a team. It is known by its credentials and may do what its permissions say.
#[derive(Debug)]
pub struct Identity {
    /// Its name, which is unique in its tenant; for logs, audits and errors.
    pub name: Arc<str>,
    /// What it may do.
    pub permissions: Permissions,
}

/// What an identity may do. What is not said is not allowed.
#[derive(Clone, Debug, Default)]
pub struct Permissions {
    /// The rpcs, by their bare names (`CreateVerification`).
    pub rpcs: Allowed<&'static str>,
    /// The channels it may send on.
    pub channels: Allowed<Channel>,
    /// The countries of the phone numbers.
    pub countries: Allowed<Country>,
    /// The profiles, by id.
    pub profiles: Allowed<String>,
}

impl Permissions {
    /// May do everything.
    #[must_use]
    pub const fn all() -> Self {
        Self { rpcs: Allowed::Any, channels: Allowed::Any, countries: Allowed::Any, profiles: Allowed::Any }
    }
}

/// What of one kind is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed<T> {
    /// Everything.
    Any,
    /// These and no others.
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

/// Who calls: an identity of a tenant.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The tenant.
    pub tenant: Arc<Tenant>,
    /// Who of it.
    pub identity: Arc<Identity>,
}

impl Caller {
    /// An identity of `tenant` that may do everything, for programs that ask nobody for credentials.
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
    fn what_is_not_said_is_not_allowed() {
        let nothing = Permissions::default();
        assert!(!nothing.rpcs.has("GetProfile") && !nothing.profiles.has("p"));
        assert!(!nothing.channels.has(&Channel::Sms) && !nothing.countries.has(&Country::new("US").unwrap()));
        assert!(nothing.rpcs.is_nothing() && !Permissions::all().rpcs.is_nothing());
        let some = Allowed::Only(vec!["a".to_owned()]);
        assert!(some.has("a") && !some.has("") && !some.has("aa"));
    }
}
