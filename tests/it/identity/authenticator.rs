//! An authenticator of tenants with every kind of credentials.

use std::{fs, path::Path};

use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use verify_gateway::{
    authn::{Authenticator, Authorization, Credentials, DenialCause},
    clock::Clock,
    config::Environment,
    domain::{PeerCertificate, TokenHash},
    telemetry::Metrics,
    tenant::Directory,
};

use crate::support::issuer::{AUDIENCE, ISSUER, JwksServer, SigningKey, jwks};

pub const TOKEN: &str = "vgw_a-token-of-the-service";
/// The time of the tests, in Unix seconds.
pub const NOW: i64 = 1_800_000_000;

/// Tenants with an identity for each kind of credentials.
pub fn tenants(jwks: &str) -> String {
    let hash = TokenHash::of(TOKEN);
    format!(
        "jwt_issuers:
  - name: one
    issuer: {ISSUER}
    audiences: [{AUDIENCE}]
    algorithms: [RS256, PS256, ES256, EdDSA]
    jwks: {jwks}
tenants:
  - id: login
    telnyx_api_key: {{ inline: KEY1 }}
    identities:
      - name: service
        roles: [reader]
        tokens: ['{hash}']
        jwt: {{ issuer: one, subject: service }}
        certificate: {{ dns: service.login.internal }}
      - name: pods
        roles: [reader]
        jwt: {{ issuer: one, claims: {{ /kubernetes.io/namespace: login, groups: senders, admin: 'true' }} }}
      - {{ name: web, roles: [reader], certificate: {{ uri: spiffe://acme/web }} }}
  - id: other
    telnyx_api_key: {{ inline: KEY2 }}
    identities:
      - {{ name: service, roles: [reader], certificate: {{ uri: spiffe://acme/other }} }}
"
    )
}

pub fn load(folder: &Path, jwks: &str) -> Directory {
    let path = folder.join("tenants.yaml");
    fs::write(&path, tenants(jwks)).unwrap();
    Directory::watch(&path, &Environment::default()).map(|(directory, _)| directory).unwrap()
}

pub fn clock() -> Clock {
    Clock::starting_at(Timestamp::from_second(NOW).unwrap())
}

/// An authenticator with these public keys in a file.
pub fn with_keys(keys: &[&SigningKey]) -> (Authenticator, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("jwks"), jwks(keys)).unwrap();
    let directory = load(folder.path(), "{ file: jwks }");
    (Authenticator::new(directory, clock(), Metrics::default()), folder)
}

/// An authenticator with the public keys at a URL.
pub fn with_url(server: &JwksServer, metrics: &Metrics) -> (Authenticator, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("token"), "of-the-gateway\n").unwrap();
    let directory = load(folder.path(), &format!("{{ url: '{}', token_file: token }}", server.url));
    (Authenticator::new(directory, clock(), metrics.clone()), folder)
}

/// The claims of a valid token with `changes`. A null removes a claim.
pub fn claims(changes: &Value) -> Value {
    let mut claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "service", "exp": NOW + 60, "nbf": NOW - 60});
    for (claim, value) in changes.as_object().unwrap() {
        claims[claim] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

/// The tenant and the identity of these credentials.
pub async fn who(
    known: &Authenticator,
    authorization: Authorization<'_>,
    certificate: Option<&PeerCertificate>,
) -> Result<String, DenialCause> {
    let caller = known.authenticate(Credentials { authorization, certificate }).await;
    caller.map(|caller| format!("{} {}", caller.tenant.id, caller.identity.name))
}

pub async fn by_token(known: &Authenticator, token: &str) -> Result<String, DenialCause> {
    who(known, Authorization::Bearer(token), None).await
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with what may fail")]
pub fn service() -> Result<String, DenialCause> {
    Ok("login service".into())
}
