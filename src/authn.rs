//! Authentication: finds the identity that makes a call.
//!
//! A call may present a bearer token, a JWT, a client certificate, or several of them. All of them must be valid and
//! belong to the same identity. A certificate that belongs to no identity only secures its connection.

mod denial;
mod fetch;
mod jwks_cache;
mod jwt;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use http::HeaderValue;
use jiff::Timestamp;
use tokio::{select, sync::Notify};

pub use self::denial::DenialCause;
use self::{jwks_cache::JwksCache, jwt::Jwt};
use crate::{
    clock::Clock,
    domain::{Caller, PeerCertificate},
    telemetry::{Metrics, audit},
    tenant::{Directory, Issuer, Jwks, TenantEntry},
};

/// Finds the identity that makes a call. Clones share their state.
#[derive(Clone)]
pub struct Authenticator {
    /// Replaced as a whole: each call is authenticated by one version of the tenants file.
    state: Arc<ArcSwap<AuthnState>>,
    /// Notified when the state is replaced.
    replaced: Arc<Notify>,
    clock: Clock,
    metrics: Metrics,
}

struct AuthnState {
    directory: Directory,
    /// The keys of each issuer in `directory`, in its order.
    caches: Vec<JwksCache>,
}

/// What a call presents to prove its identity.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'c> {
    /// The `authorization` header.
    pub authorization: Authorization<'c>,
    /// The client certificate of the connection.
    pub certificate: Option<&'c PeerCertificate>,
}

/// The `authorization` header of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorization<'c> {
    /// The call has no such header.
    Missing,
    /// Exactly one bearer token.
    Bearer(&'c str),
    /// Anything else.
    Malformed,
}

impl<'c> Authorization<'c> {
    /// Reads all values of the header (RFC 6750 §2.1). The scheme is case-insensitive (RFC 9110 §11.1).
    pub fn read(values: &'c [HeaderValue]) -> Self {
        let value = match values {
            [] => return Self::Missing,
            [value] => value.to_str().ok(),
            _ => None,
        };
        match value.and_then(|value| value.split_once(' ')) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Self::Bearer(token),
            _ => Self::Malformed,
        }
    }
}

impl Authenticator {
    /// Authenticates the identities in `directory`. If an issuer's keys come from a URL, this starts to fetch them and
    /// must be called inside a Tokio runtime.
    pub fn new(directory: Directory, clock: Clock, metrics: Metrics) -> Self {
        let cache = |issuer| JwksCache::new(issuer, Jwks::default(), &metrics);
        let caches = directory.issuers().iter().map(cache).collect();
        let state = Arc::new(ArcSwap::from_pointee(AuthnState { directory, caches }));
        // The metrics outlive the authenticator. They must not keep its state alive.
        let (weak, now) = (Arc::downgrade(&state), clock.clone());
        metrics.key_ages(move |observe| {
            let Some(state) = weak.upgrade() else { return };
            for TenantEntry { tenant, key_source, .. } in state.load().directory.entries() {
                if let Some(age) = key_source.changed_at().and_then(|changed| age(changed, now.now())) {
                    observe(&tenant.id, age);
                }
            }
        });
        Self { state, replaced: Arc::default(), clock, metrics }
    }

    /// Waits until there were keys of each issuer once. Only one task may wait.
    pub async fn keys_known(&self) {
        loop {
            let state = self.state.load_full();
            let all = async {
                for cache in &state.caches {
                    cache.known().await;
                }
            };
            select! {
                biased;
                () = all => return,
                // Issuers may have gone, or have other URLs.
                () = self.replaced.notified() => {}
            }
        }
    }

    /// Authenticates the identities in `directory` from now on. Keys that were fetched for an issuer are kept.
    pub fn replace(&self, directory: Directory) {
        let former = self.state.load_full();
        let cache = |issuer: &Issuer| match former.issuers().find(|(known, _)| known.issuer == issuer.issuer) {
            Some((known, cache)) if known.keys == issuer.keys => cache.clone(),
            Some((_, cache)) => JwksCache::new(issuer, cache.current(), &self.metrics),
            None => JwksCache::new(issuer, Jwks::default(), &self.metrics),
        };
        let caches = directory.issuers().iter().map(cache).collect();
        self.state.store(Arc::new(AuthnState { directory, caches }));
        self.replaced.notify_one();
    }

