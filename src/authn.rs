//! Who is calling: credentials become an identity of a tenant.
//!
//! A call may show a bearer token, a JWT or a client certificate, and more than one of them. All that are shown must be
//! right and of the same identity; a certificate that belongs to nobody only secures its connection.

mod cache;
mod cause;
mod fetch;
mod jwt;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use http::HeaderValue;
use jiff::Timestamp;

pub use self::cause::{Cause, Denied};
use self::{cache::JwksCache, jwt::Jwt};
use crate::{
    clock::Clock,
    domain::{Caller, PeerCertificate},
    telemetry::Metrics,
    tenant::{Directory, Issuer, TenantEntry},
};

/// Knows who may call. Clones are the same.
#[derive(Clone)]
pub struct Authenticator {
    shared: Arc<Shared>,
}

struct Shared {
    /// Changed as a whole: a call is judged by one state, whatever is loaded meanwhile.
    state: ArcSwap<State>,
    clock: Clock,
    metrics: Metrics,
}

struct State {
    directory: Directory,
    /// The keys of each issuer of the directory, in its order.
    caches: Vec<JwksCache>,
}

impl State {
    fn issuers(&self) -> impl Iterator<Item = (&Issuer, &JwksCache)> {
        self.directory.issuers().iter().zip(&self.caches)
    }
}

impl Authenticator {
    /// Knows those of `directory`. Where keys come from URLs it must be called inside a Tokio runtime, and begins to fetch.
    #[must_use]
    pub fn new(directory: Directory, clock: Clock, metrics: Metrics) -> Self {
        let caches = directory.issuers().iter().map(|issuer| JwksCache::new(issuer, None, &metrics)).collect();
        let state = ArcSwap::from_pointee(State { directory, caches });
        let shared = Arc::new(Shared { state, clock, metrics });
        // The instrument must not keep alive what it is part of.
        let asked = Arc::downgrade(&shared);
        shared.metrics.key_ages(move |observe| {
            let Some(shared) = asked.upgrade() else { return };
            let (state, now) = (shared.state.load(), shared.clock.now());
            for TenantEntry { tenant, key_source, .. } in state.directory.entries() {
                if let Some(age) = key_source.changed_at().and_then(|changed| age(changed, now)) {
                    observe(&tenant.id, age);
                }
            }
        });
        Self { shared }
    }

    /// Knows those of `directory` from now on. What was fetched for an issuer is kept.
    pub fn replace(&self, directory: Directory) {
        let Shared { state, metrics, .. } = &*self.shared;
        let former = state.load_full();
        let cache = |issuer: &Issuer| {
            let before = former.issuers().find(|(known, _)| known.issuer == issuer.issuer);
            JwksCache::new(issuer, before, metrics)
        };
        let caches = directory.issuers().iter().map(cache).collect();
        state.store(Arc::new(State { directory, caches }));
    }

    /// Who shows `bearer` and `certificate`.
    ///
    /// # Errors
    /// Why that is nobody. Callers must not be told which reason it is.
    pub async fn caller(&self, bearer: Bearer<'_>, certificate: Option<&PeerCertificate>) -> Result<Caller, Denied> {
        let state = self.shared.state.load_full();
        let caller = self.of_both(&state, bearer, certificate).await;
        if let Err(Denied { cause, .. }) = &caller {
            self.shared.metrics.denied(cause.name());
        }
        caller
    }

    async fn of_both(
        &self,
        state: &State,
        bearer: Bearer<'_>,
        certificate: Option<&PeerCertificate>,
    ) -> Result<Caller, Denied> {
        let of_bearer = match bearer {
            Bearer::None => None,
            Bearer::Malformed => return Err(Cause::Malformed.into()),
            Bearer::Token(token) => Some(self.of_token(state, token).await?),
        };
        let of_names = certificate.into_iter().flat_map(|certificate| {
            let dns = certificate.dns_names.iter().filter_map(|name| state.directory.by_dns_name(name));
            dns.chain(certificate.uris.iter().filter_map(|uri| state.directory.by_uri(uri)))
        });
        let callers = of_bearer.iter().chain(of_names);
        let missing = if certificate.is_some() { Cause::UnknownCertificate } else { Cause::Missing };
        agreed(callers)?.cloned().ok_or_else(|| missing.into())
    }

    async fn of_token(&self, state: &State, token: &str) -> Result<Caller, Denied> {
        let jwt = Jwt::read(token);
        if let Some(jwt) = &jwt
            && let Some((issuer, cache)) = state.issuers().find(|(issuer, _)| jwt.is_of(&issuer.issuer))
        {
            jwt.verify(issuer, cache, self.shared.clock.now()).await?;
            let rules = state.directory.rules(&issuer.name).iter();
            let callers = rules.filter(|(rule, _)| jwt.matches(rule)).map(|(_, caller)| caller);
            return agreed(callers)?.cloned().ok_or_else(|| Cause::UnknownSubject.into());
        }
        let unknown = if jwt.is_some() { Cause::UnknownIssuer } else { Cause::UnknownToken };
        state.directory.by_token(token).cloned().ok_or_else(|| unknown.into())
    }
}

/// How old is what changed then.
fn age(changed: SystemTime, now: Timestamp) -> Option<Duration> {
    now.duration_since(Timestamp::try_from(changed).ok()?).try_into().ok()
}

/// What is in a call's `authorization` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearer<'c> {
    /// There is no such header.
    None,
    /// Exactly one bearer token.
    Token(&'c str),
    /// Something else.
    Malformed,
}

impl<'c> Bearer<'c> {
    /// Reads all values of the header (RFC 6750 §2.1; the scheme's case does not matter, RFC 9110 §11.1).
    #[must_use]
    pub fn read(values: &'c [HeaderValue]) -> Self {
        let value = match values {
            [] => return Self::None,
            [value] => value.to_str().ok(),
            _ => None,
        };
        match value.and_then(|value| value.split_once(' ')) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Self::Token(token),
            _ => Self::Malformed,
        }
    }
}

/// The one that all of `callers` are, if there are any.
fn agreed<'c>(mut callers: impl Iterator<Item = &'c Caller>) -> Result<Option<&'c Caller>, Denied> {
    let Some(first) = callers.next() else { return Ok(None) };
    if callers.all(|other| other.is(first)) { Ok(Some(first)) } else { Err(Cause::ConflictingCredentials.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_bearer_token_is_read() {
        let values = |values: &[&[u8]]| -> Vec<_> {
            values.iter().map(|value| HeaderValue::from_bytes(value).unwrap()).collect()
        };
        assert_eq!(Bearer::read(&values(&[b"Bearer abc"])), Bearer::Token("abc"));
        assert_eq!(Bearer::read(&values(&[b"bearer abc"])), Bearer::Token("abc"));
        assert_eq!(Bearer::read(&[]), Bearer::None);
        for bad in [&[&b"abc"[..]][..], &[b"Bearer"], &[b"Basic abc"], &[b"Bearer a", b"Bearer a"], &[b"Bearer\xe9 x"]]
        {
            assert_eq!(Bearer::read(&values(bad)), Bearer::Malformed, "{bad:?}");
        }
    }
}
