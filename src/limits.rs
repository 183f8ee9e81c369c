//! How much a tenant may do: `limits` of the tenants file.
//!
//! The process counts calls ([`CallLimiter`]). The store counts sends, checks and failed checks, so that replicas with
//! the same store count together ([`Limiter`]). A call is refused only after all its limits are evaluated, so its
//! `retry_after` is the longest of their waits.

mod calls;
mod checks;
mod gcra;
mod hit;
mod sends;
mod state;
mod verifications;
mod window;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::{
    calls::{CallLimiter, CallPermit},
    checks::{CheckReservation, CheckResult},
    state::LimitState,
    verifications::SentVerification,
};
use self::{
    hit::{LimitHit, LimitKind},
    window::{SlidingWindow, resolution},
};
use crate::{
    config::human::write_duration,
    domain::{LimitMode, LimitWindow, Tenant, phone_identity},
    store::{self, Change, Digest, Store},
    telemetry::Metrics,
};

/// The limits that are counted in the store. Clones count together.
#[derive(Clone)]
pub struct Limiter {
    store: Store,
    metrics: Metrics,
}

/// What a send has taken from its limits. [`Limiter::release`] gives it back.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct QuotaReservation(Vec<WindowEntry>);

/// One event in one sliding window.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct WindowEntry {
    /// The key of the window in the store.
    key: String,
    /// The time of the event, in milliseconds since 1970.
    at: i64,
    /// How long the window is kept after its last event.
    keep: Duration,
}

/// A limit on the events in one sliding window.
struct WindowRule<'r> {
    kind: LimitKind,
    mode: LimitMode,
    window: LimitWindow,
    allows: WindowAllows<'r>,
}

/// What a limit allows.
enum WindowAllows<'r> {
    /// Sends to this.
    SendsTo(&'r str),
    OneSendToANumber,
    Guesses,
}

impl WindowRule<'_> {
    /// What the limit allows, for people.
    fn allows(&self) -> String {
        let LimitWindow { max, per } = self.window;
        match self.allows {
            WindowAllows::SendsTo(to) => format!("at most {max} sends to {to} in {}", write_duration(per)),
            WindowAllows::OneSendToANumber => {
                format!("at least {} between two sends to a number", write_duration(per))
            }
            WindowAllows::Guesses => format!("at most {max} wrong codes for a number in a day"),
        }
    }
}

impl Limiter {
    /// A limiter that counts in `store`.
    #[must_use]
    pub fn new(store: &Store, metrics: &Metrics) -> Self {
        Self { store: store.clone(), metrics: metrics.clone() }
    }

    /// Gives back what was reserved for something that did not happen. A reservation stays taken if the store fails.
    pub async fn release(&self, tenant: &Tenant, reservation: &QuotaReservation) {
        for WindowEntry { key, at, keep } in &reservation.0 {
            let released = self.store.counters_of(&tenant.id).update(key, |window: Option<SlidingWindow>| {
                let mut window = window.unwrap_or_default();
                window.remove(*at);
                (if window.is_empty() { Change::Remove } else { Change::Put(window, *keep) }, ())
            });
            if let Err(error) = released.await {
                tracing::warn!(%error, "a quota reservation could not be released");
            }
        }
    }

    /// Evaluates `rules` on the window at `key`, and adds an event to it unless a rule refuses or `may_add` is false. The
    /// rules of one window have the same resolution.
    async fn take(
        &self,
        tenant: &Tenant,
        key: String,
        rules: &[WindowRule<'_>],
        may_add: bool,
    ) -> Result<(Option<WindowEntry>, Vec<LimitHit>), store::Error> {
        let now = self.store.now();
        let windows = || rules.iter().map(|rule| &rule.window);
        let Some(resolution) = windows().map(resolution).max() else { return Ok((None, Vec::new())) };
        let longest = windows().map(|window| window.per).max().unwrap_or_default();
        let keep = longest + Duration::from_millis(resolution.unsigned_abs());
        let taken = self.store.counters_of(&tenant.id).update(&key, |window: Option<SlidingWindow>| {
            let mut window = window.unwrap_or_default();
            let hit = |rule: &WindowRule<'_>| {
                let wait = window.wait(&rule.window, now)?;
                Some(LimitHit { kind: rule.kind, mode: rule.mode, allows: rule.allows(), wait: Some(wait) })
            };
            let hits: Vec<LimitHit> = rules.iter().filter_map(hit).collect();
            if !may_add || hits.iter().any(LimitHit::refuses) {
                return (Change::Keep, (None, hits));
            }
            let at = window.add(now, resolution);
            window.prune(windows(), now);
            (Change::Put(window, keep), (Some(at), hits))
        });
        let (at, hits) = taken.await?;
        Ok((at.map(|at| WindowEntry { key, at, keep }), hits))
    }

    /// What stands for `parts` in keys and records, and does not reveal them.
    fn digest(&self, tenant: &Tenant, parts: &[&str]) -> Digest {
        let parts: Vec<&[u8]> = [tenant.id.as_str()].iter().chain(parts).map(|part| part.as_bytes()).collect();
        self.store.digest(&parts)
    }

    /// What stands for the phone behind a number.
    fn phone(&self, tenant: &Tenant, phone_number: &str) -> Digest {
        self.digest(tenant, &["phone", &phone_identity(phone_number)])
    }
}

#[cfg(test)]
mod tests;
