//! How much a tenant may do: `limits` of the tenants file.
//!
//! Calls are counted in the process ([`Calls`]); sends, checks and guesses in the `store`, so that replicas that share it
//! count together ([`Limiter`]). All limits of a call are looked at before it is refused, so that the wait that it is told
//! is the one after which it passes.

mod calls;
mod guesses;
mod log;
mod rate;
mod reached;
mod sends;
mod verifications;

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::{
    calls::{Calls, Running},
    guesses::{Guess, Guessed},
    reached::Kind,
};
use self::{
    log::{Log, grain},
    reached::Reached,
};
use crate::{
    clock::Clock,
    domain::{LimitMode, LimitWindow},
    store::{Change, Store, Unavailable},
    telemetry::Metrics,
};

/// The limits of what is counted in the store. Clones count together.
#[derive(Clone)]
pub struct Limiter {
    store: Store,
    clock: Clock,
    metrics: Metrics,
}

/// What a call has taken from limits, so that it can be given back.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Places(Vec<Place>);

/// What was noted in one log.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Place {
    /// The log's key.
    log: String,
    /// The time that it was noted under.
    at: i64,
    /// How long the log matters.
    keep: Duration,
}

/// What a limit says of one log.
struct Rule<'t> {
    kind: Kind,
    mode: LimitMode,
    window: &'t LimitWindow,
    /// What it allows, for people.
    allows: String,
}

impl Limiter {
    /// Limiter that are counted in `store`.
    #[must_use]
    pub fn new(store: &Store, clock: &Clock, metrics: &Metrics) -> Self {
        Self { store: store.clone(), clock: clock.clone(), metrics: metrics.clone() }
    }

    /// Gives back what was taken for something that did not happen. What can't be given back stays taken.
    pub async fn give_back(&self, places: &Places) {
        for Place { log: key, at, keep } in &places.0 {
            let given = self.store.update(key, |log: Option<Log>| {
                let mut log = log.unwrap_or_default();
                log.take_back(*at);
                (if log.is_empty() { Change::Remove } else { Change::Put(log, *keep) }, ())
            });
            if let Err(error) = given.await {
                tracing::warn!(%error, "a place in a limit could not be given back");
            }
        }
    }

    /// Looks at the log at `key` by `rules`, and notes in it what happens now unless one of them refuses that, or `may`
    /// says that something else does. Rules of one log have windows of one grain.
    async fn take(
        &self,
        key: String,
        rules: &[Rule<'_>],
        may: bool,
    ) -> Result<(Option<Place>, Vec<Reached>), Unavailable> {
        let now = self.clock.now();
        let Some(coarsest) = rules.iter().map(|rule| grain(rule.window)).max() else { return Ok((None, Vec::new())) };
        let longest = rules.iter().map(|rule| rule.window.per).max().unwrap_or_default();
        let keep = longest + Duration::from_millis(coarsest.unsigned_abs());
        let (at, reached) = self
            .store
            .update(&key, |log: Option<Log>| {
                let mut log = log.unwrap_or_default();
                let reached: Vec<Reached> = rules.iter().filter_map(|rule| rule.reached(&log, now)).collect();
                if !may || reached.iter().any(Reached::refuses) {
                    return (Change::Keep, (None, reached));
                }
                let at = log.note(now, coarsest);
                log.forget(rules.iter().map(|rule| rule.window), now);
                (Change::Put(log, keep), (Some(at), reached))
            })
            .await?;
        Ok((at.map(|at| Place { log: key, at, keep }), reached))
    }
}

impl Rule<'_> {
    fn reached(&self, log: &Log, now: Timestamp) -> Option<Reached> {
        let wait = log.wait(self.window, now)?;
        Some(Reached { kind: self.kind, mode: self.mode, allows: self.allows.clone().into(), wait: Some(wait) })
    }
}
