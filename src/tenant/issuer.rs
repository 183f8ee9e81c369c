//! Issuers of JWTs, and rules for their JWTs.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use jsonwebtoken::Algorithm;

use super::Jwks;

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
