//! Which token belongs to whom.

use std::{
    collections::{HashMap, hash_map},
    path::Path,
    sync::Arc,
};

use super::{KeySource, Tenant, TokenHash, file};
use crate::config::{Environment, Mistakes};

/// All tenants, by their tokens.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    entries: Vec<Entry>,
    by_token: HashMap<TokenHash, Arc<Tenant>>,
}

/// A tenant and what is known about it beside.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The tenant.
    pub tenant: Arc<Tenant>,
    /// How many tokens it has.
    pub tokens: usize,
    /// Where its key was read from.
    pub key_source: KeySource,
}

impl Directory {
    /// Reads the tenants file at `path`. Keys that stand in the environment are taken from `env`; key files count from
    /// the folder of the tenants file.
    ///
    /// # Errors
    /// Everything that is wrong, and no tenant at all.
    pub fn load(path: &Path, env: &Environment) -> Result<Self, Mistakes> {
        let mut directory = Self::default();
        for tenant in file::read(path, env)? {
            directory.add(tenant.tenant, &tenant.tokens, tenant.key_source);
        }
        Ok(directory)
    }

    /// The directory of tenants made by the program, each with the hashes of its tokens. A token belongs to the first
    /// tenant that has it.
    #[must_use]
    pub fn new(tenants: Vec<(Tenant, Vec<TokenHash>)>) -> Self {
        let mut directory = Self::default();
        for (tenant, tokens) in tenants {
            directory.add(tenant, &tokens, KeySource::Inline);
        }
        directory
    }

    /// The tenant that `token` belongs to.
    #[must_use]
    pub fn authenticate(&self, token: &str) -> Option<Arc<Tenant>> {
        // How long this takes tells nothing of use about a token that is valid. The time of the lookup depends on the
        // SHA-256 of what was presented, put through the map's own randomly keyed hash, so a caller can't approach a
        // valid token step by step; and the comparison with a candidate takes constant time.
        self.by_token.get(&TokenHash::of(token)).cloned()
    }

    /// The tenants, in their order in the file.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn add(&mut self, tenant: Tenant, tokens: &[TokenHash], key_source: KeySource) {
        let tenant = Arc::new(tenant);
        for token in tokens {
            if let hash_map::Entry::Vacant(free) = self.by_token.entry(*token) {
                free.insert(tenant.clone());
            }
        }
        self.entries.push(Entry { tenant, tokens: tokens.len(), key_source });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::TenantId,
        tenant::{Allow, ApiKey, Limits, TestNumbers},
    };

    fn tenant(id: &str) -> Tenant {
        let id = TenantId::new(id).unwrap();
        Tenant {
            id,
            key: ApiKey::new("KEY").unwrap(),
            default_profile: None,
            allow: Allow::default(),
            duplicate_window: None,
            limits: Limits::none(),
            test_numbers: TestNumbers::default(),
        }
    }

    #[test]
    fn each_token_opens_its_own_tenant_and_nothing_else_opens_one() {
        let directory = Directory::new(vec![
            (tenant("a"), vec![TokenHash::of("one"), TokenHash::of("two")]),
            (tenant("b"), vec![TokenHash::of("three"), TokenHash::of("one")]),
        ]);
        let opens = |token| directory.authenticate(token).map(|tenant| tenant.id.to_string());
        assert_eq!(opens("one").as_deref(), Some("a"));
        assert_eq!(opens("two").as_deref(), Some("a"));
        assert_eq!(opens("three").as_deref(), Some("b"));
        for wrong in ["", "One", "one ", "onetwo", &TokenHash::of("one").to_string()] {
            assert_eq!(opens(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_directory_of_nobody_opens_to_nobody() {
        assert!(Directory::default().authenticate("").is_none());
    }
}
