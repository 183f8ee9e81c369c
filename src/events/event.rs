//! An event.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::progress::VerificationProgress;
use crate::{domain::Country, store, telnyx::Channel};

/// An event of a verification.
#[derive(Clone, Deserialize, Serialize)]
pub struct VerificationEvent {
    /// The verification.
    pub verification_id: String,
    /// Identifies the event among those of its verification.
    pub mark: String,
    /// How far the verification has come. `None` if the gateway does not know the event.
    pub progress: Option<VerificationProgress>,
    /// The profile of the send, if it is known.
    pub profile_id: Option<String>,
    /// The channel of the send, if it is known.
    pub channel: Option<Channel>,
    /// The country of the phone number, if it is known.
    pub country: Option<Country>,
    /// When the gateway learned of it, by the clock of the store.
    pub time: Timestamp,
}

impl VerificationEvent {
    pub(super) fn to_json(&self) -> Box<[u8]> {
        serde_json::to_vec(self).expect("events are plain data").into()
    }

    pub(super) fn from_json(bytes: &[u8]) -> Result<Self, store::Error> {
        serde_json::from_slice(bytes).map_err(|error| store::Error::Unreadable(error.into()))
    }
}
