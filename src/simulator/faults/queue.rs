//! The faults that are set, and which of them happens to a request.

use std::{
    collections::{HashSet, VecDeque},
    num::NonZeroU32,
};

use http::Method;

use super::{
    fault::{Fault, RequestSummary},
    magic_numbers::MagicNumber,
};
use crate::simulator::account::AccountKey;

/// The faults that are set, oldest first.
#[derive(Default)]
pub(in crate::simulator) struct FaultQueue {
    queue: VecDeque<Fault>,
    /// The accounts in which a magic number with `once` has failed.
    spent: HashSet<(AccountKey, &'static str)>,
}

impl FaultQueue {
    /// Adds a fault, which happens once unless it says otherwise.
    pub(in crate::simulator) fn push(&mut self, mut fault: Fault) {
        fault.times.get_or_insert(NonZeroU32::MIN);
        self.queue.push_back(fault);
    }

    /// Removes the faults of an account, or all.
    pub(in crate::simulator) fn clear(&mut self, key: Option<AccountKey>) {
        self.queue.retain(|fault| key.is_some() && fault.key != key);
    }

    /// Removes the faults of an account, and lets its magic numbers with `once` fail again.
    pub(in crate::simulator) fn remove_account(&mut self, key: AccountKey) {
        self.clear(Some(key));
        self.spent.retain(|(of, _)| *of != key);
    }

    /// The faults of an account, or all.
    pub(in crate::simulator) fn list(&self, key: Option<AccountKey>) -> Vec<Fault> {
        self.queue.iter().filter(|fault| key.is_none() || fault.key == key).cloned().collect()
    }

    /// The fault that happens to `request`. It uses up one of its times.
    pub(in crate::simulator) fn take(&mut self, request: &RequestSummary<'_>) -> Option<Fault> {
        if let Some(at) = self.queue.iter().position(|fault| fault.matches(request)) {
            let fault = self.queue.get_mut(at)?;
            fault.times = fault.times.and_then(|times| NonZeroU32::new(times.get() - 1));
            return if fault.times.is_none() { self.queue.remove(at) } else { Some(fault.clone()) };
        }
        let number = MagicNumber::find(request.phone.filter(|_| sends(request))?)?;
        let happens = !number.once || self.spent.insert((request.key?, number.number));
        number.fault().filter(|_| happens)
    }
}

/// Whether a request starts a verification.
fn sends(request: &RequestSummary<'_>) -> bool {
    let channel = request.path.strip_prefix("/verifications/");
    request.method == Method::POST && channel.is_some_and(|channel| !channel.contains('/'))
}
