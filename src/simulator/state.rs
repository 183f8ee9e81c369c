//! The state of the simulator.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    account::{Account, AccountKey},
    clock::RelativeClock,
    faults::FaultQueue,
    fixtures::Fixtures,
    ids::Ids,
    outbox::Outbox,
    request_log::RequestLog,
    settings::Settings,
    verification::VerificationTable,
    webhook::WebhookQueue,
};
use crate::clock::Clock;

/// The state of the simulator.
pub(super) struct SimulatorState {
    pub(super) settings: Settings,
    /// The settings and the fixtures of the start, which a reset restores.
    initial: (Settings, Fixtures),
    /// The time of day.
    base: Clock,
    /// The clock of all accounts, relative to the time of day.
    pub(super) clock: RelativeClock,
    /// The account that an API key has before its first request.
    new_account: Account,
    pub(super) ids: Ids,
    pub(super) accounts: HashMap<AccountKey, Account>,
    pub(super) verifications: VerificationTable,
    pub(super) outbox: Outbox,
    pub(super) faults: FaultQueue,
    pub(super) requests: RequestLog,
    pub(super) webhooks: WebhookQueue,
}

impl SimulatorState {
    /// # Errors
    /// A text for people: the setting or fixture that is invalid.
    pub(super) fn new(settings: Settings, fixtures: Fixtures, base: Clock) -> Result<Self, String> {
        let initial = (settings.clone(), fixtures.clone());
        settings.check()?;
        let mut clock = RelativeClock::default();
        if let Some(change) = fixtures.clock {
            clock.change(change, base.now()).map_err(|rule| format!("clock: {rule}"))?;
        }
        let mut faults = FaultQueue::default();
        let new_account = fixtures.account(&settings, clock.now(base.now()))?;
        for fault in fixtures.faults {
            faults.push(fault);
        }
        Ok(Self {
            ids: Ids::new(settings.seed),
            settings,
            initial,
            base,
            clock,
            new_account,
            accounts: HashMap::new(),
            verifications: VerificationTable::default(),
            outbox: Outbox::default(),
            faults,
            requests: RequestLog::default(),
            webhooks: WebhookQueue::default(),
        })
    }

    /// Removes all state, resets the clock, and restores the settings and fixtures of the start.
    pub(super) fn reset(&mut self) {
        let (settings, fixtures) = self.initial.clone();
        let mut requests = std::mem::take(&mut self.requests);
        requests.clear(None);
        let mut webhooks = std::mem::take(&mut self.webhooks);
        webhooks.clear(None);
        let new = Self::new(settings, fixtures, self.base.clone()).expect("they were valid at the start");
        *self = Self { requests, webhooks, ..new };
    }

    /// Removes the state of one account.
    pub(super) fn reset_account(&mut self, key: AccountKey) {
        self.accounts.remove(&key);
        self.verifications.remove_account(key);
        self.outbox.remove_account(key);
        self.faults.remove_account(key);
        self.requests.clear(Some(key));
        self.webhooks.clear(Some(key));
    }

    /// The time of an account, or of the simulator.
    pub(super) fn now(&self, key: Option<AccountKey>) -> Timestamp {
        let now = self.clock.now(self.base.now());
        key.and_then(|key| self.accounts.get(&key)).map_or(now, |account| account.clock.now(now))
    }

    /// Whether the clock of an account, or of the simulator, stands still.
    pub(super) fn is_frozen(&self, key: Option<AccountKey>) -> bool {
        let account = key.and_then(|key| self.accounts.get(&key));
        self.clock.is_frozen() || account.is_some_and(|account| account.clock.is_frozen())
    }

    /// The clock of an account, or of the simulator, and the time that it is relative to.
    pub(super) fn clock(&mut self, key: Option<AccountKey>) -> (&mut RelativeClock, Timestamp) {
        let base = self.base.now();
        self.webhooks.wake();
        match key {
            None => (&mut self.clock, base),
            Some(key) => {
                let now = self.clock.now(base);
                (&mut self.account(key).0.clock, now)
            }
        }
    }

    /// Replaces the settings. Another seed starts another sequence of IDs and codes.
    pub(super) fn set_settings(&mut self, settings: Settings) {
        if settings.seed != self.settings.seed {
            self.ids = Ids::new(settings.seed);
        }
        self.settings = settings;
    }

    /// The account of `key`, and the settings.
    pub(super) fn account(&mut self, key: AccountKey) -> (&mut Account, &Settings) {
        let (account, settings, _) = self.parts(key);
        (account, settings)
    }

    /// The account of `key`, the settings, and the source of IDs.
    pub(super) fn parts(&mut self, key: AccountKey) -> (&mut Account, &Settings, &mut Ids) {
        let account = self.accounts.entry(key).or_insert_with(|| self.new_account.clone());
        (account, &self.settings, &mut self.ids)
    }

    /// Adds a profile to the account of `key`, and returns its ID.
    pub(super) fn insert_profile(&mut self, key: AccountKey, fields: Map<String, Value>, now: Timestamp) -> String {
        let id = self.ids.profile(now.as_millisecond().try_into().unwrap_or(0));
        self.account(key).0.add_profile(id.clone(), fields, now);
        id
    }
}
