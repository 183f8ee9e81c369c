//! Tenants as labels, in a bounded number.

use std::collections::HashSet;

use opentelemetry::Value;

use crate::{domain::TenantId, sync::RwLock};

/// The tenants that have a label of their own: the first so many. All others are `other`.
pub(super) struct Tenants {
    max: usize,
    known: RwLock<HashSet<TenantId>>,
}

impl Tenants {
    pub(super) fn new(max: usize) -> Self {
        Self { max, known: RwLock::default() }
    }

    /// The label of `tenant`; `none` where nobody is known.
    pub(super) fn label(&self, tenant: Option<&TenantId>) -> Value {
        let Some(tenant) = tenant else { return "none".into() };
        if self.has(tenant) { Value::from(tenant.shared()) } else { "other".into() }
    }

    fn has(&self, tenant: &TenantId) -> bool {
        let known = self.known.read();
        if known.contains(tenant) {
            return true;
        }
        if known.len() >= self.max {
            return false;
        }
        drop(known);
        let mut known = self.known.write();
        known.len() < self.max && known.insert(tenant.clone()) || known.contains(tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_beyond_the_bound_are_other_and_the_first_keep_their_names() {
        let tenants = Tenants::new(2);
        let label = |name: &str| tenants.label(TenantId::new(name).as_ref()).to_string();
        let seen: Vec<String> = ["a", "b", "c", "a", "d", "b"].map(label).into();
        assert_eq!(seen, ["a", "b", "other", "a", "other", "b"]);
        assert_eq!(tenants.label(None).to_string(), "none");
    }
}
