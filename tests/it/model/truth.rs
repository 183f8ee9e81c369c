//! What happened upstream: which operation sent which message, and which codes were right.
//!
//! Each operation has an API key of its own, which ends with its tag. All keys belong to one account: the origin replaces
//! them by its key, so neither the gateway nor the simulator can decide by the tag.

use std::{collections::BTreeMap, fmt};

use super::answers::Operation;

/// What happened upstream.
#[derive(Default)]
pub struct Truth {
    operations: BTreeMap<u64, Operation>,
    /// The tags of the operations, by verification ID.
    sent: BTreeMap<String, u64>,
}

impl Truth {
    pub fn expect(&mut self, operation: Operation) {
        self.operations.insert(operation.tag, operation);
    }

    pub fn record(&mut self, id: String, tag: u64) {
        self.sent.insert(id, tag);
    }

    /// The operation that sent a verification.
    pub fn sent(&self, id: &str) -> Option<&Operation> {
        self.operations.get(self.sent.get(id)?)
    }

    pub fn messages_of(&self, tag: u64) -> Vec<String> {
        self.sent.iter().filter(|(_, sender)| **sender == tag).map(|(id, _)| id.clone()).collect()
    }
}

impl fmt::Debug for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.sent.iter()).finish()
    }
}
