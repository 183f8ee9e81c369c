//! The public keys of an issuer of JWTs (RFC 7517).

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

/// How many keys of a set are used at most.
const MAX_KEYS: usize = 100;

/// The public keys of an issuer that can verify a signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jwks(Vec<VerificationKey>);

#[derive(Clone, Debug)]
struct VerificationKey {
    jwk: Jwk,
    /// The key in the form that verification needs.
    decoding: DecodingKey,
}

impl PartialEq for VerificationKey {
    fn eq(&self, other: &Self) -> bool {
        self.jwk == other.jwk
    }
}

impl Eq for VerificationKey {}

/// Why a text is not a usable JWK Set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotJwks {
    /// It is not a JWK Set.
    #[error("not a JSON Web Key Set")]
    Malformed,
    /// None of its keys can verify a signature.
    #[error("the JSON Web Key Set holds no public key for signatures")]
    Empty,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl Jwks {
    /// Reads a JWK Set. It leaves out keys that can't verify a signature: symmetric keys, and keys for encryption.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotJwks> {
        let Set { keys } = serde_json::from_slice(bytes).map_err(|_| NotJwks::Malformed)?;
        let keys = keys.into_iter().take(MAX_KEYS).filter_map(|key| serde_json::from_value(key).ok());
        let keys: Vec<VerificationKey> = keys.filter_map(for_signatures).collect();
        if keys.is_empty() { Err(NotJwks::Empty) } else { Ok(Self(keys)) }
    }

    /// The keys that may have signed a token with this key ID and algorithm. A token without a key ID is accepted only
    /// if exactly one key fits.
    pub fn candidates(&self, id: Option<&str>, algorithm: Algorithm) -> Vec<DecodingKey> {
        let fitting = self.0.iter().filter(|key| fits(&key.jwk, algorithm));
        let named = fitting.filter(|key| id.is_none() || key.id() == id);
        let keys: Vec<_> = named.map(|key| key.decoding.clone()).collect();
        if id.is_none() && keys.len() > 1 { Vec::new() } else { keys }
    }

    /// Whether it has a key with this ID.
    pub fn names(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id() == Some(id))
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl VerificationKey {
    fn id(&self) -> Option<&str> {
        self.jwk.common.key_id.as_deref()
    }
}

/// Takes `jwk` if it can verify signatures.
fn for_signatures(jwk: Jwk) -> Option<VerificationKey> {
    let common = &jwk.common;
    let used = common.public_key_use.as_ref().is_none_or(|of| *of == PublicKeyUse::Signature);
    let verifies = common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
    // With a symmetric key, everyone who can read the set could sign.
    let is_public = !matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_) | AlgorithmParameters::Other(_));
    let decoding = DecodingKey::from_jwk(&jwk).ok().filter(|_| used && verifies && is_public)?;
    Some(VerificationKey { jwk, decoding })
}

/// Whether `key` fits the algorithm. A key that names its algorithm fits no other.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let of_type = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), RS256 | RS384 | RS512 | PS256 | PS384 | PS512) => true,
        (AlgorithmParameters::EllipticCurve(curve), ES256) => curve.curve == EllipticCurve::P256,
        (AlgorithmParameters::EllipticCurve(curve), ES384) => curve.curve == EllipticCurve::P384,
        (AlgorithmParameters::OctetKeyPair(curve), EdDSA) => curve.curve == EllipticCurve::Ed25519,
        // Symmetric ones among them.
        _ => false,
    };
    let named = key.common.key_algorithm.as_ref();
    of_type && named.is_none_or(|named| named.to_string() == format!("{algorithm:?}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // The key of RFC 8037, appendix A.2.
    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn parse(keys: &Value) -> Result<Jwks, NotJwks> {
        Jwks::parse(json!({"keys": keys}).to_string().as_bytes())
    }

    fn ed(more: &Value) -> Value {
        let mut key = json!({"kty": "OKP", "crv": "Ed25519", "x": X});
        key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        key
    }

    #[test]
    fn only_public_keys_for_signatures_are_used() {
        let of_no_use = json!([
            {"kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": "a"},
            {"kty": "new", "kid": "b"},
            {"kty": "RSA", "kid": "c"},
            ed(&json!({"use": "enc"})),
            ed(&json!({"key_ops": ["sign"]})),
            "nonsense"
        ]);
        assert_eq!(parse(&of_no_use), Err(NotJwks::Empty));
        let mut some = of_no_use;
        some.as_array_mut().unwrap().push(ed(&json!({"kid": "d", "use": "sig"})));
        let jwks = parse(&some).unwrap();
        assert_eq!(jwks.len(), 1);
        assert!(jwks.names("d") && !jwks.names("a"));
        for bad in ["", "[]", "{}", "{\"keys\": {}}", "<html>"] {
            assert_eq!(Jwks::parse(bad.as_bytes()), Err(NotJwks::Malformed), "{bad}");
        }
    }

    #[test]
    fn a_token_with_a_key_id_is_verified_with_that_key_only() {
        let jwks = parse(&json!([ed(&json!({"kid": "a"})), ed(&json!({"kid": "b", "alg": "EdDSA"}))])).unwrap();
        let count = |id, algorithm| jwks.candidates(id, algorithm).len();
        assert_eq!(count(Some("a"), Algorithm::EdDSA), 1);
        assert_eq!(count(Some("b"), Algorithm::EdDSA), 1);
        assert_eq!(count(Some("c"), Algorithm::EdDSA), 0);
        // Two keys fit, so neither is used.
        assert_eq!(count(None, Algorithm::EdDSA), 0);
        for other in [Algorithm::HS256, Algorithm::ES256, Algorithm::RS256] {
            assert_eq!(count(Some("a"), other), 0);
        }
        let one = parse(&json!([ed(&json!({})), ed(&json!({"alg": "ES256"}))])).unwrap();
        assert_eq!(one.candidates(None, Algorithm::EdDSA).len(), 1);
    }
}
