//! Direct access to a running simulator.

use std::{
    sync::{Arc, MutexGuard},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{faults::Fault, key::Key, outbox::Message, profiles, records::Status, settings::Settings, state::State};
use crate::{
    clock::Clock,
    sync::Mutex,
    telnyx::{Channel, VerificationStatus},
};

/// What the control endpoints do, for tests in the same process. Clones are the same simulator.
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    clock: Clock,
    stop: CancellationToken,
}

/// What happens in a keypad confirmation's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keypress {
    /// This key is pressed.
    Key(char),
    /// No key is pressed for ten seconds.
    None,
    /// Nobody answers.
    NoAnswer,
    /// A mailbox answers.
    Voicemail,
}

/// Why a key can't be pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeypressError {
    /// There is no such verification.
    #[error("there is no such verification")]
    NotFound,
    /// No call is open for it.
    #[error("no call is open for this verification")]
    NoCall,
}

impl Handle {
    pub(super) fn new(settings: Settings, clock: Clock) -> Self {
        let state = Mutex::new(State::new(settings));
        Self(Arc::new(Shared { state, clock, stop: CancellationToken::new() }))
    }

    /// All messages that were sent, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.state().outbox.messages(None)
    }

    /// The messages to `phone`, oldest first.
    #[must_use]
    pub fn messages_to(&self, phone: &str) -> Vec<Message> {
        self.state().outbox.messages(Some(phone))
    }

    /// The code sent last to `phone`.
    #[must_use]
    pub fn latest_code(&self, phone: &str) -> Option<String> {
        self.state().outbox.latest_code(Some(phone)).map(str::to_owned)
    }

    /// The time, by the simulator's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.clock.advance(by);
    }

    /// Forgets everything, sets the clock right, and takes the settings again that the simulator was started with.
    pub fn reset(&self) {
        self.state().reset();
        self.0.clock.reset();
    }

    /// Adds a fault behind those that are set.
    ///
    /// # Errors
    /// For a person to read: what the fault lacks.
    pub fn set_fault(&self, fault: Fault) -> Result<(), String> {
        fault.check()?;
        self.state().faults.push(fault);
        Ok(())
    }

    /// The faults to come.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.state().faults.list()
    }

    /// Takes all faults away; magic numbers stay.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.state().settings.clone()
    }

    /// Changes the settings.
    ///
    /// # Errors
    /// As `change` has them, and for values that no setting takes. Nothing has changed then.
    pub fn change_settings(&self, change: impl FnOnce(&mut Settings) -> Result<(), String>) -> Result<(), String> {
        let mut state = self.state();
        let mut settings = state.settings.clone();
        change(&mut settings)?;
        settings.check()?;
        state.set_settings(settings);
        Ok(())
    }

    /// Creates a profile with all five channels in the account of `api_key`, and returns its id.
    #[must_use]
    pub fn seed_profile(&self, api_key: &str, name: &str) -> String {
        let app_name = json!({"app_name": name});
        let mut body = serde_json::Map::from_iter([("name".to_owned(), json!(name))]);
        for channel in Channel::ALL {
            let named = matches!(channel, Channel::Sms | Channel::Call | Channel::Flashcall);
            body.insert(channel.as_str().to_owned(), if named { app_name.clone() } else { json!({}) });
        }
        let mut state = self.state();
        profiles::seed(&mut state, Key::of(api_key), &body, self.now())
    }

    /// Lets something happen in the call of a keypad confirmation, and returns the verification's status.
    ///
    /// # Errors
    /// [`KeypressError`].
    pub fn press(&self, verification_id: &str, keypress: Keypress) -> Result<VerificationStatus, KeypressError> {
        let now = self.now();
        let mut state = self.state();
        let record = state.records.find(verification_id).ok_or(KeypressError::NotFound)?;
        if record.channel != Channel::DtmfConfirm || record.status(now) != Status::Pending {
            return Err(KeypressError::NoCall);
        }
        match keypress {
            Keypress::Key('1') => record.decide(Status::Accepted, now),
            Keypress::Key(_) => {
                record.failed_attempts += 1;
                // The prompt is repeated twice.
                if record.failed_attempts == 3 {
                    record.decide(Status::Invalid, now);
                }
            }
            Keypress::None | Keypress::Voicemail => record.decide(Status::Expired, now),
            Keypress::NoAnswer => record.decide(Status::Error, now),
        }
        Ok(record.status(now).into())
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }

    pub(super) fn bad_request_code(&self) -> String {
        self.state().settings.bad_request_code.to_string()
    }

    /// Ends all waits.
    pub(super) fn stop(&self) {
        self.0.stop.cancel();
    }

    /// Ends when the simulator stops.
    pub(super) fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.stop.clone().cancelled_owned()
    }

    /// Waits, by the real clock, unless the simulator stops.
    pub(super) async fn wait(&self, millis: u64) {
        if millis > 0 {
            let wait = tokio::time::sleep(Duration::from_millis(millis));
            let _ = self.0.stop.run_until_cancelled(wait).await;
        }
    }
}
