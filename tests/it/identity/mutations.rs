//! Mutated credentials: nothing panics, and only credentials that are right to the last byte are accepted.
//!
//! `PROPTEST_CASES` sets the number of cases for each kind. The default is 3000.

use std::{env, fs};

use futures_util::FutureExt;
use http::HeaderValue;
use jiff::Timestamp;
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};
use tempfile::TempDir;
use verify_gateway::{
    authn::{Authenticator, Authorization, Credentials, DenialCause},
    clock::Clock,
    config::Environment,
    domain::TokenHash,
    telemetry::Metrics,
    tenant::Directory,
};

use crate::support::issuer::{AUDIENCE, ISSUER, SigningKey, encode, jwks};

const NOW: i64 = 1_800_000_000;
const TOKENS: [&str; 2] = ["vgw_9Yk0dJb1x2yR4mTq8sLwEe3uVf7hGzAa5cNnKoPiXtM", "another.token.with-dots"];

/// The authenticator, and all valid credentials.
struct World {
    known: Authenticator,
    valid: Vec<String>,
    _folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = [SigningKey::ed25519("ed"), SigningKey::p256("ec"), SigningKey::rsa("rsa")];
        fs::write(folder.path().join("jwks"), jwks(&keys.each_ref())).unwrap();
        let [one, two] = TOKENS.map(TokenHash::of);
        let tenants = format!(
            "jwt_issuers: [{{ name: i, issuer: '{ISSUER}', audiences: [{AUDIENCE}], jwks: {{ file: jwks }}, algorithms: [RS256, ES256, EdDSA] }}]
tenants:
  - id: login
    telnyx_api_key: {{ inline: KEY }}
    identities: [{{ name: a, roles: [reader], tokens: ['{one}', '{two}'], jwt: {{ issuer: i, subject: s }} }}]
"
        );
        let path = folder.path().join("tenants.yaml");
        fs::write(&path, tenants).unwrap();
        let directory = Directory::watch(&path, &Environment::default()).map(|(directory, _)| directory).unwrap();
        let clock = Clock::starting_at(Timestamp::from_second(NOW).unwrap());
        let claims =
            json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "s", "exp": NOW + 3600, "nbf": NOW, "x": [1, {"y": "z"}]});
        let jwts = keys.iter().map(|key| key.token(&claims));
        let valid = TOKENS.map(str::to_owned).into_iter().chain(jwts).collect();
        Self { known: Authenticator::new(directory, clock, Metrics::default()), valid, _folder: folder }
    }

    /// Authenticates `header`. All keys are loaded, so this does not wait.
    fn caller(&self, header: &HeaderValue) -> Result<(), DenialCause> {
        let values = [header.clone()];
        let credentials = Credentials { authorization: Authorization::read(&values), certificate: None };
        self.known.authenticate(credentials).now_or_never().expect("nothing to wait for").map(drop)
    }

    /// Whether `header` is exactly a valid credential. Only the case of the scheme may differ.
    fn is_valid(&self, header: &[u8]) -> bool {
        let Some((scheme, token)) = header.split_at_checked("Bearer ".len()) else { return false };
        scheme.eq_ignore_ascii_case(b"Bearer ") && self.valid.iter().any(|valid| valid.as_bytes() == token)
    }
}

/// A mutation of a text.
#[derive(Clone, Copy, Debug)]
struct Change {
    kind: u8,
    at: u16,
    byte: u8,
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = (any::<u8>(), any::<u16>(), any::<u8>()).prop_map(|(kind, at, byte)| Change { kind, at, byte });
    vec(change, 1..4)
}

fn apply(text: &mut Vec<u8>, other: &[u8], Change { kind, at, byte }: Change) {
    // Characters that are frequent in tokens.
    const LIKELY: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \t{}\":,";
    let byte = if byte < 200 { LIKELY[usize::from(byte) % LIKELY.len()] } else { byte };
    let place = usize::from(at) % (text.len() + 1);
    let Some(last) = text.len().checked_sub(1) else { return text.push(byte) };
    let there = place.min(last);
    match kind % 10 {
        0 => text[there] = byte,
        1 => text[there] ^= 1 << (byte % 8),
        2 => text.insert(place, byte),
        3 => _ = text.remove(there),
        4 => text.truncate(place),
        5 => text.swap(there, usize::from(byte) % (last + 1)),
        6 => text[there] = text[there].to_ascii_uppercase(),
        7 => text.splice(place.., other.iter().skip(place).copied()).for_each(drop),
        8 => text.extend_from_within(there..),
        _ => text.rotate_left(there),
    }
}

