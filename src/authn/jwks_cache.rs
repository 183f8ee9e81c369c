//! The public keys of an issuer, kept up to date.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::{
    select,
    sync::{Notify, watch},
    time::{Instant, sleep_until},
};
use tokio_util::task::AbortOnDropHandle;

use super::{DenialCause, fetch::fetch};
use crate::{
    telemetry::Metrics,
    tenant::{Issuer, Jwks, JwksUrl, KeysFrom},
};

/// The shortest time between two fetches because of a token that names an unknown key. Anybody can make up such tokens.
const MIN_INTERVAL: Duration = Duration::from_secs(10);

/// The public keys of an issuer. Clones share them.
#[derive(Clone)]
pub(super) struct JwksCache {
    keys: Arc<CachedKeys>,
    /// Fetches the keys until the last clone is dropped. `None` if they come from a file.
    refresh: Option<Arc<AbortOnDropHandle<()>>>,
}

struct CachedKeys {
    current: ArcSwap<Jwks>,
    /// Notified when a token names a key that is not in `current`.
    refresh_requested: Notify,
    progress: watch::Sender<FetchProgress>,
}

#[derive(Clone, Copy, Default)]
struct FetchProgress {
    fetches: u64,
    running: bool,
    /// When the last fetch ended.
    last_end: Option<Instant>,
}

impl JwksCache {
    /// The keys of `issuer`. If they come from a URL, the `known` ones are used until others are fetched.
    pub(super) fn new(issuer: &Issuer, known: Jwks, metrics: &Metrics) -> Self {
        match &issuer.keys {
            KeysFrom::File(jwks) => Self { keys: CachedKeys::new(jwks.clone()), refresh: None },
            KeysFrom::Url(url) => {
                let keys = CachedKeys::new(known);
                let refresh = refresh(issuer.name.clone(), url.clone(), keys.clone(), metrics.clone());
                Self { keys, refresh: Some(Arc::new(AbortOnDropHandle::new(tokio::spawn(refresh)))) }
            }
        }
    }

    pub(super) fn current(&self) -> Jwks {
        self.keys.current.load().as_ref().clone()
    }

    /// The keys that may have signed a token with this key ID and `algorithm`. For an unknown ID the keys are fetched
    /// again, and only this caller waits for it.
    pub(super) async fn keys(&self, id: Option<&str>, algorithm: Algorithm) -> Result<Vec<DecodingKey>, DenialCause> {
        let current = self.keys.current.load_full();
        let candidates = current.candidates(id, algorithm);
        if !candidates.is_empty() {
            return Ok(candidates);
        }
        if id.is_some_and(|id| current.names(id)) {
            return Err(DenialCause::Algorithm);
        }
        if self.refresh.is_none() || !self.keys.refreshed().await {
            return Err(DenialCause::UnknownKey);
        }
        let candidates = self.keys.current.load().candidates(id, algorithm);
        if candidates.is_empty() { Err(DenialCause::UnknownKey) } else { Ok(candidates) }
    }
}

impl CachedKeys {
    fn new(jwks: Jwks) -> Arc<Self> {
        let current = ArcSwap::from_pointee(jwks);
        Arc::new(Self { current, refresh_requested: Notify::new(), progress: watch::Sender::default() })
    }

    /// Waits for the running fetch, or requests one and waits for it. Returns false if the last fetch is too recent.
    async fn refreshed(&self) -> bool {
        let mut progress = self.progress.subscribe();
        let seen = *progress.borrow_and_update();
        if !seen.running {
            if seen.is_recent() {
                return false;
            }
            self.refresh_requested.notify_one();
        }
        progress.wait_for(|now| now.fetches > seen.fetches).await.is_ok()
    }
}

impl FetchProgress {
    fn is_recent(&self) -> bool {
        self.last_end.is_some_and(|end| end.elapsed() < MIN_INTERVAL)
    }
}

/// Fetches the keys at each interval and on request. A failed fetch keeps the current keys.
async fn refresh(issuer: String, url: JwksUrl, keys: Arc<CachedKeys>, metrics: Metrics) {
    loop {
        keys.progress.send_modify(|progress| progress.running = true);
        let fetched = fetch(&url).await;
        metrics.reloaded("jwks", fetched.is_ok());
        let mut wait = url.refresh_interval;
        match fetched {
            Ok(jwks) => {
                let count = jwks.len();
                if **keys.current.load() != jwks {
                    keys.current.store(Arc::new(jwks));
                    tracing::info!(issuer, keys = count, "the issuer's public keys have changed");
                }
            }
            Err(error) => {
                // Sooner than usual: the keys may have changed meanwhile.
                wait = wait.min(3 * MIN_INTERVAL);
                let kept = keys.current.load().len();
                tracing::warn!(issuer, error = format!("{error:#}"), kept, "can't fetch the issuer's public keys");
            }
        }
        keys.progress.send_modify(|progress| {
            *progress = FetchProgress { fetches: progress.fetches + 1, running: false, last_end: Some(Instant::now()) };
        });
        let next = Instant::now() + wait;
        loop {
            select! {
                () = sleep_until(next) => break,
                () = keys.refresh_requested.notified() => {
                    // The last fetch may already have served this request.
                    if !keys.progress.borrow().is_recent() {
                        break;
                    }
                }
            }
        }
    }
}
