//! From a send to its accepted code.

use std::{
    collections::VecDeque,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use hashbrown::{HashTable, hash_table::Entry};
use tokio::time::Instant;

use crate::{
    domain::{TenantId, VerificationRef},
    sync::Mutex,
    telnyx::Channel,
};

/// How many sends are kept: some ten megabytes, and more than ten minutes at a hundred sends a second.
const MAX_SENDS: usize = 65_536;

/// The recent sends of this process, by keyed hashes of their verification keys. Phone numbers and IDs are not kept.
#[derive(Default)]
pub(super) struct Conversions {
    hash: RandomState,
    recent: Mutex<RecentSends>,
}

#[derive(Default)]
struct RecentSends {
    by_key: HashTable<RecentSend>,
    /// The keys, oldest first. The oldest are dropped first.
    order: VecDeque<u64>,
}

/// A send under one of its keys.
struct RecentSend {
    key: u64,
    channel: Channel,
    at: Instant,
}

impl RecentSends {
    fn take(&mut self, key: u64) -> Option<RecentSend> {
        self.by_key.find_entry(key, |send| send.key == key).ok().map(|entry| entry.remove().0)
    }
}

impl Conversions {
    fn hash(&self, tenant: &TenantId, key: &VerificationRef) -> u64 {
        match key {
            VerificationRef::Id(id) => self.hash.hash_one((tenant, id)),
            VerificationRef::PhoneNumber { phone_number, profile_id } => {
                self.hash.hash_one((tenant, phone_number.as_e164(), profile_id))
            }
        }
    }

    /// Records a send under every key that it may be checked by.
    pub(super) fn record(&self, tenant: &TenantId, keys: [&VerificationRef; 2], channel: Channel) {
        let now = Instant::now();
        let keys = keys.map(|key| self.hash(tenant, key));
        let mut recent = self.recent.lock();
        for key in keys {
            let send = RecentSend { key, channel, at: now };
            match recent.by_key.entry(key, |other| other.key == key, |other| other.key) {
                Entry::Occupied(mut entry) => *entry.get_mut() = send,
                Entry::Vacant(entry) => {
                    entry.insert(send);
                    recent.order.push_back(key);
                }
            }
        }
        while recent.order.len() > 2 * MAX_SENDS {
            if let Some(oldest) = recent.order.pop_front() {
                recent.take(oldest);
            }
        }
    }

    /// The channel of the send whose code was accepted, and how long ago it was sent. The second call finds nothing.
    pub(super) fn take(&self, tenant: &TenantId, key: &VerificationRef) -> Option<(Channel, Duration)> {
        let RecentSend { channel, at, .. } = self.recent.lock().take(self.hash(tenant, key))?;
        Some((channel, at.elapsed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PhoneNumber;

    fn by_phone(profile_id: &str) -> VerificationRef {
        let phone_number = PhoneNumber::parse("+13035551234").unwrap();
        VerificationRef::PhoneNumber { phone_number, profile_id: profile_id.to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_send_is_found_by_both_keys_and_by_no_other_tenant() {
        let (a, b) = (TenantId::new("a").unwrap(), TenantId::new("b").unwrap());
        let (conversions, id) = (Conversions::default(), &VerificationRef::Id("v1".into()));
        conversions.record(&a, [id, &by_phone("p")], Channel::Call);
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(conversions.take(&b, id), None);
        assert_eq!(conversions.take(&a, &by_phone("q")), None);
        let found = Some((Channel::Call, Duration::from_secs(7)));
        assert_eq!(conversions.take(&a, id), found);
        assert_eq!(conversions.take(&a, &by_phone("p")), found);
        assert_eq!(conversions.take(&a, id), None);
    }

    #[test]
    fn the_number_of_kept_sends_is_bounded() {
        let tenant = TenantId::new("a").unwrap();
        let conversions = Conversions::default();
        for number in 0..MAX_SENDS + 10 {
            let id = number.to_string();
            conversions.record(&tenant, [&VerificationRef::Id(id.clone()), &by_phone(&id)], Channel::Sms);
        }
        let recent = conversions.recent.lock();
        assert_eq!((recent.order.len(), recent.by_key.len()), (2 * MAX_SENDS, 2 * MAX_SENDS));
    }
}
