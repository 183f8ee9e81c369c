//! The public keys of an issuer, kept up to date.

use std::{sync::Arc, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::{
    sync::{Mutex, Semaphore, watch},
    time::{Instant, sleep_until},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    denial::{DenialCause, RETRY_WITHOUT_KEYS},
    fetch::fetch,
};
use crate::{
    telemetry::{Metrics, metrics::ReloadStatus},
    tenant::{Issuer, Jwks, JwksUrl, KeysFrom},
};

/// The shortest time between two fetches because of a token that names an unknown key. A caller can make up such tokens.
const MIN_INTERVAL: Duration = Duration::from_secs(10);
/// How many callers may wait for a fetch. A caller can make up tokens that name unknown keys, and a fetch may be slow.
const MAX_WAITING: usize = 16;

/// The public keys of an issuer. Clones share them.
#[derive(Clone)]
pub(super) struct JwksCache {
    current: watch::Sender<Arc<Jwks>>,
    /// `None` if the keys come from a file.
    remote: Option<Arc<RemoteKeys>>,
    /// Fetches the keys in time until the last clone is dropped.
    _refresh: Option<Arc<AbortOnDropHandle<()>>>,
}

/// The source of keys that come from a URL.
struct RemoteKeys {
    current: watch::Sender<Arc<Jwks>>,
    issuer: String,
    url: JwksUrl,
    metrics: Metrics,
    status: Arc<ReloadStatus>,
    /// When the last fetch ended, and how long after it the next one is due. Locked during a fetch.
    fetched: Mutex<Option<(Instant, Duration)>>,
    /// One permit for each caller that may wait.
    waiting: Arc<Semaphore>,
}

impl JwksCache {
    /// The keys of `issuer`. If they come from a URL, the `known` ones are used until others are fetched.
    pub(super) fn new(issuer: &Issuer, known: Jwks, metrics: &Metrics) -> Self {
        let url = match &issuer.keys {
            KeysFrom::File(jwks) => {
                return Self { current: watch::Sender::new(jwks.clone().into()), remote: None, _refresh: None };
            }
            KeysFrom::Url(url) => url.clone(),
        };
        let current = watch::Sender::new(Arc::new(known));
        let (issuer, metrics) = (issuer.name.clone(), metrics.clone());
        let status = metrics.reload_status("jwks", &issuer);
        let (fetched, waiting) = (Mutex::default(), Arc::new(Semaphore::new(MAX_WAITING)));
        let remote = Arc::new(RemoteKeys { current: current.clone(), issuer, url, metrics, status, fetched, waiting });
        let refresh = AbortOnDropHandle::new(tokio::spawn(refresh(remote.clone())));
        Self { current, remote: Some(remote), _refresh: Some(Arc::new(refresh)) }
    }

    pub(super) fn current(&self) -> Jwks {
        self.current.borrow().as_ref().clone()
    }

    /// Waits until there were keys once.
    pub(super) async fn known(&self) {
        // It fails without a sender, and this is one.
        let _ = self.current.subscribe().wait_for(|keys| !keys.is_empty()).await;
    }

    /// The keys that may have signed a token with this key ID and `algorithm`. For an unknown ID the keys are fetched
    /// again. A handful of callers may wait for it.
    pub(super) async fn keys(&self, id: Option<&str>, algorithm: Algorithm) -> Result<Vec<DecodingKey>, DenialCause> {
        let current = self.current.borrow().clone();
        let mut candidates = current.candidates(id, algorithm);
        if candidates.is_empty() && id.is_some_and(|id| current.names(id)) {
            return Err(DenialCause::Algorithm);
        }
        if candidates.is_empty()
            && let Some(remote) = self.remote.as_ref().filter(|remote| remote.may_fetch())
        {
            let permit = remote.waiting.clone().try_acquire_owned().map_err(|_| DenialCause::KeysPending)?;
            let remote = remote.clone();
            // A task of its own, so that a caller that goes away does not end the fetch. The task keeps its permit.
            let _ = tokio::spawn(async move { (remote.fetch_unless_recent().await, permit).0 }).await;
            candidates = self.current.borrow().candidates(id, algorithm);
        }
        match candidates.is_empty() {
            false => Ok(candidates),
            true if self.current.borrow().is_empty() => Err(DenialCause::NoKeys),
            true => Err(DenialCause::UnknownKey),
        }
    }
}

impl RemoteKeys {
    /// Whether a fetch is running, or may begin.
    fn may_fetch(&self) -> bool {
        self.fetched.try_lock().map_or(true, |fetched| !is_recent(*fetched))
    }

    /// Waits for a running fetch. Fetches the keys if the last fetch is not recent.
    async fn fetch_unless_recent(&self) {
        let mut fetched = self.fetched.lock().await;
        if !is_recent(*fetched) {
            *fetched = Some(self.fetch().await);
        }
    }

    /// Fetches the keys. A failed fetch keeps the current ones. Returns the end, and when the next fetch is due.
    async fn fetch(&self) -> (Instant, Duration) {
        let issuer = &self.issuer;
        let fetched = fetch(&self.url).await;
        self.metrics.reloaded(&self.status, fetched.is_ok());
        let mut wait = self.url.refresh_interval;
        match fetched {
            Ok(jwks) => {
                let count = jwks.len();
                if **self.current.borrow() != jwks {
                    self.current.send_replace(Arc::new(jwks));
                    tracing::info!(issuer, keys = count, "the issuer's public keys have changed");
                }
            }
            Err(error) => {
                let kept = self.current.borrow().len();
                // Sooner than usual: the keys may have changed meanwhile. Without keys no token is accepted.
                wait = wait.min(if kept == 0 { RETRY_WITHOUT_KEYS } else { 3 * MIN_INTERVAL });
                tracing::warn!(issuer, error = format!("{error:#}"), kept, "can't fetch the issuer's public keys");
            }
        }
        (Instant::now(), wait)
    }
}

/// Whether a fetch ended so recently that a caller must not cause another one.
fn is_recent(fetched: Option<(Instant, Duration)>) -> bool {
    fetched.is_some_and(|(end, _)| end.elapsed() < MIN_INTERVAL)
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
