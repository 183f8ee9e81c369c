//! An event.

use jiff::Timestamp;

use super::progress::VerificationProgress;
use crate::{domain::Country, telnyx::Channel};

/// An event of a verification.
#[derive(Clone)]
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
