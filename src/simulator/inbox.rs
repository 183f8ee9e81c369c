//! What the page shows of a verification: its message, who sent it, and its state.

use jiff::Timestamp;
use serde::Serialize;

use super::{account::AccountKey, state::SimulatorState, verification::SimulatedVerification};
use crate::telnyx::VerificationStatus;

/// A verification with its message. It is not `Debug`: it holds a phone number and a code.
#[derive(Serialize)]
pub(super) struct InboxEntry {
    phone_number: String,
    channel: &'static str,
    text: String,
    code: Option<String>,
    account: String,
    profile_id: String,
    /// None if the profile was deleted.
    profile_name: Option<String>,
    verification_id: String,
    status: VerificationStatus,
    /// Whether it reaches the phone.
    delivered: bool,
    /// The delivery so far, as webhooks name it.
    delivery_status: Option<&'static str>,
    sent_at: Timestamp,
    expires_at: Timestamp,
}

impl SimulatorState {
    /// The newest verifications of all accounts, newest first.
    pub(super) fn inbox(&self, limit: usize) -> Vec<InboxEntry> {
        self.verifications.newest().take(limit).map(|verification| self.entry(verification)).collect()
    }

    fn entry(&self, verification: &SimulatedVerification) -> InboxEntry {
        let new = &verification.new;
        let now = self.now(Some(new.key));
        InboxEntry {
            phone_number: new.phone.clone(),
            channel: new.channel.as_str(),
            text: new.text.clone(),
            code: new.code.clone(),
            account: new.key.to_string(),
            profile_id: new.profile_id.clone(),
            profile_name: self.profile_name(new.key, &new.profile_id),
            verification_id: new.id.clone(),
            status: verification.status(now),
            delivered: new.delivery.outcome.arrives(),
            delivery_status: verification.delivery_status(now),
            sent_at: verification.created_at,
            expires_at: verification.expires_at,
        }
    }

    fn profile_name(&self, key: AccountKey, id: &str) -> Option<String> {
        Some(self.accounts.get(&key)?.profile(id)?.name().to_owned())
    }
}
