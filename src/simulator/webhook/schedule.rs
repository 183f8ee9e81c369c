//! What is sent when: the webhooks of a verification, and the attempts of a delivery.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    delivery::{AttemptAnswer, OutgoingAttempt, WebhookDelivery},
    event::{self, Cause},
    outcome::MessageOutcome,
    queue::{DueJob, PlannedEvent},
};
use crate::{
    simulator::{
        account::AccountKey,
        settings::{CompletionEvents, Settings, WebhookClock, WebhookOrder},
        state::SimulatorState,
        verification::SimulatedVerification,
    },
    telnyx::Channel,
};

/// How late a webhook can be where the setting `webhook_order` shuffles them.
const LATEST: Duration = Duration::from_secs(5);

impl SimulatorState {
    /// Plans the webhooks of a new verification, if its profile has a URL.
    pub(in crate::simulator) fn plan_webhooks(&mut self, verification: &SimulatedVerification) {
        let new = &verification.new;
        if self.webhook_urls(new.key, &new.profile_id).is_empty() {
            return;
        }
        let sent = verification.created_at;
        if new.channel != Channel::DtmfConfirm && new.delivery.outcome != MessageOutcome::Silent {
            if new.delivery.outcome != MessageOutcome::SendingFailed {
                self.plan(new.key, &new.id, Cause::Sent, sent);
            }
            let after = SignedDuration::from_secs(new.delivery.after_secs.into());
            self.plan(new.key, &new.id, Cause::Outcome, sent.saturating_add(after).unwrap_or(Timestamp::MAX));
        }
        if completes(verification, &self.settings) {
            self.plan(new.key, &new.id, Cause::Expiry, verification.expires_at);
        }
    }

    /// Plans the webhook of a verification that is decided at `now`.
    pub(in crate::simulator) fn plan_decision(&mut self, verification_id: &str, now: Timestamp) {
        let Self { verifications, settings, .. } = self;
        if let Some(verification) = verifications.find(verification_id)
            && verification.take_news()
            && completes(verification, settings)
        {
            let (key, profile_id) = (verification.new.key, verification.new.profile_id.clone());
            if !self.webhook_urls(key, &profile_id).is_empty() {
                self.plan(key, verification_id, Cause::Decision, now);
            }
        }
    }

    fn plan(&mut self, key: AccountKey, id: &str, cause: Cause, due: Timestamp) {
        let late = match self.settings.webhook_order {
            WebhookOrder::InOrder => Duration::ZERO,
            WebhookOrder::Shuffled => LATEST.mul_f64(self.ids.fraction()),
        };
        let due = due.saturating_add(late).unwrap_or(Timestamp::MAX);
        let (verification_id, delivery_id) = (id.to_owned(), self.ids.uuid());
        let event = PlannedEvent { verification_id, cause, id: self.ids.uuid(), delivery_id };
        self.webhooks.push(key, due, DueJob::Event(event));
    }

    fn webhook_urls(&self, key: AccountKey, profile_id: &str) -> Vec<String> {
        let profile = self.accounts.get(&key).and_then(|account| account.profile(profile_id));
        profile.map(|profile| profile.webhook_urls().map(str::to_owned).collect()).unwrap_or_default()
    }

    /// The requests that are due, at most `room`, and the time until the next.
    pub(super) fn due_attempts(&mut self, room: usize) -> (Vec<OutgoingAttempt>, Option<Duration>) {
        let mut due = Vec::new();
        let mut wait: Option<Duration> = None;
        for key in self.webhooks.jobs.keys().copied().collect::<Vec<_>>() {
            let (now, is_frozen) = (self.now(Some(key)), self.is_frozen(Some(key)));
            while due.len() < room
                && let Some(jobs) = self.webhooks.jobs.get_mut(&key)
            {
                let Some(first) = jobs.first_entry() else {
                    self.webhooks.jobs.remove(&key);
                    break;
                };
                let at = first.key().0;
                if at > now {
                    let until = Duration::try_from(at.duration_since(now)).unwrap_or(Duration::MAX);
                    wait = wait.into_iter().chain((!is_frozen).then_some(until)).min();
                    break;
                }
                match first.remove() {
                    DueJob::Event(event) => self.add_event(event, now),
                    DueJob::Attempt(number) => due.extend(self.begin_attempt(number, now)),
                }
            }
        }
        (due, wait)
    }

    /// Makes the webhook of a verification, and plans its first attempt.
    fn add_event(&mut self, event: PlannedEvent, now: Timestamp) {
        let PlannedEvent { verification_id, cause, id, delivery_id } = event;
        let Self { verifications, settings, .. } = self;
        let Some(verification) = verifications.find(&verification_id) else { return };
        if cause == Cause::Expiry && !verification.has_expired(now) {
            return;
        }
        let (key, profile_id) = (verification.new.key, verification.new.profile_id.clone());
        let Some(webhook) = event::data(verification, cause, id, settings, now) else { return };
        let urls = self.webhook_urls(key, &profile_id);
        if urls.is_empty() {
            return;
        }
        let delivery = WebhookDelivery::new(delivery_id, key, urls, webhook);
        let number = self.webhooks.add(delivery, self.settings.keep);
        if self.settings.webhook_order == WebhookOrder::Shuffled || self.webhooks.is_first(number, &verification_id) {
            self.begin(number, now);
        }
    }

    /// Plans the first attempt of a delivery.
    fn begin(&mut self, number: u64, now: Timestamp) {
        if let Some(delivery) = self.webhooks.deliveries.get_mut(&number).filter(|delivery| !delivery.is_begun) {
            delivery.is_begun = true;
            let key = delivery.key;
            self.webhooks.push(key, now, DueJob::Attempt(number));
        }
    }

    fn begin_attempt(&mut self, number: u64, now: Timestamp) -> Option<OutgoingAttempt> {
        let signed_at = match self.settings.webhook_clock {
            WebhookClock::Real => Timestamp::now(),
            WebhookClock::Simulator => now,
        };
        self.webhooks.deliveries.get_mut(&number)?.attempt(number, &self.settings, now, signed_at)
    }

    /// Records the answer to a request, and plans the next one.
    pub(super) fn finish_attempt(&mut self, attempt: &OutgoingAttempt, answer: AttemptAnswer) {
        let number = attempt.delivery;
        let Some(key) = self.webhooks.deliveries.get(&number).map(|delivery| delivery.key) else { return };
        let now = self.now(Some(key));
        let Some(delivery) = self.webhooks.deliveries.get_mut(&number) else { return };
        if let Some(millis) = delivery.finish(attempt, answer, &self.settings, now) {
            let due = now.saturating_add(Duration::from_millis(millis)).unwrap_or(Timestamp::MAX);
            self.webhooks.push(key, due, DueJob::Attempt(number));
            return;
        }
        let verification_id = delivery.verification_id().to_owned();
        if let Some(next) = self.webhooks.close(number, &verification_id) {
            self.begin(next, now);
        }
    }
}

/// Whether the end of a verification is an event.
fn completes(verification: &SimulatedVerification, settings: &Settings) -> bool {
    verification.new.channel == Channel::DtmfConfirm || settings.completion_events == CompletionEvents::On
}
