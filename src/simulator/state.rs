//! The state of the simulator.

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date};
use serde_json::{Map, Value};

use super::{
    account::{Account, AccountKey},
    faults::FaultQueue,
    ids::Ids,
    outbox::Outbox,
    profile::StoredProfile,
    settings::Settings,
    verification::VerificationTable,
};

/// The state of the simulator.
pub(super) struct SimulatorState {
    pub(super) settings: Settings,
    /// The settings after a reset.
    initial_settings: Settings,
    pub(super) ids: Ids,
    pub(super) accounts: HashMap<AccountKey, Account>,
    pub(super) verifications: VerificationTable,
    pub(super) outbox: Outbox,
    pub(super) faults: FaultQueue,
}

impl SimulatorState {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            ids: Ids::new(settings.seed),
            initial_settings: settings.clone(),
            settings,
            accounts: HashMap::new(),
            verifications: VerificationTable::default(),
            outbox: Outbox::default(),
            faults: FaultQueue::default(),
        }
    }

    pub(super) fn reset(&mut self) {
        *self = Self::new(self.initial_settings.clone());
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
        (self.accounts.entry(key).or_default(), &self.settings)
    }

    /// Adds a profile to the account of `key`, and returns its ID.
    pub(super) fn insert_profile(&mut self, key: AccountKey, fields: Map<String, Value>, now: Timestamp) -> String {
        let id = self.ids.profile(now.as_millisecond().try_into().unwrap_or(0));
        let profile =
            StoredProfile { id: id.clone(), fields, created_at: now, updated_at: now, spent: (Date::ZERO, 0.0) };
        self.account(key).0.profiles.push(profile);
        id
    }
}