/// Runs `test` with the number of cases that the environment sets.
fn run<S: Strategy>(cases: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let cases_of_env = env::var("PROPTEST_CASES").ok().and_then(|number| number.parse().ok());
    let config =
        ProptestConfig { cases: cases_of_env.unwrap_or(3000), failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config).run(&cases, test).unwrap();
}

fn check(world: &World, header: &[u8]) -> Result<(), TestCaseError> {
    // HTTP rejects such a header before authentication.
    let Ok(value) = HeaderValue::from_bytes(header) else { return Ok(()) };
    prop_assert_eq!(world.caller(&value).is_ok(), world.is_valid(header), "{}", String::from_utf8_lossy(header));
    Ok(())
}

#[test]
fn a_mutated_header_is_not_accepted() {
    let world = World::new();
    for valid in &world.valid {
        assert_eq!(world.caller(&HeaderValue::from_str(&format!("Bearer {valid}")).unwrap()), Ok(()));
    }
    run((0..world.valid.len(), 0..world.valid.len(), changes()), |(which, other, changes)| {
        let mut header = format!("Bearer {}", world.valid[which]).into_bytes();
        let other = format!("Bearer {}", world.valid[other]).into_bytes();
        for change in changes {
            apply(&mut header, &other, change);
        }
        check(&world, &header)
    });
}

/// A mutation of a JWT's header or claims that keeps the signature.
fn rewritten(part: &str, Change { kind, at, byte }: Change) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
    let mut value: Value = serde_json::from_slice(&bytes).unwrap();
    let object = value.as_object_mut().unwrap();
    let names = ["alg", "kid", "typ", "crit", "jwk", "iss", "aud", "sub", "exp", "nbf", "x"];
    let values = [
        json!("none"),
        json!("HS256"),
        json!("RS256"),
        json!("ES256"),
        json!("EdDSA"),
        json!("ed"),
        json!("ec"),
        json!("rsa"),
        Value::Null,
        json!([]),
        json!({}),
        json!(u64::MAX),
        json!(-1),
        json!(1e300),
        json!([ISSUER, AUDIENCE, "s"]),
        json!(true),
        json!(""),
    ];
    let name = names[usize::from(at) % names.len()];
    match kind % 4 {
        0 => _ = object.remove(name),
        1 | 2 => _ = object.insert(name.to_owned(), values[usize::from(byte) % values.len()].clone()),
        // The same JSON, written differently.
        _ => return encode(format!(" {value}")),
    }
    encode(value.to_string())
}

#[test]
fn a_mutated_jwt_is_not_accepted() {
    let world = World::new();
    let jwts: Vec<Vec<&str>> = world.valid[TOKENS.len()..].iter().map(|jwt| jwt.split('.').collect()).collect();
    run((0..jwts.len(), 0..jwts.len(), any::<u8>(), changes()), |(which, other, part, changes)| {
        let mut parts: Vec<String> = jwts[which].iter().map(ToString::to_string).collect();
        let at = usize::from(part) % 3;
        match part / 3 % 8 {
            // Other claims with the same signature.
            0..=2 => changes.iter().for_each(|change| parts[at % 2] = rewritten(jwts[which][at % 2], *change)),
            // A part of another token.
            3 => parts[at] = jwts[other][at].to_owned(),
            4 => parts.swap(at, usize::from(changes[0].byte) % 3),
            5 => parts.insert(at, String::new()),
            6 => parts[at].clear(),
            _ => {
                let mut bytes = parts[2].clone().into_bytes();
                for change in changes {
                    apply(&mut bytes, jwts[other][2].as_bytes(), change);
                }
                parts[2] = String::from_utf8_lossy(&bytes).into_owned();
            }
        }
        check(&world, format!("Bearer {}", parts.join(".")).as_bytes())
    });
}
