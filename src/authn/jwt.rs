//! JSON Web Tokens (RFC 7519) in the compact form of JWS (RFC 7515).
//!
//! `jsonwebtoken` verifies signatures. What the token then says is judged here: by an injected clock, with one reason for
//! each way to be wrong, and from the one reading of the claims that the issuer was chosen by.

use std::str::FromStr;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use super::{Cause, cache::JwksCache};
use crate::tenant::{Issuer, JwtRule};

/// The longest token that is read, in bytes: more than fits into the metadata of a call.
const MAX_LENGTH: usize = 16 << 10;

/// A token that has the form of a JWT and names its issuer. Nothing of it is proven before [`Jwt::verify`].
pub(super) struct Jwt<'t> {
    /// Header and payload as they were signed.
    message: &'t str,
    header: &'t str,
    signature: &'t str,
    claims: Map<String, Value>,
}

impl<'t> Jwt<'t> {
    /// Reads `token`; none where it is no JWT.
    pub(super) fn read(token: &'t str) -> Option<Self> {
        if token.len() > MAX_LENGTH {
            return None;
        }
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        let claims = object(payload)?;
        claims.get("iss")?.as_str()?;
        Some(Self { message, header, signature, claims })
    }

    /// Whether it says that it was issued by `issuer`.
    pub(super) fn is_of(&self, issuer: &str) -> bool {
        self.text("iss") == Some(issuer)
    }

    /// Whether it is a token of `issuer` for us at the time `now`.
    pub(super) async fn verify(&self, issuer: &Issuer, cache: &JwksCache, now: Timestamp) -> Result<(), Cause> {
        let (algorithm, key) = self.signed_with(issuer)?;
        let keys = cache.keys(key.as_deref(), algorithm).await?;
        let is_by = |key| {
            jsonwebtoken::crypto::verify(self.signature, self.message.as_bytes(), key, algorithm).unwrap_or(false)
        };
        if !keys.iter().any(is_by) {
            return Err(Cause::BadSignature);
        }
        self.is_for(&issuer.audiences)?;
        self.is_valid_at(now, issuer.leeway.as_secs_f64())
    }

    /// The algorithm, which must be allowed, and the key's name, where it has one.
    fn signed_with(&self, issuer: &Issuer) -> Result<(Algorithm, Option<String>), Cause> {
        let header = object(self.header).ok_or(Cause::Malformed)?;
        // It would say that something has to be understood that is not.
        if header.contains_key("crit") {
            return Err(Cause::Malformed);
        }
        let key = match header.get("kid") {
            None => None,
            Some(Value::String(key)) => Some(key.clone()),
            Some(_) => return Err(Cause::Malformed),
        };
        let algorithm = header.get("alg").and_then(Value::as_str).ok_or(Cause::Malformed)?;
        let algorithm = Algorithm::from_str(algorithm).ok().filter(|one| issuer.algorithms.contains(one));
        Ok((algorithm.ok_or(Cause::Algorithm)?, key))
    }

    fn is_for(&self, audiences: &[String]) -> Result<(), Cause> {
        let ours = |one: &Value| one.as_str().is_some_and(|one| audiences.iter().any(|audience| audience == one));
        let is_for_us = match self.claims.get("aud") {
            Some(Value::Array(all)) => all.iter().any(ours),
            Some(one) => ours(one),
            None => false,
        };
        if is_for_us { Ok(()) } else { Err(Cause::WrongAudience) }
    }

    /// A token without an end is none.
    fn is_valid_at(&self, now: Timestamp, leeway: f64) -> Result<(), Cause> {
        let now = now.as_duration().as_secs_f64();
        let time = |claim| match self.claims.get(claim) {
            None => Ok(None),
            Some(time) => time.as_f64().map(Some).ok_or(Cause::Malformed),
        };
        if now >= time("exp")?.ok_or(Cause::Malformed)? + leeway {
            return Err(Cause::Expired);
        }
        if time("nbf")?.is_some_and(|begin| now < begin - leeway) { Err(Cause::NotYetValid) } else { Ok(()) }
    }

    /// Whether it is one of those that `rule` describes.
    pub(super) fn matches(&self, rule: &JwtRule) -> bool {
        let subject = rule.subject.as_deref();
        let of_subject = subject.is_none_or(|subject| self.text("sub") == Some(subject));
        of_subject && rule.claims.iter().all(|(claim, expected)| self.has(claim, expected))
    }

    fn has(&self, claim: &str, expected: &str) -> bool {
        let found = match claim.strip_prefix('/') {
            None => self.claims.get(claim),
            Some(pointer) => {
                let (first, rest) =
                    pointer.split_once('/').map_or((pointer, None), |(first, rest)| (first, Some(rest)));
                let first = self.claims.get(&first.replace("~1", "/").replace("~0", "~"));
                first.and_then(|value| rest.map_or(Some(value), |rest| value.pointer(&format!("/{rest}"))))
            }
        };
        let is = |value: &Value| match value {
            Value::String(text) => text == expected,
            Value::Bool(is) => (if *is { "true" } else { "false" }) == expected,
            Value::Number(number) => number.to_string().as_str() == expected,
            _ => false,
        };
        match found {
            Some(Value::Array(all)) => all.iter().any(is),
            Some(one) => is(one),
            None => false,
        }
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }
}

/// The JSON object that a part of a token encodes.
fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
