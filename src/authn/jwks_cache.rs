//! The public keys of an issuer, kept up to date.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until},
};
use tokio_util::task::AbortOnDropHandle;

use super::{DenialCause, fetch::fetch};
use crate::{
    telemetry::Metrics,
    tenant::{Issuer, Jwks, JwksUrl, KeysFrom},
};

/// The shortest time between two fetches because of a token that names an unknown key. A caller can make up such tokens.
const MIN_INTERVAL: Duration = Duration::from_secs(10);

/// The public keys of an issuer. Clones share them.
#[derive(Clone)]
pub(super) struct JwksCache {
    current: Arc<ArcSwap<Jwks>>,
    /// `None` if the keys come from a file.
    remote: Option<Arc<RemoteKeys>>,
    /// Fetches the keys in time until the last clone is dropped.
    _refresh: Option<Arc<AbortOnDropHandle<()>>>,
}

/// The source of keys that come from a URL.
struct RemoteKeys {
    current: Arc<ArcSwap<Jwks>>,
    issuer: String,
    url: JwksUrl,
    metrics: Metrics,
    /// When the last fetch ended, and how long after it the next one is due. Locked during a fetch.
    fetched: Mutex<Option<(Instant, Duration)>>,
}

impl JwksCache {
    /// The keys of `issuer`. If they come from a URL, the `known` ones are used until others are fetched.
    pub(super) fn new(issuer: &Issuer, known: Jwks, metrics: &Metrics) -> Self {
        let url = match &issuer.keys {
            KeysFrom::File(jwks) => {
                return Self { current: Arc::new(ArcSwap::from_pointee(jwks.clone())), remote: None, _refresh: None };
            }
            KeysFrom::Url(url) => url.clone(),
        };
        let current = Arc::new(ArcSwap::from_pointee(known));
        let (issuer, metrics) = (issuer.name.clone(), metrics.clone());
        let remote = Arc::new(RemoteKeys { current: current.clone(), issuer, url, metrics, fetched: Mutex::default() });
        let refresh = AbortOnDropHandle::new(tokio::spawn(refresh(remote.clone())));
        Self { current, remote: Some(remote), _refresh: Some(Arc::new(refresh)) }
    }

    pub(super) fn current(&self) -> Jwks {
        self.current.load().as_ref().clone()
    }

    /// The keys that may have signed a token with this key ID and `algorithm`. For an unknown ID the keys are fetched
    /// again, and only this caller waits for it.
    pub(super) async fn keys(&self, id: Option<&str>, algorithm: Algorithm) -> Result<Vec<DecodingKey>, DenialCause> {
        let current = self.current.load_full();
        let mut candidates = current.candidates(id, algorithm);
        if candidates.is_empty() && id.is_some_and(|id| current.names(id)) {
            return Err(DenialCause::Algorithm);
        }
        if candidates.is_empty()
            && let Some(remote) = &self.remote
        {
            // A task of its own, so that a caller that goes away does not end the fetch.
            let _ = tokio::spawn(remote.clone().fetch_unless_recent()).await;
            candidates = self.current.load().candidates(id, algorithm);
        }
        if candidates.is_empty() { Err(DenialCause::UnknownKey) } else { Ok(candidates) }
    }
}

impl RemoteKeys {
    /// Waits for a running fetch. Fetches the keys if the last fetch is not recent.
    async fn fetch_unless_recent(self: Arc<Self>) {
        let mut fetched = self.fetched.lock().await;
        if fetched.is_none_or(|(end, _)| end.elapsed() >= MIN_INTERVAL) {
            *fetched = Some(self.fetch().await);
        }
    }

    /// Fetches the keys. A failed fetch keeps the current ones. Returns the end, and when the next fetch is due.
    async fn fetch(&self) -> (Instant, Duration) {
        let issuer = &self.issuer;
        let fetched = fetch(&self.url).await;
        self.metrics.reloaded("jwks", fetched.is_ok());
        let mut wait = self.url.refresh_interval;
        match fetched {
            Ok(jwks) => {
                let count = jwks.len();
                if **self.current.load() != jwks {
                    self.current.store(Arc::new(jwks));
                    tracing::info!(issuer, keys = count, "the issuer's public keys have changed");
                }
            }
            Err(error) => {
                // Sooner than usual: the keys may have changed meanwhile.
                wait = wait.min(3 * MIN_INTERVAL);
                let kept = self.current.load().len();
                tracing::warn!(issuer, error = format!("{error:#}"), kept, "can't fetch the issuer's public keys");
            }
        }
        (Instant::now(), wait)
    }
}

/// Fetches the keys whenever they are due.
async fn refresh(remote: Arc<RemoteKeys>) {
    loop {
        let due = {
            let mut fetched = remote.fetched.lock().await;
            match *fetched {
                Some((end, wait)) if end.elapsed() < wait => end + wait,
                _ => {
                    let (end, wait) = *fetched.insert(remote.fetch().await);
                    end + wait
                }
            }
        };
        sleep_until(due).await;
    }
}
