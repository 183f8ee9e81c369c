//! What the store remembers of an intent, and of the place where its trace would be found.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::limits::QuotaReservation;

/// What is known of a `request_id`.
#[derive(Deserialize, Serialize)]
pub(super) struct Named<A> {
    /// Of the request's content: the same id must not name another one.
    pub(super) fingerprint: String,
    pub(super) state: State<A>,
}

/// How far a named intent has come.
#[derive(Clone, Deserialize, Serialize)]
pub(super) enum State<A> {
    /// The job `owner` is at it until `lease`. After that, it left it so, or is no more. It is in doubt if it may have
    /// left a trace.
    Open { owner: Uuid, lease: Timestamp, trace: Option<Trace> },
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
    /// What was there before it and looks the same, by id.
    pub(super) before: Vec<String>,
    /// What was taken from limits for it.
    #[serde(default)]
    pub(super) places: QuotaReservation,
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
    job: Uuid,
    who: Who,
    since: Timestamp,
    lease: Timestamp,
}

#[derive(Deserialize, Serialize)]
struct Doubt {
    who: Who,
    since: Timestamp,
    ended: Timestamp,
}

/// An intent, as others at its target see it.
#[derive(Clone, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Who {
    pub(super) intent: String,
    /// What its trace bears and not every other's; empty where there is nothing such.
    pub(super) mark: String,
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
    /// Takes the target for a job of `who` until `lease`, or finds it taken. Forgets what is older than `memory`, unless
    /// it could be mistaken for the trace of an intent in doubt.
    pub(super) fn hold(&mut self, job: Uuid, who: &Who, now: Timestamp, lease: Timestamp, memory: Duration) -> Hold {
        match self.holder.take() {
            Some(holder) if holder.lease <= now => self.doubt(holder.who, holder.since, holder.lease),
            Some(own) if own.job == job => {
                self.holder = Some(Holder { lease, ..own });
                return Hold::Held;
            }
            other @ Some(_) => {
                self.holder = other;
                return Hold::Busy;
            }
            None => {}
        }
        let later = |at: Timestamp| at.saturating_add(memory).unwrap_or(Timestamp::MAX);
        let covers = |doubt: &Doubt, at| later(at) >= doubt.since && at <= later(doubt.ended);
        self.taken.retain(|taken| later(taken.at) > now || self.doubts.iter().any(|doubt| covers(doubt, taken.at)));
        if self.taken.len() >= MAX {
            return Hold::Full;
        }
        self.holder = Some(Holder { job, who: who.clone(), since: now, lease });
        Hold::Held
    }

    /// Lets go of the target, if the job has it still. `doubt` is the time of the intent's trace, if it may have left one
    /// that it will look for.
    pub(super) fn release(&mut self, job: Uuid, who: &Who, doubt: Option<(Timestamp, Timestamp)>) {
        if self.holder.take_if(|holder| holder.job == job).is_none() {
            return;
        }
        self.doubts.retain(|doubt| doubt.who != *who);
        if let Some((since, ended)) = doubt {
            self.doubt(who.clone(), since, ended);
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
        self.holder.is_some() || !self.doubts.is_empty()
    }

    /// The other intents that may come back to look for their traces, or whose jobs never said how they ended.
    pub(super) fn others_in_doubt(&self, who: &Who) -> Vec<Who> {
        let others = self.doubts.iter().map(|doubt| &doubt.who).filter(|other| *other != who);
        others.cloned().collect()
    }

    fn doubt(&mut self, who: Who, since: Timestamp, ended: Timestamp) {
        if self.doubts.len() >= MAX {
            self.doubts.remove(0);
        }
        self.doubts.push(Doubt { who, since, ended });
    }
}
