//! Series that every call adds to. Each is bound to its labels once: to find a series by its labels costs more than to add to it.

use std::{collections::HashMap, hash::Hash};

use opentelemetry::metrics::{BoundCounter, BoundHistogram};

use super::labels::{MAX_SERIES, SendOutcome};
use crate::{
    domain::{Country, TenantId},
    sync::RwLock,
    telnyx::Channel,
};

type AttemptKey = (&'static str, &'static str, Option<u16>, Option<&'static str>);

/// The series of these instruments, by what decides their labels.
#[derive(Default)]
pub(super) struct BoundInstruments {
    pub(super) calls: BoundSeries<(Option<TenantId>, &'static str, &'static str), BoundCounter<u64>>,
    pub(super) call_durations: BoundSeries<(&'static str, &'static str, Option<&'static str>), BoundHistogram<f64>>,
    pub(super) attempt_durations: BoundSeries<AttemptKey, BoundHistogram<f64>>,
    pub(super) sends: BoundSeries<(Channel, Option<Country>, SendOutcome), BoundCounter<u64>>,
}

/// Series by what decides their labels. Beyond [`MAX_SERIES`], a series is bound for one measurement.
pub(super) struct BoundSeries<K, B>(RwLock<HashMap<K, B>>);

impl<K, B> Default for BoundSeries<K, B> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Eq + Hash, B> BoundSeries<K, B> {
    /// Adds to the series of `key`.
    pub(super) fn record(&self, key: K, bind: impl FnOnce() -> B, record: impl FnOnce(&B)) {
        if let Some(series) = self.0.read().get(&key) {
            return record(series);
        }
        let series = bind();
        record(&series);
        let mut known = self.0.write();
        if known.len() < MAX_SERIES {
            known.insert(key, series);
        }
    }
}
