//! What callers were told, and whether it is true.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;
use verify_gateway::{pb::ErrorReason, simulator::Handle, telnyx::Channel};

/// What a caller wants to happen once.
#[derive(Clone, Copy)]
pub struct Intent {
    pub request_id: Option<Uuid>,
    pub phone: &'static str,
    pub channel: Channel,
    pub timeout_secs: Option<u64>,
}

/// What callers were told.
#[derive(Default)]
pub struct Told {
    /// The verifications that the calls of a name were answered with.
    named: BTreeMap<Uuid, BTreeSet<String>>,
    nameless: Vec<String>,
    /// Calls without a name whose callers don't know what became of them.
    unknown: usize,
}

impl Told {
    pub fn note(&mut self, intent: Intent, id: String) {
        match intent.request_id {
            Some(name) => _ = self.named.entry(name).or_default().insert(id),
            None => self.nameless.push(id),
        }
    }

    pub fn note_failure(&mut self, intent: Intent, reason: Option<ErrorReason>) {
        let knows = matches!(
            reason,
            Some(
                ErrorReason::DeadlineExceeded
                    | ErrorReason::UpstreamUnavailable
                    | ErrorReason::UpstreamRateLimited
                    | ErrorReason::GatewayOverloaded
                    | ErrorReason::StoreUnavailable
            )
        );
        if intent.request_id.is_none() && !knows {
            self.unknown += 1;
        }
    }

    /// Compares what was told with what was sent.
    ///
    /// An end that is not noted is nobody's once its gateway is killed. What has no name is told nevertheless, and an older
    /// intent in doubt may take it: better that than a second message.
    pub fn check(self, simulator: &Handle, record_write_failures: usize) -> Result<(), String> {
        let messages = simulator.messages();
        let sent: BTreeSet<&str> = messages.iter().map(|message| message.verification_id.as_str()).collect();
        let several = self.named.iter().find(|(_, ids)| ids.len() != 1);
        if let Some((name, ids)) = several {
            return Err(format!("{name} was answered with {ids:?}"));
        }
        let of_named: BTreeSet<&str> = self.named.values().flatten().map(String::as_str).collect();
        let distinct: BTreeSet<&str> =
            of_named.iter().copied().chain(self.nameless.iter().map(String::as_str)).collect();
        let shared = self.named.len() + self.nameless.len() - distinct.len();
        if of_named.len() != self.named.len() || shared > record_write_failures {
            let (named, nameless) = (&self.named, &self.nameless);
            return Err(format!("two intents share a message: {named:?} and {nameless:?}"));
        }
        if let Some(untrue) = distinct.iter().find(|id| !sent.contains(**id)) {
            return Err(format!("{untrue} was never sent"));
        }
        let (all, told) = (messages.len(), distinct.len());
        if all < told || all > told + self.unknown {
            let (named, nameless) = (&self.named, &self.nameless);
            let counts = format!("{all} messages for {told} intents and {} unknown ones", self.unknown);
            return Err(format!("{counts}: {sent:?} of {named:?} and {nameless:?}"));
        }
        Ok(())
    }
}
