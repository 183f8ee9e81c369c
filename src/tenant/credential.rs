//! What proves an identity, and the issuers of JWTs.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use jsonwebtoken::Algorithm;

use super::Jwks;
use crate::{domain::TokenHash, http_client::Proxies};

/// What proves an identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// A bearer token.
    Token(TokenHash),
    /// JWTs of an issuer.
    Jwt(JwtRule),
    /// Client certificates with this DNS name, in lower case.
    DnsName(String),
    /// Client certificates with this URI.
    Uri(String),
}

impl Credential {
    /// A DNS name of a certificate: labels of letters, digits, hyphens and underscores, without a wildcard.
    pub fn dns(text: &str) -> Option<Self> {
        let is_label = |label: &str| {
            let inner = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
            (1..=63).contains(&label.len()) && label.bytes().all(inner)
        };
        (text.len() <= 253 && text.split('.').all(is_label)).then(|| Self::DnsName(text.to_ascii_lowercase()))
    }

    /// A URI of a certificate: a scheme, a colon and more, all visible ASCII.
    pub fn uri(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once(':')?;
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c));
        let is_visible = text.bytes().all(|c| c.is_ascii_graphic());
        (is_scheme && is_visible && !rest.trim_start_matches('/').is_empty()).then(|| Self::Uri(text.to_owned()))
    }
}

/// The algorithms that an issuer may use. All are asymmetric: with a symmetric one, everyone who can verify can also
/// sign.
pub(super) const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// An issuer of JWTs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// Its name in the tenants file.
    pub name: String,
    /// The exact `iss` claim of its tokens.
    pub issuer: String,
    /// The accepted audiences. A token needs one of them.
    pub audiences: Vec<String>,
    /// The accepted signature algorithms.
    pub algorithms: Vec<Algorithm>,
    /// How far its clock may differ from the gateway's.
    pub leeway: Duration,
    /// The source of its public keys.
    pub keys: KeysFrom,
}

/// The source of the public keys of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeysFrom {
    /// A file, which is read with the tenants file.
    File(Jwks),
    /// A URL, from which they are fetched periodically.
    Url(JwksUrl),
}

/// A URL of public keys, and how to fetch it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwksUrl {
    /// The URL.
    pub url: String,
    /// The authorities to trust, in PEM. `None` for those of the system.
    pub ca: Option<Vec<u8>>,
    /// The file of a bearer token for the request. It is read for each request, because Kubernetes renews it.
    pub token_file: Option<PathBuf>,
    /// How often the keys are fetched.
    pub refresh_interval: Duration,
    /// The proxies that the environment names.
    pub proxies: Proxies,
}

/// Which JWTs of an issuer belong to an identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JwtRule {
    /// The name of the issuer in the tenants file.
    pub issuer: String,
    /// The exact `sub` claim.
    pub subject: Option<String>,
    /// Further claims. A name that begins with a slash is a JSON Pointer (RFC 6901). A claim that is a list must
    /// contain the value.
    pub claims: BTreeMap<String, String>,
}
