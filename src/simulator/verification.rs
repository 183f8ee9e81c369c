//! Verifications, up to a number of them.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::{
    account::AccountKey,
    webhook::{MessageDelivery, MessageOutcome},
};
use crate::telnyx::{Channel, Time, Verification, VerificationStatus};

/// What starts a verification.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct NewVerification {
    pub(super) key: AccountKey,
    pub(super) id: String,
    pub(super) channel: Channel,
    pub(super) phone: String,
    pub(super) profile_id: String,
    pub(super) timeout_secs: u64,
    /// None for a keypad confirmation.
    pub(super) code: Option<String>,
    /// What the person reads or hears.
    pub(super) text: String,
    /// Whether the caller made the code.
    pub(super) custom: bool,
    pub(super) delivery: MessageDelivery,
}

/// A verification and its state.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct SimulatedVerification {
    pub(super) new: NewVerification,
    /// Wrong codes, or wrong keys, so far.
    pub(super) failed_attempts: u32,
    /// The last decision. [`status`](Self::status) adds expiry.
    #[serde(deserialize_with = "read_status")]
    decided: VerificationStatus,
    /// Whether no webhook has been planned for the decision.
    is_news: bool,
    pub(super) created_at: Timestamp,
    updated_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

fn read_status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<VerificationStatus, D::Error> {
    String::deserialize(deserializer).map(VerificationStatus::from)
}

impl SimulatedVerification {
    pub(super) fn new(new: NewVerification, now: Timestamp) -> Self {
        let lifetime = jiff::SignedDuration::from_secs(new.timeout_secs.try_into().unwrap_or(i64::MAX));
        Self {
            new,
            failed_attempts: 0,
            decided: VerificationStatus::Pending,
            is_news: false,
            created_at: now,
            updated_at: now,
            expires_at: now.saturating_add(lifetime).unwrap_or(Timestamp::MAX),
        }
    }

    pub(super) fn status(&self, now: Timestamp) -> VerificationStatus {
        if self.has_expired(now) { VerificationStatus::Expired } else { self.decided.clone() }
    }

    /// Whether it has expired on its own.
    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.decided == VerificationStatus::Pending && now >= self.expires_at
    }

    /// Whether it has been decided since the last call.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.is_news)
    }

    /// The delivery of its message so far, as webhooks name it. None if no webhook has said anything.
    pub(super) fn delivery_status(&self, now: Timestamp) -> Option<&'static str> {
        let MessageDelivery { outcome, after_secs } = self.new.delivery;
        let passed = now.duration_since(self.created_at).as_secs() >= after_secs.into();
        match outcome {
            _ if self.new.channel == Channel::DtmfConfirm => None,
            MessageOutcome::Silent => None,
            MessageOutcome::SendingFailed if !passed => None,
            _ if !passed => Some("sent"),
            outcome => Some(outcome.as_str()),
        }
    }

    pub(super) fn decide(&mut self, status: VerificationStatus, now: Timestamp) {
        self.decided = status;
        self.is_news = true;
        self.updated_at = now;
    }

    pub(super) fn view(&self, now: Timestamp) -> Verification {
        let status = self.status(now);
        let expired = self.has_expired(now);
        Verification {
            id: Some(self.new.id.clone()),
            record_type: Some("verification".to_owned()),
            channel: Some(self.new.channel.as_str().to_owned()),
            status: Some(status),
            phone_number: Some(self.new.phone.clone()),
            verify_profile_id: Some(self.new.profile_id.clone()),
            timeout_secs: Some(self.new.timeout_secs),
            custom_code: self.new.code.clone().filter(|_| self.new.custom),
            created_at: Some(Time(self.created_at)),
            updated_at: Some(Time(if expired { self.expires_at } else { self.updated_at })),
        }
    }
}

/// All verifications of all accounts, in the order of their creation.
#[derive(Default)]
pub(super) struct VerificationTable {
    next: u64,
    all: BTreeMap<u64, SimulatedVerification>,
    by_id: HashMap<String, u64>,
    by_phone: HashMap<(AccountKey, String), VecDeque<u64>>,
}

