//! The public keys of an issuer, and their renewal.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::{
    select,
    sync::{Notify, watch},
    time::{Instant, sleep_until},
};
use tokio_util::task::AbortOnDropHandle;

use super::{Cause, fetch::Fetch};
use crate::{
    telemetry::Metrics,
    tenant::{Issuer, Jwks, JwksUrl, KeysFrom},
};

/// How soon keys are fetched again because of a token that names an unknown one: anybody can make up such tokens.
const MIN_INTERVAL: Duration = Duration::from_secs(10);

/// The public keys of an issuer. Clones are the same.
#[derive(Clone)]
pub(super) struct JwksCache {
    keys: Arc<Keys>,
    /// Fetches them, until the last clone is gone.
    renewal: Option<Arc<AbortOnDropHandle<()>>>,
}

struct Keys {
    present: ArcSwap<Jwks>,
    /// Where a token names a key that is not there.
    wanted: Notify,
    progress: watch::Sender<FetchProgress>,
}

/// How fetching goes.
#[derive(Clone, Copy, Default)]
struct FetchProgress {
    /// How many times it was done.
    rounds: u64,
    under_way: bool,
    /// When the last time ended.
    ended: Option<Instant>,
}

impl JwksCache {
    /// The keys of `issuer`. What is known of it from `before` is taken over: the keys, and where they come from the same
    /// place, all of it.
    pub(super) fn new(issuer: &Issuer, before: Option<(&Issuer, &Self)>, metrics: &Metrics) -> Self {
        if let Some((known, cache)) = before
            && known.keys == issuer.keys
        {
            return cache.clone();
        }
        let url = match &issuer.keys {
            KeysFrom::File(jwks) => return Self { keys: Keys::new(jwks.clone()), renewal: None },
            KeysFrom::Url(url) => url,
        };
        let known = before.map(|(_, cache)| cache.keys.present.load().as_ref().clone());
        let keys = Keys::new(known.unwrap_or_default());
        let renewal = renew(issuer.name.clone(), url.clone(), keys.clone(), metrics.clone());
        Self { keys, renewal: Some(Arc::new(AbortOnDropHandle::new(tokio::spawn(renewal)))) }
    }

    /// The keys that a token could be signed with that names `id` and `algorithm`. Where it names one that is not known, the
    /// keys are fetched, and who asks waits for that; all others don't.
    pub(super) async fn keys(&self, id: Option<&str>, algorithm: Algorithm) -> Result<Vec<DecodingKey>, Cause> {
        let present = self.keys.present.load_full();
        let candidates = present.candidates(id, algorithm);
        if !candidates.is_empty() {
            return Ok(candidates);
        }
        if id.is_some_and(|id| present.names(id)) {
            return Err(Cause::Algorithm);
        }
        if self.renewal.is_none() || !self.keys.renewed().await {
            return Err(Cause::UnknownKey);
        }
        let candidates = self.keys.present.load().candidates(id, algorithm);
        if candidates.is_empty() { Err(Cause::UnknownKey) } else { Ok(candidates) }
    }
}

impl Keys {
    fn new(jwks: Jwks) -> Arc<Self> {
        let progress = watch::Sender::default();
        Arc::new(Self { present: ArcSwap::from_pointee(jwks), wanted: Notify::new(), progress })
    }

    /// Has the keys fetched once more, or waits until that is done which is under way. Not where this was done just now.
    async fn renewed(&self) -> bool {
        let mut progress = self.progress.subscribe();
        let seen = *progress.borrow_and_update();
        if !seen.under_way {
            if seen.is_recent() {
                return false;
            }
            self.wanted.notify_one();
        }
        progress.wait_for(|now| now.rounds > seen.rounds).await.is_ok()
    }
}

impl FetchProgress {
    fn is_recent(&self) -> bool {
        self.ended.is_some_and(|ended| ended.elapsed() < MIN_INTERVAL)
    }
}

/// Fetches keys again and again. Those that are there stay until there are others.
async fn renew(issuer: String, url: JwksUrl, keys: Arc<Keys>, metrics: Metrics) {
    let mut fetch = Fetch::new(url);
    loop {
        keys.progress.send_modify(|progress| progress.under_way = true);
        let fetched = fetch.jwks().await;
        metrics.reloaded("jwks", fetched.is_ok());
        // After a failure sooner than otherwise: keys may have changed meanwhile.
        let mut next = fetch.interval();
        match fetched {
            Ok(jwks) => {
                let count = jwks.len();
                if **keys.present.load() != jwks {
                    keys.present.store(Arc::new(jwks));
                    tracing::info!(issuer, keys = count, "the issuer's public keys are new");
                }
            }
            Err(error) => {
                next = next.min(3 * MIN_INTERVAL);
                let kept = keys.present.load().len();
                let error = &error as &dyn std::error::Error;
                tracing::warn!(issuer, error, kept, "the issuer's public keys can't be fetched");
            }
        }
        keys.progress.send_modify(|progress| {
            *progress = FetchProgress { rounds: progress.rounds + 1, under_way: false, ended: Some(Instant::now()) };
        });
        let next = Instant::now() + next;
        loop {
            select! {
                () = sleep_until(next) => break,
                () = keys.wanted.notified() => {
                    // It may have been wanted by somebody whom the last time has served.
                    if !keys.progress.borrow().is_recent() {
                        break;
                    }
                }
            }
        }
    }
}
