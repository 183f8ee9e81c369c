//! The tenants, and which credential belongs to which identity.

use std::{collections::HashMap, fmt, path::PathBuf, sync::Arc, time::SystemTime};

use super::credential::{Credential, Issuer, JwtRule};
use crate::domain::{Caller, Identity, TelnyxAccount, Tenant, TokenHash};

/// All tenants, by the credentials of their identities.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    entries: Vec<TenantEntry>,
    issuers: Vec<Issuer>,
    accounts: Vec<TelnyxAccount>,
    /// All but the rules for JWTs.
    by_credential: HashMap<Credential, Caller>,
    /// By the issuer's name.
    by_rule: HashMap<String, Vec<(JwtRule, Caller)>>,
}

/// A tenant in the directory.
#[derive(Clone, Debug)]
pub struct TenantEntry {
    /// The tenant.
    pub tenant: Arc<Tenant>,
    /// Its identities.
    pub identities: Vec<IdentityEntry>,
    /// The source of its API key.
    pub key_source: KeySource,
}

/// The source of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A file of its own, by its path.
    File(PathBuf),
    /// An environment variable, by its name.
    Environment(String),
    /// The tenants file itself, or the program.
    Inline,
}

impl KeySource {
    /// The modification time of the file. `None` for other sources. It reads from the file system, so it may block.
    pub fn changed_at(&self) -> Option<SystemTime> {
        let Self::File(path) = self else { return None };
        path.metadata().and_then(|about| about.modified()).ok()
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Inline => f.write_str("inline"),
        }
    }
}

/// An identity in the directory.
#[derive(Clone, Debug)]
pub struct IdentityEntry {
    /// The identity.
    pub identity: Arc<Identity>,
    /// Its credentials. Each one is enough.
    pub credentials: Vec<Credential>,
    /// The names of its roles.
    pub roles: Vec<String>,
}

/// Identities that the program makes, each with its credentials.
pub type Identities = Vec<(Identity, Vec<Credential>)>;

impl Directory {
    /// A directory of tenants that the program makes. A credential belongs to the first identity that has it.
    pub fn new(tenants: Vec<(Tenant, Identities)>) -> Self {
        let known =
            |(identity, credentials)| IdentityEntry { identity: Arc::new(identity), credentials, roles: Vec::new() };
        let entry = |(tenant, identities): (_, Vec<_>)| TenantEntry {
            tenant: Arc::new(tenant),
            identities: identities.into_iter().map(known).collect(),
            key_source: KeySource::Inline,
        };
        Self::of(Vec::new(), tenants.into_iter().map(entry).collect())
    }

    /// A directory of `entries` and of the issuers of their JWTs.
    pub fn of(issuers: Vec<Issuer>, entries: Vec<TenantEntry>) -> Self {
        let mut directory = Self { issuers, ..Self::default() };
        for TenantEntry { tenant, identities, .. } in &entries {
            for IdentityEntry { identity, credentials, .. } in identities {
                let caller = Caller { tenant: tenant.clone(), identity: identity.clone() };
                for credential in credentials {
                    match credential {
                        Credential::Jwt(rule) => {
                            let rules = directory.by_rule.entry(rule.issuer.clone()).or_default();
                            rules.push((rule.clone(), caller.clone()));
                        }
                        other => _ = directory.by_credential.entry(other.clone()).or_insert_with(|| caller.clone()),
                    }
                }
            }
        }
        directory.entries = entries;
        directory
    }

    /// The same directory with the accounts whose webhooks are taken.
    #[must_use]
    pub fn with_accounts(mut self, accounts: Vec<TelnyxAccount>) -> Self {
        for TenantEntry { tenant, .. } in &mut self.entries {
            let is_its = |account: &&TelnyxAccount| tenant.telnyx_account.as_ref() == Some(&account.name);
            let token = accounts.iter().find(is_its).map(|account| account.webhook_token.clone());
            Arc::make_mut(tenant).webhook_token = token;
        }
        Self { accounts, ..Self::of(self.issuers, self.entries) }
    }

    /// The account whose webhooks have `token` in their path.
    pub fn account_by_webhook_token(&self, token: &str) -> Option<&TelnyxAccount> {
        self.accounts.iter().find(|account| account.webhook_token == token)
    }

    /// The tenants of the account with this name.
    pub fn tenants_of(&self, account: &str) -> impl Iterator<Item = &TenantEntry> {
        self.entries.iter().filter(move |entry| entry.tenant.telnyx_account.as_deref() == Some(account))
    }

