//! Who issues JWTs, and which of them belong to whom.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use jsonwebtoken::Algorithm;

use super::Jwks;

/// The algorithms that may be allowed. All are asymmetric: with a symmetric one, who can verify can sign.
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

/// An issuer of JWTs, as the tenants file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// Its name in the file.
    pub name: String,
    /// What its tokens have as `iss`, to the letter.
    pub issuer: String,
    /// The audiences of which a token must have one.
    pub audiences: Vec<String>,
    /// What it may sign with.
    pub algorithms: Vec<Algorithm>,
    /// By how much its clock and ours may differ.
    pub leeway: Duration,
    /// Where its public keys are.
    pub keys: KeysFrom,
}

/// Where an issuer's public keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeysFrom {
    /// In a file, which was read with the tenants file.
    File(Jwks),
    /// At a URL, from which they are fetched again and again.
    Url(JwksUrl),
}

/// A URL of public keys, and how to ask it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwksUrl {
    /// The URL.
    pub url: String,
    /// The authorities that its certificate may come from, in PEM; none for those that the system trusts.
    pub ca: Option<Vec<u8>>,
    /// The file of a bearer token to ask with. It is read for each request: Kubernetes renews it.
    pub token_file: Option<PathBuf>,
    /// How often it is asked.
    pub refresh_interval: Duration,
}

/// Which tokens of an issuer belong to an identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JwtRule {
    /// The issuer's name in the file.
    pub issuer: String,
    /// What the token has as `sub`, to the letter.
    pub subject: Option<String>,
    /// What other claims it has. A name that begins with a slash is a JSON Pointer (RFC 6901); a claim that is a list
    /// must contain the value.
    pub claims: BTreeMap<String, String>,
}
