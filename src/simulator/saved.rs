//! The state as a file: what a simulator saves at its end, and another one loads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    account::{Account, AccountKey},
    clock::RelativeClock,
    faults::{FaultQueue, SavedFaults},
    ids::Ids,
    outbox::Outbox,
    state::SimulatorState,
    verification::{SimulatedVerification, VerificationTable},
};

/// The version of the file. Another simulator refuses what it does not read.
const VERSION: u32 = 1;

/// The accounts with all that they have. Settings are not saved: each start has its own.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SavedState {
    version: u32,
    clock: RelativeClock,
    ids: Ids,
    accounts: BTreeMap<AccountKey, Account>,
    verifications: Vec<SimulatedVerification>,
    messages: Outbox,
    faults: SavedFaults,
}

#[derive(Deserialize)]
struct SavedVersion {
    version: u32,
}

impl SimulatorState {
    /// The state in JSON.
    pub(super) fn save(&self) -> String {
        let saved = SavedState {
            version: VERSION,
            clock: self.clock,
            ids: self.ids.clone(),
            accounts: self.accounts.iter().map(|(&key, account)| (key, account.clone())).collect(),
            verifications: self.verifications.oldest().cloned().collect(),
            messages: self.outbox.clone(),
            faults: self.faults.save(),
        };
        serde_json::to_string(&saved).expect("the state has string keys only") + "\n"
    }

    /// Replaces the state with a saved one. Settings, the request log and the log of webhooks stay.
    ///
    /// # Errors
    /// A text for people. Nothing changes then.
    pub(super) fn load(&mut self, json: &str) -> Result<(), String> {
        let text = |error: serde_json::Error| error.to_string();
        let SavedVersion { version } = serde_json::from_str(json).map_err(text)?;
        if version != VERSION {
            return Err(format!("version must be {VERSION}"));
        }
        let saved: SavedState = serde_json::from_str(json).map_err(text)?;
        let mut verifications = VerificationTable::default();
        for verification in saved.verifications {
            verifications.insert(verification, self.settings.keep);
        }
        self.clock = saved.clock;
        self.ids = saved.ids;
        self.accounts = saved.accounts.into_iter().collect();
        self.verifications = verifications;
        self.outbox = saved.messages;
        self.faults = FaultQueue::load(saved.faults);
        self.webhooks.wake();
        Ok(())
    }
}