    /// The owner of a bearer token.
    pub fn by_token(&self, token: &str) -> Option<&Caller> {
        // The time of the lookup reveals nothing about valid tokens. It depends on the SHA-256 of the presented token
        // under the randomly keyed hash of the map, and the comparison with a candidate takes constant time.
        self.by_credential.get(&Credential::Token(TokenHash::of(token)))
    }

    /// The owner of certificates with this DNS name, in any case of letters.
    pub fn by_dns_name(&self, name: &str) -> Option<&Caller> {
        self.by_credential.get(&Credential::DnsName(name.to_ascii_lowercase()))
    }

    /// The owner of certificates with this URI.
    pub fn by_uri(&self, uri: &str) -> Option<&Caller> {
        self.by_credential.get(&Credential::Uri(uri.to_owned()))
    }

    /// The rules for JWTs of the issuer with this name, each with the owner of matching JWTs.
    pub fn rules(&self, issuer: &str) -> &[(JwtRule, Caller)] {
        self.by_rule.get(issuer).map_or(&[], Vec::as_slice)
    }

    /// The tenants, in the order of the file.
    pub fn entries(&self) -> &[TenantEntry] {
        &self.entries
    }

    /// The issuers of JWTs, in the order of the file.
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        config::Environment,
        domain::{ApiKey, Permissions, TenantId},
    };

    fn tenant(id: &str, credentials: Vec<Credential>) -> (Tenant, Identities) {
        let tenant = Tenant::new(TenantId::new(id).unwrap(), ApiKey::new("KEY").unwrap());
        let identity = Identity { name: format!("{id}-service").into(), permissions: Permissions::all() };
        (tenant, vec![(identity, credentials)])
    }

    fn token(text: &str) -> Credential {
        Credential::Token(TokenHash::of(text))
    }

    #[test]
    fn each_token_belongs_to_its_own_tenant_and_other_texts_to_none() {
        let directory = Directory::new(vec![
            tenant("a", vec![token("one"), token("two")]),
            tenant("b", vec![token("three"), token("one")]),
        ]);
        let opens = |token| directory.by_token(token).map(|caller| caller.tenant.id.to_string());
        assert_eq!(opens("one").as_deref(), Some("a"));
        assert_eq!(opens("two").as_deref(), Some("a"));
        assert_eq!(opens("three").as_deref(), Some("b"));
        assert_eq!(&*directory.by_token("three").unwrap().identity.name, "b-service");
        for wrong in ["", "One", "one ", "onetwo", &TokenHash::of("one").to_string()] {
            assert_eq!(opens(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_empty_directory_knows_no_credential() {
        let empty = Directory::default();
        assert!(empty.by_token("").is_none() && empty.by_uri("").is_none() && empty.rules("").is_empty());
    }

    #[test]
    fn names_of_certificates_are_host_names_without_wildcards_and_uris() {
        assert_eq!(Credential::dns("Ops.Acme.internal"), Some(Credential::DnsName("ops.acme.internal".into())));
        for bad in ["", "*.acme.internal", "a..b", ".a", "a b", "ä.de", "spiffe://a/b"] {
            assert_eq!(Credential::dns(bad), None, "{bad}");
        }
        assert!(Credential::uri("spiffe://acme/ops").is_some() && Credential::uri("urn:a:b").is_some());
        for bad in ["", "ops", "://a", "spiffe://", "spiffe:", "spiffe://a b", "1a:b"] {
            assert_eq!(Credential::uri(bad), None, "{bad}");
        }
    }

    const FILE: &str = "
tenants:
  - id: login
    telnyx_api_key: { file: key }
    identities: [{ name: a, roles: [reader], certificate: { dns: a } }]
";

    #[test]
    fn a_change_is_returned_once_and_an_error_until_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let (path, key) = (folder.path().join("tenants.yaml"), folder.path().join("key"));
        fs::write(&path, FILE).unwrap();
        fs::write(&key, "KEY1").unwrap();
        let (_, mut watch) = Directory::watch(&path, &Environment::default()).unwrap();
        assert!(watch.changed().is_none());

        fs::write(&key, "KEY2").unwrap();
        let directory = watch.changed().unwrap().unwrap();
        assert_eq!(directory.entries()[0].tenant.key.authorization(), "Bearer KEY2");
        assert!(watch.changed().is_none());

        // This happens when several files change one after the other.
        fs::remove_file(&key).unwrap();
        assert!(watch.changed().unwrap().unwrap_err().to_string().contains("there is no such file"));
        assert!(watch.changed().is_none());
        fs::write(&key, "KEY3").unwrap();
        assert!(watch.changed().unwrap().is_ok());
        fs::write(&path, FILE.replace("reader", "writer").replace("id: login", "id: Login")).unwrap();
        assert_eq!(watch.changed().unwrap().unwrap_err().len(), 2);
    }
}
