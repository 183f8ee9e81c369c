//! All that the simulator remembers.

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date};
use serde_json::{Map, Value};

use super::{faults::Faults, ids::Ids, key::Key, outbox::Outbox, records::Records, settings::Settings};
use crate::telnyx::Template;

/// All that the simulator remembers.
pub(super) struct State {
    pub(super) settings: Settings,
    /// What a reset goes back to.
    started_with: Settings,
    pub(super) ids: Ids,
    pub(super) accounts: HashMap<Key, Account>,
    pub(super) records: Records,
    pub(super) outbox: Outbox,
    pub(super) faults: Faults,
}

/// What one API key owns, apart from its verifications.
#[derive(Default)]
pub(super) struct Account {
    pub(super) profiles: Vec<Profile>,
    /// Its own templates, and those prebuilt ones that it changed.
    pub(super) templates: Vec<Template>,
    /// The requests of a minute, counted from the Unix epoch.
    pub(super) requests: (i64, u32),
}

/// A profile.
pub(super) struct Profile {
    pub(super) id: String,
    /// The fields that a caller gave, with every channel block completed by its defaults.
    pub(super) fields: Map<String, Value>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    /// What was spent on a day, in US dollars.
    pub(super) spent: (Date, f64),
}

impl State {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            ids: Ids::new(settings.seed),
            started_with: settings.clone(),
            settings,
            accounts: HashMap::new(),
            records: Records::default(),
            outbox: Outbox::default(),
            faults: Faults::default(),
        }
    }

    pub(super) fn reset(&mut self) {
        *self = Self::new(self.started_with.clone());
    }

    /// Takes new settings; another seed starts its own sequence.
    pub(super) fn set_settings(&mut self, settings: Settings) {
        if settings.seed != self.settings.seed {
            self.ids = Ids::new(settings.seed);
        }
        self.settings = settings;
    }

    pub(super) fn account(&mut self, key: Key) -> &mut Account {
        self.accounts.entry(key).or_default()
    }

    /// The settings, and the account of `key`, to look at.
    pub(super) fn account_view(&mut self, key: Key) -> (&Settings, &Account) {
        (&self.settings, self.accounts.entry(key).or_default())
    }
}

impl Account {
    pub(super) fn profile(&mut self, id: &str) -> Option<&mut Profile> {
        self.profiles.iter_mut().find(|profile| profile.id == id)
    }
}
