//! Direct access to a running simulator.

use std::{
    ops::Range,
    sync::{Arc, MutexGuard},
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    account::AccountKey,
    check::{self, Keypress, KeypressError},
    faults::{Fault, StoredFault},
    fixtures::Fixtures,
    limits,
    outbox::{Message, MessageFilter},
    phone, profile,
    settings::Settings,
    state::SimulatorState,
    webhook::SigningKey,
};
use crate::{clock::Clock, sync::Mutex, telnyx::VerificationStatus};

/// The control endpoints for tests in the same process. Clones share the simulator.
#[derive(Clone)]
pub struct Handle(Arc<HandleInner>);

struct HandleInner {
    state: Mutex<SimulatorState>,
    stop: CancellationToken,
    /// Changes when the state may have changed.
    changed: watch::Sender<()>,
    /// The fictional phone numbers that no caller has got yet.
    phone_numbers: Mutex<Range<u32>>,
}

impl Handle {
    /// # Errors
    /// A text for people: the setting or fixture that is invalid.
    pub(super) fn new(settings: Settings, fixtures: Fixtures, clock: Clock) -> Result<Self, String> {
        let state = Mutex::new(SimulatorState::new(settings, fixtures, clock)?);
        Ok(Self(Arc::new(HandleInner {
            state,
            stop: CancellationToken::new(),
            changed: watch::Sender::new(()),
            phone_numbers: Mutex::new(0..phone::FICTIONAL),
        })))
    }

    /// All messages, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.find_messages(&MessageFilter::default())
    }

    /// The messages to `phone`, oldest first.
    pub fn messages_to(&self, phone: &str) -> Vec<Message> {
        self.find_messages(&MessageFilter { phone: Some(phone.to_owned()), ..MessageFilter::default() })
    }

    pub(super) fn find_messages(&self, filter: &MessageFilter) -> Vec<Message> {
        self.state().outbox.messages(filter).cloned().collect()
    }

    /// Waits until `holds`, in real time, at most for `wait`.
    pub(super) async fn wait_until(&self, wait: Duration, mut holds: impl FnMut(&SimulatorState) -> bool) {
        let mut changes = self.changes();
        let found = changes.wait_for(|()| holds(&self.state()));
        let _ = self.0.stop.run_until_cancelled(tokio::time::timeout(wait, found)).await;
    }

    /// Notifies those that wait that the state may have changed.
    pub(super) fn notify(&self) {
        self.0.changed.send_replace(());
    }

    /// Changes when the state may have changed.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    /// A phone number that no earlier call returned. None if all are used up.
    pub(super) fn new_phone_number(&self) -> Option<String> {
        self.0.phone_numbers.lock().find_map(phone::fictional)
    }

    /// The newest code for `phone`.
    pub fn latest_code(&self, phone: &str) -> Option<String> {
        self.messages_to(phone).into_iter().rev().find_map(|message| message.code)
    }

    /// The time of the simulator's clock.
    pub fn now(&self) -> Timestamp {
        self.state().now(None)
    }

    /// Moves the clock of the simulator forward.
    ///
    /// # Panics
    /// The clock cannot show the time.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state();
        let (clock, base) = state.clock(None);
        clock.advance(by, base).expect("the clock shows the time");
    }

    /// Removes all state, resets the clock, and restores the settings and fixtures of the start.
    pub fn reset(&self) {
        self.state().reset();
    }

    /// The accounts with all that they have, in JSON.
    pub fn save(&self) -> String {
        self.state().save()
    }

    /// Replaces the state with a saved one.
    ///
    /// # Errors
    /// A text for people: what is wrong with the saved state. Nothing changes then.
    pub fn load(&self, json: &str) -> Result<(), String> {
        self.state().load(json)
    }

    /// Adds a fault. Older faults come first.
    ///
    /// # Errors
    /// A text for people: the rule that the fault breaks.
    pub fn set_fault(&self, fault: Fault) -> Result<(), String> {
        self.push_fault(fault).map(drop)
    }

    pub(super) fn push_fault(&self, fault: Fault) -> Result<StoredFault, String> {
        fault.check()?;
        Ok(self.state().faults.push(fault))
    }

    /// The faults that are set.
    pub fn faults(&self) -> Vec<Fault> {
        self.state().faults.list(None).cloned().map(StoredFault::into_fault).collect()
    }

    /// The current settings.
    pub fn settings(&self) -> Settings {
        self.state().settings.clone()
    }

    /// Changes the settings.
    ///
    /// # Errors
    /// The error of `change`, or the rule that a setting breaks. Nothing changes then.
    pub fn change_settings(&self, change: impl FnOnce(&mut Settings) -> Result<(), String>) -> Result<(), String> {
        let mut state = self.state();
        let mut settings = state.settings.clone();
        change(&mut settings)?;
        settings.check()?;
        state.set_settings(settings);
        Ok(())
    }

    /// Creates a profile with all five channels in the account of `api_key`, and returns its ID.
    pub fn seed_profile(&self, api_key: &str, name: &str) -> String {
        let key = AccountKey::of(api_key);
        let mut state = self.state();
        let now = state.now(Some(key));
        let fields = profile::with_all_channels(name, &state.settings);
        state.insert_profile(key, fields, now)
    }

    /// The public key that verifies the webhooks of the account of `api_key`: base64 of 32 bytes.
    pub fn public_key(&self, api_key: &str) -> String {
        SigningKey::new(self.state().settings.webhook_key.as_deref(), AccountKey::of(api_key).bytes()).public()
    }

    /// Sends the webhooks of a profile to `url`.
    pub fn set_webhook_url(&self, api_key: &str, profile_id: &str, url: &str) {
        let mut state = self.state();
        if let Some(profile) = state.account(AccountKey::of(api_key)).0.profile_mut(profile_id) {
            profile.fields.insert("webhook_url".to_owned(), url.into());
        }
    }

    /// Does `keypress` in the call of a keypad confirmation, and returns the status of the verification.
    pub fn press(&self, verification_id: &str, keypress: Keypress) -> Result<VerificationStatus, KeypressError> {
        let mut state = self.state();
        let verification = state.verifications.find(verification_id).ok_or(KeypressError::NotFound)?;
        let (key, profile_id) = (verification.new.key, verification.new.profile_id.clone());
        let now = state.now(Some(key));
        let SimulatorState { verifications, settings, .. } = &mut *state;
        let verification = verifications.find(verification_id).ok_or(KeypressError::NotFound)?;
        let status = check::press(verification, keypress, settings, now)?;
        state.plan_decision(verification_id, now);
        if status == VerificationStatus::Accepted {
            limits::charge_acceptance(&mut state, key, &profile_id, now);
        }
        Ok(status)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, SimulatorState> {
        self.0.state.lock()
    }

    /// Ends all delays.
    pub(super) fn stop(&self) {
        self.0.stop.cancel();
    }

    /// Completes when the simulator stops.
    pub(super) fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.stop.clone().cancelled_owned()
    }

    /// Waits in real time, or until the simulator stops.
    pub(super) async fn delay(&self, delay: Duration) {
        if !delay.is_zero() {
            let _ = self.0.stop.run_until_cancelled(tokio::time::sleep(delay)).await;
        }
    }
}
