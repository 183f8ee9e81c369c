//! Verifications, kept up to a number.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;

use super::key::Key;
use crate::telnyx::{self, Channel, Time, VerificationStatus};

/// What has become of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Pending,
    Accepted,
    Invalid,
    Expired,
    Error,
}

impl From<Status> for VerificationStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Accepted => Self::Accepted,
            Status::Invalid => Self::Invalid,
            Status::Expired => Self::Expired,
            Status::Error => Self::Error,
        }
    }
}

/// A verification.
pub(super) struct Record {
    pub(super) key: Key,
    pub(super) id: String,
    pub(super) channel: Channel,
    pub(super) phone: String,
    pub(super) profile_id: String,
    pub(super) timeout_secs: u64,
    /// None for a keypad confirmation.
    pub(super) code: Option<String>,
    /// Whether the caller made the code.
    pub(super) custom: bool,
    /// Wrong codes, or wrong keys, so far.
    pub(super) failed_attempts: u32,
    /// What it was last decided to be; time may have expired it since, see [`status`](Self::status).
    decided: Status,
    pub(super) created_at: Timestamp,
    updated_at: Timestamp,
    expires_at: Timestamp,
}

/// What a new verification is made of.
pub(super) struct New {
    pub(super) key: Key,
    pub(super) id: String,
    pub(super) channel: Channel,
    pub(super) phone: String,
    pub(super) profile_id: String,
    pub(super) timeout_secs: u64,
    pub(super) code: Option<String>,
    pub(super) custom: bool,
}

impl Record {
    pub(super) fn new(new: New, now: Timestamp) -> Self {
        let New { key, id, channel, phone, profile_id, timeout_secs, code, custom } = new;
        let lifetime = jiff::SignedDuration::from_secs(timeout_secs.try_into().unwrap_or(i64::MAX));
        Self {
            key,
            id,
            channel,
            phone,
            profile_id,
            timeout_secs,
            code,
            custom,
            failed_attempts: 0,
            decided: Status::Pending,
            created_at: now,
            updated_at: now,
            expires_at: now.saturating_add(lifetime).unwrap_or(Timestamp::MAX),
        }
    }

    pub(super) fn status(&self, now: Timestamp) -> Status {
        if self.decided == Status::Pending && now >= self.expires_at { Status::Expired } else { self.decided }
    }

    pub(super) fn decide(&mut self, status: Status, now: Timestamp) {
        self.decided = status;
        self.updated_at = now;
    }

    pub(super) fn view(&self, now: Timestamp) -> telnyx::Verification {
        let status = self.status(now);
        let expired = status == Status::Expired && self.decided == Status::Pending;
        telnyx::Verification {
            id: Some(self.id.clone()),
            record_type: Some("verification".to_owned()),
            channel: Some(self.channel.as_str().to_owned()),
            status: Some(status.into()),
            phone_number: Some(self.phone.clone()),
            verify_profile_id: Some(self.profile_id.clone()),
            timeout_secs: Some(self.timeout_secs),
            custom_code: self.code.clone().filter(|_| self.custom),
            created_at: Some(Time(self.created_at)),
            updated_at: Some(Time(if expired { self.expires_at } else { self.updated_at })),
        }
    }
}

/// All verifications of all accounts, in the order of their creation.
#[derive(Default)]
pub(super) struct Records {
    next: u64,
    all: BTreeMap<u64, Record>,
    by_id: HashMap<String, u64>,
    by_phone: HashMap<(Key, String), VecDeque<u64>>,
}

impl Records {
    /// Adds `record`, and forgets the oldest beyond `keep`.
    pub(super) fn insert(&mut self, record: Record, keep: usize) {
        while self.all.len() >= keep {
            let Some((&oldest, _)) = self.all.first_key_value() else { break };
            self.remove(oldest);
        }
        let number = self.next;
        self.next += 1;
        self.by_id.insert(record.id.clone(), number);
        self.by_phone.entry((record.key, record.phone.clone())).or_default().push_back(number);
        self.all.insert(number, record);
    }

    /// The verification `id` of any account.
    pub(super) fn find(&mut self, id: &str) -> Option<&mut Record> {
        self.all.get_mut(self.by_id.get(id)?)
    }

    /// The verification `id` of the account of `key`.
    pub(super) fn get(&mut self, key: Key, id: &str) -> Option<&mut Record> {
        self.find(id).filter(|record| record.key == key)
    }

    /// The verifications of a phone number, oldest first.
    pub(super) fn of_phone(&self, key: Key, phone: &str) -> impl DoubleEndedIterator<Item = &Record> {
        let numbers = self.by_phone.get(&(key, phone.to_owned()));
        numbers.into_iter().flatten().filter_map(|number| self.all.get(number))
    }

    /// The pending verifications of a profile.
    pub(super) fn pending(&self, key: Key, profile_id: &str, now: Timestamp) -> Vec<u64> {
        let of_profile = |record: &Record| record.key == key && record.profile_id == profile_id;
        let pending = self.all.iter().filter(|(_, record)| of_profile(record) && record.status(now) == Status::Pending);
        pending.map(|(&number, _)| number).collect()
    }

    /// Forgets a verification, by the number that [`pending`](Self::pending) gave.
    pub(super) fn remove(&mut self, number: u64) {
        let Some(record) = self.all.remove(&number) else { return };
        self.by_id.remove(&record.id);
        let phone = (record.key, record.phone);
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
        let mut records = Records::default();
        let key = Key::of("KEY");
        for id in 0..5 {
            let new = New {
                key,
                id: id.to_string(),
                channel: Channel::Sms,
                phone: format!("+1303555123{}", id % 2),
                profile_id: String::new(),
                timeout_secs: 300,
                code: None,
                custom: false,
            };
            records.insert(Record::new(new, Timestamp::UNIX_EPOCH), 2);
        }
        assert_eq!(records.all.len(), 2);
        assert_eq!(records.by_id.len(), 2);
        assert_eq!(records.by_phone.values().map(VecDeque::len).sum::<usize>(), 2);
        assert!(records.get(key, "2").is_none());
        assert!(records.get(key, "4").is_some());
        assert!(records.get(Key::of("OTHER"), "4").is_none());
    }
}
