//! From a send to its accepted code.

use std::{
    collections::{HashMap, VecDeque, hash_map::RandomState},
    hash::BuildHasher,
    time::Duration,
};

use tokio::time::Instant;

use crate::{domain::TenantId, sync::Mutex, telnyx::Channel};

/// How many sends are remembered: some ten megabytes, and at a hundred sends a second more than ten minutes.
const MAX: usize = 65_536;

/// The sends that this process has made lately. A verification is known by a keyed hash of its names only: neither
/// phone numbers nor ids stay in memory.
pub(super) struct Sends {
    hash: RandomState,
    recent: Mutex<Recent>,
}

#[derive(Default)]
struct Recent {
    by_name: HashMap<u64, (Channel, Instant)>,
    /// The names in the order of the sends, of which the oldest are forgotten first.
    order: VecDeque<u64>,
}

/// By what a check names the verification that it belongs to.
#[derive(Clone, Copy, Debug, Hash)]
pub enum Verified<'a> {
    /// Its id.
    Id(&'a str),
    /// Its phone number and profile.
    Phone(&'a str, &'a str),
}

impl Sends {
    pub(super) fn new() -> Self {
        Self { hash: RandomState::new(), recent: Mutex::default() }
    }

    fn name(&self, tenant: &TenantId, verified: Verified<'_>) -> u64 {
        self.hash.hash_one((tenant, verified))
    }

    /// Notes a send, by every name that it may be checked by.
    pub(super) fn note(&self, tenant: &TenantId, names: [Verified<'_>; 2], channel: Channel) {
        let now = Instant::now();
        let names = names.map(|name| self.name(tenant, name));
        let mut recent = self.recent.lock();
        for name in names {
            if recent.by_name.insert(name, (channel, now)).is_none() {
                recent.order.push_back(name);
            }
        }
        while recent.order.len() > 2 * MAX {
            if let Some(oldest) = recent.order.pop_front() {
                recent.by_name.remove(&oldest);
            }
        }
    }

    /// The channel of the send whose code was accepted, and how long ago it was. It is told once.
    pub(super) fn take(&self, tenant: &TenantId, name: Verified<'_>) -> Option<(Channel, Duration)> {
        let name = self.name(tenant, name);
        let mut recent = self.recent.lock();
        let (channel, sent) = recent.by_name.remove(&name)?;
        Some((channel, sent.elapsed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_send_is_found_by_both_its_names_and_by_no_other_tenant() {
        let (a, b) = (TenantId::new("a").unwrap(), TenantId::new("b").unwrap());
        let sends = Sends::new();
        sends.note(&a, [Verified::Id("v1"), Verified::Phone("+1", "p")], Channel::Call);
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(sends.take(&b, Verified::Id("v1")), None);
        assert_eq!(sends.take(&a, Verified::Phone("+1", "q")), None);
        let found = Some((Channel::Call, Duration::from_secs(7)));
        assert_eq!(sends.take(&a, Verified::Id("v1")), found);
        assert_eq!(sends.take(&a, Verified::Phone("+1", "p")), found);
        assert_eq!(sends.take(&a, Verified::Id("v1")), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let tenant = TenantId::new("a").unwrap();
        let sends = Sends::new();
        for number in 0..MAX + 10 {
            let id = number.to_string();
            sends.note(&tenant, [Verified::Id(&id), Verified::Phone(&id, "p")], Channel::Sms);
        }
        let recent = sends.recent.lock();
        assert_eq!((recent.order.len(), recent.by_name.len()), (2 * MAX, 2 * MAX));
    }
}
