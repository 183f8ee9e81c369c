//! What falls due, by the clock of each account, and the deliveries of all webhooks.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::{delivery::WebhookDelivery, event::Cause};
use crate::simulator::account::AccountKey;

/// Something to do at a time.
pub(super) enum DueJob {
    /// Make a webhook.
    Event(PlannedEvent),
    /// Make the next attempt of a delivery.
    Attempt(u64),
}

/// The webhook of a verification. Its IDs are drawn when it is planned, so that a seed gives the same ones in every run.
pub(super) struct PlannedEvent {
    pub(super) verification_id: String,
    pub(super) cause: Cause,
    pub(super) id: String,
    pub(super) delivery_id: String,
}

/// All webhooks: those that fall due, and the last deliveries.
#[derive(Default)]
pub(in crate::simulator) struct WebhookQueue {
    wake: Arc<Notify>,
    pub(super) jobs: HashMap<AccountKey, BTreeMap<(Timestamp, u64), DueJob>>,
    /// The number of the next job or delivery.
    next: u64,
    pub(super) deliveries: BTreeMap<u64, WebhookDelivery>,
    /// The deliveries of each verification that are not finished, in the order of their events.
    open: HashMap<String, VecDeque<u64>>,
}

impl WebhookQueue {
    pub(super) fn push(&mut self, key: AccountKey, due: Timestamp, job: DueJob) {
        self.next += 1;
        self.jobs.entry(key).or_default().insert((due, self.next), job);
        self.wake.notify_one();
    }

    /// Notified when something may fall due earlier than before.
    pub(super) fn waker(&self) -> Arc<Notify> {
        self.wake.clone()
    }

    /// A clock has changed.
    pub(in crate::simulator) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Adds a delivery, and returns its number. The oldest are forgotten beyond `keep`.
    pub(super) fn add(&mut self, delivery: WebhookDelivery, keep: usize) -> u64 {
        while self.deliveries.len() >= keep {
            let Some((number, oldest)) = self.deliveries.pop_first() else { break };
            self.close(number, oldest.verification_id());
        }
        self.next += 1;
        self.open.entry(delivery.verification_id().to_owned()).or_default().push_back(self.next);
        self.deliveries.insert(self.next, delivery);
        self.next
    }

    /// Takes a delivery from those of its verification that are not finished, and returns the first that is left.
    pub(super) fn close(&mut self, number: u64, verification_id: &str) -> Option<u64> {
        let open = self.open.get_mut(verification_id)?;
        open.retain(|&other| other != number);
        let first = open.front().copied();
        if first.is_none() {
            self.open.remove(verification_id);
        }
        first
    }

    /// Whether no earlier delivery of the same verification is unfinished.
    pub(super) fn is_first(&self, number: u64, verification_id: &str) -> bool {
        self.open.get(verification_id).and_then(|open| open.front()).is_none_or(|&first| first == number)
    }

    /// The deliveries of an account, or all, oldest first.
    pub(in crate::simulator) fn list(
        &self,
        key: Option<AccountKey>,
    ) -> impl DoubleEndedIterator<Item = &WebhookDelivery> {
        self.deliveries.values().filter(move |delivery| key.is_none_or(|key| delivery.key == key))
    }

    /// Removes the webhooks of an account, or all. A running attempt finds its delivery no more.
    pub(in crate::simulator) fn clear(&mut self, key: Option<AccountKey>) {
        let Self { jobs, deliveries, open, .. } = self;
        jobs.retain(|&of, _| key.is_some_and(|key| of != key));
        deliveries.retain(|_, delivery| key.is_some_and(|key| delivery.key != key));
        open.retain(|_, numbers| numbers.iter().any(|number| deliveries.contains_key(number)));
    }
}
