//! The clock of Telnyx, measured by the `Date` of its answers.
//!
//! An answer is made between the departure of its request and its own arrival. Its `Date` is the whole second of Telnyx's
//! clock then. So Telnyx's clock is ahead of a local one by at least `Date - arrival`, and by less than
//! `Date + 1 s - departure`. The bounds of several answers together are soon as narrow as an answer takes.
//!
//! The measurement is against the process's monotonic clock. The time of day is measured against it too. A jump of the
//! time of day widens the bounds, so that they hold for the times that were read before it and after it.

mod measurements;

use std::{mem, sync::Arc, time::Duration};

use http::header::{AGE, DATE};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimeParser};
use tokio::time::Instant;

use self::measurements::{Measurements, OffsetBounds};
use super::{keyed_cache::KeyedCache, request::Response};
use crate::{
    clock::Clock,
    domain::{KeyIdentity, Tenant},
    sync::Mutex,
    telemetry::Metrics,
};

/// The offset of Telnyx's clock from the gateway's, as bounds. They hold for every time that this process has read from
/// its clock in the last ten minutes.
#[derive(Clone, Copy, Debug)]
pub struct TelnyxClock(OffsetBounds);

/// The clocks of all accounts, by API key.
pub(super) struct TelnyxClocks {
    accounts: Arc<KeyedCache<KeyIdentity, Arc<Mutex<Measurements>>>>,
    clock: Clock,
    /// The zero of the monotonic clock.
    origin: Instant,
    max_skew: Duration,
}

/// The departure of a request.
pub(super) struct Departure {
    at: Instant,
    local: OffsetBounds,
}

impl TelnyxClock {
    /// The earliest time that Telnyx's clock can have shown when the gateway's showed `local`.
    #[must_use]
    pub fn earliest(&self, local: Timestamp) -> Timestamp {
        local.saturating_add(self.0.low).unwrap_or(Timestamp::MIN)
    }

    /// The latest time that Telnyx's clock can have shown when the gateway's showed `local`.
    #[must_use]
    pub fn latest(&self, local: Timestamp) -> Timestamp {
        local.saturating_add(self.0.high).unwrap_or(Timestamp::MAX)
    }

    /// The offset that is certain: the one within the bounds that is closest to zero.
    fn certain_offset(&self) -> SignedDuration {
        self.0.low.max(self.0.high.min(SignedDuration::ZERO))
    }

    fn is_skewed(&self, max_skew: Duration) -> bool {
        self.certain_offset().unsigned_abs() > max_skew
    }
}

impl TelnyxClocks {
    /// `max_skew` is how far the clocks may differ before that is logged and counted.
    pub(super) fn new(clock: Clock, max_skew: Duration, metrics: &Metrics) -> Self {
        let accounts = Arc::new(KeyedCache::<_, Arc<Mutex<Measurements>>>::new(Arc::default));
        // The metrics must not keep the measurements alive.
        let observed = Arc::downgrade(&accounts);
        let all = move || {
            let (now, accounts) = (Instant::now(), observed.upgrade().map(|accounts| accounts.all()));
            accounts.into_iter().flatten().filter_map(move |account| account.lock().offset(now).map(TelnyxClock))
        };
        let offsets = all.clone();
        metrics.clock_offset(move || {
            let offsets = offsets().map(|clock| clock.certain_offset().as_secs_f64());
            offsets.max_by(|one, other| one.abs().total_cmp(&other.abs())).unwrap_or_default()
        });
        #[expect(clippy::cast_precision_loss, reason = "there are some thousands at most")]
        metrics.clocks_skewed(move || all().filter(|clock| clock.is_skewed(max_skew)).count() as f64);
        Self { accounts, clock, origin: Instant::now(), max_skew }
    }

    /// The clock of the account of `key`; none if no recent answer has a `Date`.
    pub(super) fn get(&self, key: &KeyIdentity) -> Option<TelnyxClock> {
        let Departure { at: now, local } = self.depart();
        let account = self.accounts.get(key);
        let mut account = account.lock();
        account.see_local(local);
        account.offset(now).map(TelnyxClock)
    }

    /// A request leaves now.
    pub(super) fn depart(&self) -> Departure {
        let at = Instant::now();
        let local = self.clock.now().as_duration().saturating_sub(self.monotonic(at));
        Departure { at, local: OffsetBounds::exactly(local) }
    }

    /// Takes the `Date` of an answer that has just arrived.
    pub(super) fn measure(&self, tenant: &Tenant, departure: &Departure, response: &Response) {
        // A proxy that fails answers by its own clock, and a cache with the time of an earlier answer.
        let is_fresh = !response.status.is_server_error() && !response.headers.contains_key(AGE);
        let date = response.headers.get(DATE).filter(|_| is_fresh).and_then(|date| date.to_str().ok());
        let Some(date) = date.and_then(|date| DateTimeParser::new().parse_timestamp(date).ok()) else { return };
        let (date, arrival) = (date.as_duration(), self.depart());
        let telnyx = OffsetBounds {
            low: date.saturating_sub(self.monotonic(arrival.at)),
            high: date.saturating_add(SignedDuration::from_secs(1)).saturating_sub(self.monotonic(departure.at)),
        };
        let account = self.accounts.get(tenant.key.identity());
        let mut account = account.lock();
        account.add(arrival.at, telnyx, departure.local.hull(arrival.local));
        let Some(clock) = account.offset(arrival.at).map(TelnyxClock) else { return };
        let is_skewed = clock.is_skewed(self.max_skew);
        if mem::replace(&mut account.is_skewed, is_skewed) != is_skewed {
            drop(account);
            let (tenant, offset_seconds) = (&tenant.id, clock.certain_offset().as_secs_f64());
            if is_skewed {
                tracing::warn!(%tenant, offset_seconds, "the clocks of Telnyx and the gateway differ too much");
            } else {
                tracing::info!(%tenant, offset_seconds, "the clocks of Telnyx and the gateway agree again");
            }
        }
    }

    fn monotonic(&self, at: Instant) -> SignedDuration {
        at.saturating_duration_since(self.origin).try_into().unwrap_or(SignedDuration::MAX)
    }
}
