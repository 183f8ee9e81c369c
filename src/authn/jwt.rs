//! JSON Web Tokens (RFC 7519) in the compact serialization of JWS (RFC 7515).
//!
//! `jsonwebtoken` verifies signatures. This module validates the claims: by the gateway's clock, with one cause for each
//! failure, and from the same parsed claims that select the issuer.

use std::str::FromStr;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use super::{DenialCause, jwks_cache::JwksCache};
use crate::{
    telemetry::JwtSource,
    tenant::{Issuer, JwtRule},
};

/// A token that has the form of a JWT and names its issuer. None of it is proven before [`Jwt::verify`].
pub(super) struct Jwt<'t> {
    /// The signing input: header and payload.
    message: &'t str,
    /// `None` if it is malformed.
    header: Option<Map<String, Value>>,
    signature: &'t str,
    /// A JSON object.
    claims: Value,
}

impl<'t> Jwt<'t> {
    /// Parses `token`. `None` if it is no JWT. The metadata of a call bounds its length.
    pub(super) fn read(token: &'t str) -> Option<Self> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        let claims = Value::Object(object(payload)?);
        claims.get("iss")?.as_str()?;
        Some(Self { message, header: object(header), signature, claims })
    }

    /// What it says of its issuer.
    pub(super) fn source(&self) -> JwtSource {
        let key_id = self.header.as_ref().and_then(|header| header.get("kid")).and_then(Value::as_str);
        JwtSource::new(self.claims["iss"].as_str().unwrap_or_default(), key_id)
    }

    /// Whether its `iss` is `issuer`.
    pub(super) fn is_of(&self, issuer: &str) -> bool {
        self.claims["iss"] == issuer
    }

    /// Verifies that `issuer` signed it for this gateway and that it is valid at `now`.
    pub(super) async fn verify(&self, issuer: &Issuer, cache: &JwksCache, now: Timestamp) -> Result<(), DenialCause> {
        let (algorithm, key_id) = self.signed_with(issuer)?;
        let keys = cache.keys(key_id.as_deref(), algorithm).await?;
        let verifies = |key| {
            jsonwebtoken::crypto::verify(self.signature, self.message.as_bytes(), key, algorithm).unwrap_or(false)
        };
        if !keys.iter().any(verifies) {
            return Err(DenialCause::BadSignature);
        }
        if !any_value(self.claims.get("aud"), |value| issuer.audiences.iter().any(|audience| value == audience)) {
            return Err(DenialCause::WrongAudience);
        }
        self.check_times(now, issuer.leeway.as_secs_f64())
    }

    /// The algorithm, which `issuer` must allow, and the ID of the key if the token names one.
    fn signed_with(&self, issuer: &Issuer) -> Result<(Algorithm, Option<String>), DenialCause> {
        let header = self.header.as_ref().ok_or(DenialCause::Malformed)?;
        // `crit` lists extensions that must be understood (RFC 7515 §4.1.11). None is.
        if header.contains_key("crit") {
            return Err(DenialCause::Malformed);
        }
        let key_id = match header.get("kid") {
            None => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return Err(DenialCause::Malformed),
        };
        let algorithm = header.get("alg").and_then(Value::as_str).ok_or(DenialCause::Malformed)?;
        let algorithm = Algorithm::from_str(algorithm).ok().filter(|one| issuer.algorithms.contains(one));
        Ok((algorithm.ok_or(DenialCause::Algorithm)?, key_id))
    }

    /// A token without `exp` is malformed.
    fn check_times(&self, now: Timestamp, leeway: f64) -> Result<(), DenialCause> {
        let now = now.as_duration().as_secs_f64();
        let time = |claim| match self.claims.get(claim) {
            None => Ok(None),
            Some(time) => time.as_f64().map(Some).ok_or(DenialCause::Malformed),
        };
        if now >= time("exp")?.ok_or(DenialCause::Malformed)? + leeway {
            return Err(DenialCause::Expired);
        }
        if time("nbf")?.is_some_and(|start| now < start - leeway) { Err(DenialCause::NotYetValid) } else { Ok(()) }
    }

    /// Whether it has the subject and all claims of `rule`.
    pub(super) fn matches(&self, rule: &JwtRule) -> bool {
        let has_subject = rule.subject.as_ref().is_none_or(|subject| self.claims["sub"] == *subject);
        has_subject && rule.claims.iter().all(|(claim, expected)| self.has(claim, expected))
    }

    fn has(&self, claim: &str, expected: &str) -> bool {
        let found = if claim.starts_with('/') { self.claims.pointer(claim) } else { self.claims.get(claim) };
        any_value(found, |value| match value {
            Value::String(text) => text == expected,
            Value::Bool(_) | Value::Number(_) => value.to_string().as_str() == expected,
            _ => false,
        })
    }
}

/// Whether a claim, or one of its elements if it is a list, `matches`.
fn any_value(claim: Option<&Value>, matches: impl Fn(&Value) -> bool) -> bool {
    match claim {
        Some(Value::Array(all)) => all.iter().any(matches),
        Some(one) => matches(one),
        None => false,
    }
}

/// The JSON object that a part of a token encodes.
fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
