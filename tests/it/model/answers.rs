//! The answers that callers got, and a comparison with the messages that were sent.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;
use verify_gateway::{pb::ErrorReason, simulator::Handle, telnyx::Channel};

/// An operation that a caller requests.
#[derive(Clone, Copy)]
pub struct Operation {
    pub request_id: Option<Uuid>,
    pub phone: &'static str,
    pub channel: Channel,
    pub timeout_secs: Option<u64>,
}

/// The answers that callers got.
#[derive(Default)]
pub struct Answers {
    /// The verification IDs that the calls with each request ID returned.
    by_request_id: BTreeMap<Uuid, BTreeSet<String>>,
    without_request_id: Vec<String>,
    /// The number of calls without a request ID whose outcome is unknown to the caller.
    unknown: usize,
}

impl Answers {
    pub fn record(&mut self, operation: Operation, id: String) {
        match operation.request_id {
            Some(request_id) => _ = self.by_request_id.entry(request_id).or_default().insert(id),
            None => self.without_request_id.push(id),
        }
    }

    pub fn record_failure(&mut self, operation: Operation, reason: Option<ErrorReason>) {
        // These reasons say that nothing was sent.
        let is_without_effect = matches!(
            reason,
            Some(
                ErrorReason::DeadlineExceeded
                    | ErrorReason::UpstreamUnavailable
                    | ErrorReason::UpstreamRateLimited
                    | ErrorReason::GatewayOverloaded
                    | ErrorReason::StoreUnavailable
            )
        );
        if operation.request_id.is_none() && !is_without_effect {
            self.unknown += 1;
        }
    }

    /// Compares the answers with the messages that were sent.
    ///
    /// An outcome that is not persisted is lost when its gateway is killed. A send without a request ID is answered
    /// all the same, so an older unresolved send may claim its message. The alternative is a second message.
    pub fn check(self, simulator: &Handle, record_write_failures: usize) -> Result<(), String> {
        let messages = simulator.messages();
        let sent: BTreeSet<&str> = messages.iter().map(|message| message.verification_id.as_str()).collect();
        let several = self.by_request_id.iter().find(|(_, ids)| ids.len() != 1);
        if let Some((request_id, ids)) = several {
            return Err(format!("{request_id} was answered with {ids:?}"));
        }
        let identified: BTreeSet<&str> = self.by_request_id.values().flatten().map(String::as_str).collect();
        let distinct: BTreeSet<&str> =
            identified.iter().copied().chain(self.without_request_id.iter().map(String::as_str)).collect();
        let shared = self.by_request_id.len() + self.without_request_id.len() - distinct.len();
        if identified.len() != self.by_request_id.len() || shared > record_write_failures {
            let (by_request_id, without_request_id) = (&self.by_request_id, &self.without_request_id);
            return Err(format!("two operations share a message: {by_request_id:?} and {without_request_id:?}"));
        }
        if let Some(untrue) = distinct.iter().find(|id| !sent.contains(**id)) {
            return Err(format!("{untrue} was never sent"));
        }
        let (all, answered) = (messages.len(), distinct.len());
        if all < answered || all > answered + self.unknown {
            let (by_request_id, without_request_id) = (&self.by_request_id, &self.without_request_id);
            let counts = format!("{all} messages for {answered} operations and {} unknown ones", self.unknown);
            return Err(format!("{counts}: {sent:?} of {by_request_id:?} and {without_request_id:?}"));
        }
        Ok(())
    }
}