impl VerificationTable {
    /// Adds `verification`, and forgets the oldest beyond `keep`.
    pub(super) fn insert(&mut self, verification: SimulatedVerification, keep: usize) {
        while self.all.len() >= keep {
            let Some((&oldest, _)) = self.all.first_key_value() else { break };
            self.remove(oldest);
        }
        let number = self.next;
        self.next += 1;
        self.by_id.insert(verification.new.id.clone(), number);
        self.by_phone.entry((verification.new.key, verification.new.phone.clone())).or_default().push_back(number);
        self.all.insert(number, verification);
    }

    /// All verifications, newest first.
    pub(super) fn newest(&self) -> impl Iterator<Item = &SimulatedVerification> {
        self.all.values().rev()
    }

    /// All verifications, oldest first.
    pub(super) fn oldest(&self) -> impl Iterator<Item = &SimulatedVerification> {
        self.all.values()
    }

    /// The verification `id` of any account.
    pub(super) fn find(&mut self, id: &str) -> Option<&mut SimulatedVerification> {
        self.all.get_mut(self.by_id.get(id)?)
    }

    /// The verification `id` of the account of `key`.
    pub(super) fn get(&mut self, key: AccountKey, id: &str) -> Option<&mut SimulatedVerification> {
        self.find(id).filter(|verification| verification.new.key == key)
    }

    /// The verifications of a phone number, oldest first.
    pub(super) fn of_phone(
        &self,
        key: AccountKey,
        phone: &str,
    ) -> impl DoubleEndedIterator<Item = &SimulatedVerification> {
        let numbers = self.by_phone.get(&(key, phone.to_owned()));
        numbers.into_iter().flatten().filter_map(|number| self.all.get(number))
    }

    /// The pending verifications of a profile.
    pub(super) fn pending(&self, key: AccountKey, profile_id: &str, now: Timestamp) -> Vec<u64> {
        let is_pending = |verification: &SimulatedVerification| {
            verification.new.key == key
                && verification.new.profile_id == profile_id
                && verification.status(now) == VerificationStatus::Pending
        };
        self.all.iter().filter(|(_, verification)| is_pending(verification)).map(|(&number, _)| number).collect()
    }

    /// Removes the verifications of an account.
    pub(super) fn remove_account(&mut self, key: AccountKey) {
        let of_account = self.all.iter().filter(|(_, verification)| verification.new.key == key);
        for number in of_account.map(|(&number, _)| number).collect::<Vec<_>>() {
            self.remove(number);
        }
    }

    /// Forgets a verification, by the number that [`pending`](Self::pending) gave.
    pub(super) fn remove(&mut self, number: u64) {
        let Some(verification) = self.all.remove(&number) else { return };
        self.by_id.remove(&verification.new.id);
        let phone = (verification.new.key, verification.new.phone);
        if let Some(numbers) = self.by_phone.get_mut(&phone) {
            numbers.retain(|&other| other != number);
            if numbers.is_empty() {
                self.by_phone.remove(&phone);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_everywhere() {
        let mut table = VerificationTable::default();
        let key = AccountKey::of("KEY");
        for id in 0..5 {
            let new = NewVerification {
                key,
                id: id.to_string(),
                channel: Channel::Sms,
                phone: format!("+1303555123{}", id % 2),
                profile_id: String::new(),
                timeout_secs: 300,
                code: None,
                text: String::new(),
                custom: false,
                delivery: MessageDelivery { outcome: MessageOutcome::Silent, after_secs: 0 },
            };
            table.insert(SimulatedVerification::new(new, Timestamp::UNIX_EPOCH), 2);
        }
        assert_eq!(table.all.len(), 2);
        assert_eq!(table.by_id.len(), 2);
        assert_eq!(table.by_phone.values().map(VecDeque::len).sum::<usize>(), 2);
        assert!(table.get(key, "2").is_none());
        assert!(table.get(key, "4").is_some());
        assert!(table.get(AccountKey::of("OTHER"), "4").is_none());
    }
}
