//! What the store remembers of an intent, and of the place where its trace would be found.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is known of a `request_id`.
#[derive(Deserialize, Serialize)]
pub(super) struct Named<A> {
    /// Of the request's content: the same id must not name another one.
    pub(super) fingerprint: String,
    pub(super) state: State<A>,
}

/// How far a named intent has come.
#[derive(Deserialize, Serialize)]
pub(super) enum State<A> {
    /// Somebody is at it until `lease`. After that it is in doubt: who was at it left it so, or is no more.
    Open { lease: Timestamp, trace: Trace },
    /// It is done, and this is the answer.
    Done(A),
}

/// When a message of an intent may have been sent.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Trace {
    /// Not before.
    pub(super) since: Timestamp,
    /// The end of the last request that may have sent it, where somebody saw that end.
    pub(super) ended: Option<Timestamp>,
    /// What was there before it and looks the same, by id; none where that was not asked yet.
    pub(super) before: Option<Vec<String>>,
}

/// What lately happened at one target: one phone number, profile and channel, for one.
///
/// Sends to one target come one after the other. Two at once, with both answers lost, could not be told apart.
#[derive(Default, Deserialize, Serialize)]
pub(super) struct Target {
    holder: Option<Holder>,
    /// Who may come back to look for its trace.
    doubts: Vec<Doubt>,
    pub(super) taken: Vec<Taken>,
}

#[derive(Deserialize, Serialize)]
struct Holder {
    intent: String,
    since: Timestamp,
    lease: Timestamp,
}

#[derive(Deserialize, Serialize)]
struct Doubt {
    intent: String,
    since: Timestamp,
    ended: Timestamp,
}

/// A message that is known to belong to an intent, so that no other intent takes it for its own.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Taken {
    pub(super) id: String,
    pub(super) intent: String,
    pub(super) fingerprint: String,
    pub(super) at: Timestamp,
}

/// How an intent that wants a target finds it.
pub(super) enum Hold {
    /// It has it.
    Held,
    /// Another intent has it.
    Busy,
    /// More went there within a short time than anybody means to send.
    Full,
}

/// The most messages, and the most doubts, that are remembered of one target.
const MAX: usize = 64;

impl Target {
    /// Takes the target for `intent` until `lease`, or finds it taken. Forgets what is older than `memory`, unless it
    /// could be mistaken for the trace of an intent in doubt.
    pub(super) fn hold(&mut self, intent: &str, now: Timestamp, lease: Timestamp, memory: Duration) -> Hold {
        let later = |at: Timestamp| at.saturating_add(memory).unwrap_or(Timestamp::MAX);
        let covers = |doubt: &Doubt, at| later(at) >= doubt.since && at <= later(doubt.ended);
        self.taken.retain(|taken| later(taken.at) > now || self.doubts.iter().any(|doubt| covers(doubt, taken.at)));
        match self.holder.take() {
            Some(own) if own.intent == intent => {
                self.holder = Some(Holder { lease, ..own });
                return Hold::Held;
            }
            Some(other) if other.lease > now => {
                self.holder = Some(other);
                return Hold::Busy;
            }
            // It left no end.
            Some(Holder { intent, since, lease }) => self.doubt(intent, since, lease),
            None => {}
        }
        if self.taken.len() >= MAX {
            return Hold::Full;
        }
        self.holder = Some(Holder { intent: intent.to_owned(), since: now, lease });
        Hold::Held
    }

    /// Lets go of the target. `doubt` is the time of the intent's trace, if it may have left one that it will look for.
    pub(super) fn release(&mut self, intent: &str, doubt: Option<(Timestamp, Timestamp)>) {
        self.holder.take_if(|holder| holder.intent == intent);
        self.doubts.retain(|doubt| doubt.intent != intent);
        if let Some((since, ended)) = doubt {
            self.doubt(intent.to_owned(), since, ended);
        }
    }

    /// Notes that a message belongs to an intent. One that was taken for another's belongs to whoever has an answer
    /// that says so.
    pub(super) fn take(&mut self, taken: Taken) {
        self.taken.retain(|other| other.id != taken.id);
        self.taken.push(taken);
    }

    /// Whether anybody may come back to look for its trace.
    pub(super) fn is_in_doubt(&self) -> bool {
        !self.doubts.is_empty()
    }

    fn doubt(&mut self, intent: String, since: Timestamp, ended: Timestamp) {
        if self.doubts.len() >= MAX {
            self.doubts.remove(0);
        }
        self.doubts.push(Doubt { intent, since, ended });
    }
}
