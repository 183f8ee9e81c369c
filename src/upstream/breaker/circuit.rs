//! One circuit: a state machine that knows time and ends of attempts, and nothing of HTTP.
//!
//! ```text
//!          too many failures                 the time is over, somebody asks
//! CLOSED ─────────────────────▶ OPEN ──────────────────────────────────────▶ TRIAL
//!   ▲                            ▲ ▲            the trial failed               │ │
//!   │                            │ └───────────────────────────────────────────┘ │
//!   └────────────────────────────┼───────────────── the trial succeeded ─────────┘
//! ```
//!
//! Two rules open it: a number of failures in a row, which is fast where all is lost, and the share of successes in a
//! window with enough attempts, which sees what fails in part. An attempt that was throttled counts for the second rule
//! only: an upstream that says so is alive. One trial runs at a time; a trial that ends without a verdict (its caller
//! went away) makes room for the next one at once.

use std::time::Duration;

use tokio::time::Instant;

use super::super::recent::Recent;
use crate::config;

/// How an attempt counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The upstream did its work.
    Success,
    /// It did not.
    Failure,
    /// It had too much to do.
    Throttled,
}

/// What a circuit says to who wants to make an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Go ahead.
    Closed(Ticket),
    /// This is the trial: much depends on its end.
    Trial(Ticket),
    /// Not now; the next trial can begin after this time.
    Open(Duration),
}

/// Which state of the circuit an attempt began in. Its end says nothing about later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// A change that people want to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Opened,
    Closed,
}

pub(super) struct Circuit {
    rules: config::Breaker,
    state: State,
    /// The number of the state, counted from the first one.
    number: u64,
    /// What was counted since it closed.
    failures_in_a_row: usize,
    recent: Recent<Counts>,
}

#[derive(Clone, Copy)]
enum State {
    Closed,
    Open { until: Instant },
    Trial,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    successes: usize,
    others: usize,
}

impl Circuit {
    /// A closed one.
    pub(super) fn new(rules: config::Breaker) -> Self {
        let recent = Recent::new(rules.window);
        Self { rules, state: State::Closed, number: 0, failures_in_a_row: 0, recent }
    }

    /// Asks to make an attempt. Who has a ticket gives it back by [`end`](Self::end), whatever happens.
    pub(super) fn admit(&mut self) -> Admission {
        match self.state {
            State::Closed => Admission::Closed(Ticket(self.number)),
            State::Open { until } => {
                let left = until.saturating_duration_since(Instant::now());
                if !left.is_zero() {
                    return Admission::Open(left);
                }
                self.enter(State::Trial);
                Admission::Trial(Ticket(self.number))
            }
            // If it fails, the next one is that far away.
            State::Trial => Admission::Open(self.rules.open_for),
        }
    }

    /// Whether it holds requests back.
    pub(super) const fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed)
    }

    /// Notes how an attempt ended; none where that says nothing about the upstream.
    pub(super) fn end(&mut self, ticket: Ticket, verdict: Option<Verdict>) -> Option<Change> {
        if ticket != Ticket(self.number) {
            return None;
        }
        match (self.state, verdict) {
            (State::Trial, Some(Verdict::Success)) => Some(self.close()),
            (State::Trial, Some(_)) => Some(self.open()),
            (State::Trial, None) => {
                self.enter(State::Open { until: Instant::now() });
                None
            }
            (State::Closed, Some(verdict)) => self.count(verdict).then(|| self.open()),
            (State::Closed, None) | (State::Open { .. }, _) => None,
        }
    }

    /// Counts an end; says whether that opens the circuit.
    fn count(&mut self, verdict: Verdict) -> bool {
        if verdict == Verdict::Success {
            self.failures_in_a_row = 0;
            self.recent.now().successes += 1;
            return false;
        }
        self.recent.now().others += 1;
        if verdict == Verdict::Failure {
            self.failures_in_a_row += 1;
        }
        let all_fail = (1..=self.failures_in_a_row).contains(&self.rules.consecutive_failures);
        all_fail || self.too_few_succeed()
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of attempts")]
    fn too_few_succeed(&mut self) -> bool {
        let (successes, others) = self.recent.all().fold((0, 0), |(s, o), part| (s + part.successes, o + part.others));
        let all = successes + others;
        all >= self.rules.min_samples && (successes as f64) < self.rules.min_success_ratio * all as f64
    }

    fn open(&mut self) -> Change {
        self.enter(State::Open { until: Instant::now() + self.rules.open_for });
        Change::Opened
    }

    fn close(&mut self) -> Change {
        self.enter(State::Closed);
        self.failures_in_a_row = 0;
        self.recent = Recent::new(self.rules.window);
        Change::Closed
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.number += 1;
    }
}

#[cfg(test)]
mod tests;
