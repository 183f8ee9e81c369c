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
    faults::Fault,
    fixtures::Fixtures,
    limits,
    outbox::{Message, MessageFilter},
    phone, profile,
    settings::Settings,
    state::SimulatorState,
};
use crate::{clock::Clock, sync::Mutex, telnyx::VerificationStatus};

/// The control endpoints for tests in the same process. Clones share the simulator.
#[derive(Clone)]
pub struct Handle(Arc<HandleInner>);

struct HandleInner {
    state: Mutex<SimulatorState>,
    stop: CancellationToken,
    /// Changes with every message.
    sent: watch::Sender<()>,
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
            sent: watch::Sender::new(()),
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

    /// The messages that match, as soon as there is one or `wait` of real time is over.
    pub(super) async fn wait_for_messages(&self, filter: &MessageFilter, wait: Duration) -> Vec<Message> {
        let mut sent = self.0.sent.subscribe();
        let found = sent.wait_for(|()| !self.find_messages(filter).is_empty());
        let stopping = self.0.stop.run_until_cancelled(tokio::time::timeout(wait, found));
        let _ = stopping.await;
        self.find_messages(filter)
    }

    /// Wakes those that wait for messages.
    pub(super) fn notify_sent(&self) {
        self.0.sent.send_replace(());
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

    /// Adds a fault. Older faults come first.
    ///
    /// # Errors
    /// A text for people: the rule that the fault breaks.
    pub fn set_fault(&self, fault: Fault) -> Result<(), String> {
        fault.check()?;
        self.state().faults.push(fault);
        Ok(())
    }

    /// The faults that are set.
    pub fn faults(&self) -> Vec<Fault> {
        self.state().faults.list(None)
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

    /// Does `keypress` in the call of a keypad confirmation, and returns the status of the verification.
    pub fn press(&self, verification_id: &str, keypress: Keypress) -> Result<VerificationStatus, KeypressError> {
        let mut state = self.state();
        let verification = state.verifications.find(verification_id).ok_or(KeypressError::NotFound)?;
        let (key, profile_id) = (verification.new.key, verification.new.profile_id.clone());
        let now = state.now(Some(key));
        let SimulatorState { verifications, settings, .. } = &mut *state;
        let verification = verifications.find(verification_id).ok_or(KeypressError::NotFound)?;
        let status = check::press(verification, keypress, settings, now)?;
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
    pub(super) async fn delay(&self, millis: u64) {
        if millis > 0 {
            let wait = tokio::time::sleep(Duration::from_millis(millis));
            let _ = self.0.stop.run_until_cancelled(wait).await;
        }
    }
}
