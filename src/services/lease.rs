//! How long a job may hold a record, and which process runs the job. Pure: no clock, no I/O.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The time until which a job holds a record without renewing it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Lease {
    #[serde(with = "crate::store::time")]
    until: Timestamp,
    /// The process that runs the job. None if it has no name.
    #[serde(default)]
    process: Option<Box<Process>>,
}

/// One run of a gateway with a name that no other running gateway has (`store.instance`).
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Process {
    instance: String,
    run: Uuid,
}

impl Process {
    /// This run of the gateway `instance`. None without a name.
    pub(super) fn start(instance: &str) -> Option<Self> {
        (!instance.is_empty()).then(|| Self { instance: instance.to_owned(), run: Uuid::new_v4() })
    }

    /// Whether `other` is an earlier run of the same gateway, which has ended because this one runs.
    fn follows(&self, other: &Self) -> bool {
        self.instance == other.instance && self.run != other.run
    }
}

impl Lease {
    pub(super) fn new(until: Timestamp, process: Option<&Process>) -> Self {
        Self { until, process: process.cloned().map(Box::new) }
    }

    /// When the lease ended, as `process` knows it. None if it has not ended. A lease of an earlier run of this gateway ended
    /// with that run, but nobody knows when: now at the latest.
    pub(super) fn ended(&self, now: Timestamp, process: Option<&Process>) -> Option<Timestamp> {
        let is_left_behind = process.zip(self.process.as_deref()).is_some_and(|(this, other)| this.follows(other));
        if self.until <= now { Some(self.until) } else { is_left_behind.then_some(now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_ends_at_its_time_or_when_its_process_runs_again() {
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let process = |instance| Process::start(instance);
        let (first, again, other) = (process("one"), process("one"), process("two"));
        assert!(process("").is_none());
        for (holder, reader, second, ended) in [
            (&first, &first, 9, None),
            (&first, &first, 10, Some(at(10))),
            (&first, &first, 11, Some(at(10))),
            (&first, &again, 9, Some(at(9))),
            (&first, &again, 11, Some(at(10))),
            (&first, &other, 9, None),
            (&first, &other, 11, Some(at(10))),
            // A process without a name takes over nothing, and leaves nothing to take over.
            (&first, &None, 9, None),
            (&None, &first, 9, None),
            (&None, &None, 9, None),
        ] {
            let lease = Lease::new(at(10), holder.as_ref());
            assert_eq!(lease.ended(at(second), reader.as_ref()), ended, "{holder:?} {reader:?} {second}");
        }
    }
}
