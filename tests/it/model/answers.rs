//! The answers to callers, and a comparison with what happened.

use std::collections::BTreeMap;

use verify_gateway::{domain::Error, pb::ErrorReason, services::Origin as AnswerOrigin, telnyx::Channel};

use super::truth::Truth;

/// An operation that a caller requests.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Names the operation in the truth. A call without a request ID is an operation of its own.
    pub tag: u64,
    pub request_id: Option<uuid::Uuid>,
    pub tenant: usize,
    pub phone: &'static str,
    pub channel: Channel,
    pub timeout_secs: Option<u64>,
    pub custom_code: Option<&'static str>,
}

/// The answers to callers.
#[derive(Default)]
pub struct Answers {
    calls: Vec<(Operation, Reply)>,
}

#[derive(Clone, Debug)]
enum Reply {
    /// The verification with this ID is the operation's own.
    Sent(String),
    /// An equal operation has sent the verification with this ID.
    Duplicate(String),
    /// Nothing was sent.
    NotSent(ErrorReason),
    Unknown,
}

/// The reasons that say that a call sent nothing.
const NOT_SENT: [ErrorReason; 5] = [
    ErrorReason::DeadlineExceeded,
    ErrorReason::UpstreamUnavailable,
    ErrorReason::UpstreamRateLimited,
    ErrorReason::GatewayOverloaded,
    ErrorReason::StoreUnavailable,
];

impl Answers {
    pub fn record(&mut self, operation: Operation, id: String, origin: AnswerOrigin) {
        let reply = if origin == AnswerOrigin::Duplicate { Reply::Duplicate(id) } else { Reply::Sent(id) };
        self.calls.push((operation, reply));
    }

    pub fn record_failure(&mut self, operation: Operation, error: Option<&Error>) {
        let reason = error.map(|error| error.reason).filter(|reason| NOT_SENT.contains(reason));
        self.calls.push((operation, reason.map_or(Reply::Unknown, Reply::NotSent)));
    }

    /// Compares the answers with the truth. `keeps_records` says that no store lost its records.
    pub fn check(&self, truth: &Truth, keeps_records: bool) -> Result<(), String> {
        let mut answered = BTreeMap::new();
        for (operation, reply) in &self.calls {
            let of_this_operation = truth.messages_of(operation.tag);
            let is_true = match reply {
                Reply::Sent(id) => {
                    answered.insert(operation.tag, id);
                    // Without records, nothing distinguishes operations of which one has no timeout.
                    let like = |one: &Operation| (one.phone, one.channel, one.custom_code);
                    let is_like = || truth.sent(id).is_some_and(|other| like(other) == like(operation));
                    of_this_operation.contains(id) || (!keeps_records && is_like())
                }
                Reply::Duplicate(id) => truth.sent(id).is_some_and(|other| is_equal(other, operation)),
                // Another call of the same operation may have sent it.
                Reply::NotSent(_) => operation.request_id.is_some() || of_this_operation.is_empty(),
                Reply::Unknown => true,
            };
            if !is_true {
                let reason = if let Reply::NotSent(reason) = reply { reason.as_str_name() } else { "" };
                return Err(format!("{operation:?} got {reply:?} {reason}, but sent {of_this_operation:?}: {truth:?}"));
            }
            let is_missing = operation.request_id.is_some() && !answered.contains_key(&operation.tag);
            let driven =
                self.calls.iter().any(|(other, reply)| other.tag == operation.tag && matches!(reply, Reply::Sent(_)));
            if keeps_records && is_missing && !driven {
                return Err(format!("{operation:?} has no answer"));
            }
            if keeps_records && of_this_operation.len() > 1 {
                return Err(format!("{operation:?} sent {of_this_operation:?}"));
            }
        }
        Ok(())
    }
}

/// Whether two operations ask for the same message. One without a timeout takes that of the profile.
fn is_equal(one: &Operation, other: &Operation) -> bool {
    let content = |one: &Operation| (one.phone, one.channel, one.timeout_secs.unwrap_or(300), one.custom_code);
    content(one) == content(other)
}