    /// What `read` finds in the directory in use.
    pub fn in_directory<R>(&self, read: impl FnOnce(&Directory) -> R) -> R {
        read(&self.state.load().directory)
    }

    /// Finds the identity that presents `credentials`.
    ///
    /// # Errors
    /// The cause, for logs and metrics. Callers must not learn it.
    pub async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Caller, DenialCause> {
        let state = self.state.load_full();
        let caller = state.find(credentials, self.clock.now()).await;
        caller.cloned().inspect_err(|cause| self.metrics.denied(cause.name()))
    }
}

impl AuthnState {
    fn issuers(&self) -> impl Iterator<Item = (&Issuer, &JwksCache)> {
        self.directory.issuers().iter().zip(&self.caches)
    }

    async fn find(&self, credentials: Credentials<'_>, now: Timestamp) -> Result<&Caller, DenialCause> {
        let Credentials { authorization, certificate } = credentials;
        let by_token = match authorization {
            Authorization::Missing => None,
            Authorization::Malformed => return Err(DenialCause::Malformed),
            Authorization::Bearer(token) => Some(self.find_by_token(token, now).await?),
        };
        let by_certificate = certificate.into_iter().flat_map(|certificate| {
            let by_dns_name = certificate.dns_names.iter().filter_map(|name| self.directory.by_dns_name(name));
            by_dns_name.chain(certificate.uris.iter().filter_map(|uri| self.directory.by_uri(uri)))
        });
        let unknown = if certificate.is_some() { DenialCause::UnknownCertificate } else { DenialCause::Missing };
        unique(by_token.into_iter().chain(by_certificate))?.ok_or(unknown)
    }

    /// Finds the identity of a bearer token, which is a JWT if it names a known issuer.
    async fn find_by_token(&self, token: &str, now: Timestamp) -> Result<&Caller, DenialCause> {
        let jwt = Jwt::read(token);
        if let Some(jwt) = &jwt {
            audit::annotate(|subject| subject.jwt = Some(jwt.source()));
        }
        if let Some(jwt) = &jwt
            && let Some((issuer, cache)) = self.issuers().find(|(issuer, _)| jwt.is_of(&issuer.issuer))
        {
            jwt.verify(issuer, cache, now).await?;
            let rules = self.directory.rules(&issuer.name).iter();
            let callers = rules.filter(|(rule, _)| jwt.matches(rule)).map(|(_, caller)| caller);
            return unique(callers)?.ok_or(DenialCause::UnknownSubject);
        }
        let unknown = if jwt.is_some() { DenialCause::UnknownIssuer } else { DenialCause::UnknownToken };
        self.directory.by_token(token).ok_or(unknown)
    }
}

/// The one identity that all of `callers` are; `None` if there are none.
fn unique<'c>(mut callers: impl Iterator<Item = &'c Caller>) -> Result<Option<&'c Caller>, DenialCause> {
    let Some(first) = callers.next() else { return Ok(None) };
    if callers.all(|other| other.is(first)) { Ok(Some(first)) } else { Err(DenialCause::ConflictingCredentials) }
}

/// The time from `changed` to `now`.
fn age(changed: SystemTime, now: Timestamp) -> Option<Duration> {
    now.duration_since(Timestamp::try_from(changed).ok()?).try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_bearer_token_is_read() {
        let values = |values: &[&[u8]]| -> Vec<_> {
            values.iter().map(|value| HeaderValue::from_bytes(value).unwrap()).collect()
        };
        assert_eq!(Authorization::read(&values(&[b"Bearer abc"])), Authorization::Bearer("abc"));
        assert_eq!(Authorization::read(&values(&[b"bearer abc"])), Authorization::Bearer("abc"));
        assert_eq!(Authorization::read(&[]), Authorization::Missing);
        for bad in [&[&b"abc"[..]][..], &[b"Bearer"], &[b"Basic abc"], &[b"Bearer a", b"Bearer a"], &[b"Bearer\xe9 x"]]
        {
            assert_eq!(Authorization::read(&values(bad)), Authorization::Malformed, "{bad:?}");
        }
    }
}
