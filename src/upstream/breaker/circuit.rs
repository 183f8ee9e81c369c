//! One circuit: a state machine over time and the outcomes of attempts. It knows nothing of HTTP.
//!
//! ```text
//!          too many failures              open_for is over, an attempt arrives
//! CLOSED ─────────────────────▶ OPEN ──────────────────────────────────────▶ TRIAL
//!   ▲                            ▲ ▲            the trial failed               │ │
//!   │                            │ └───────────────────────────────────────────┘ │
//!   └────────────────────────────┼───────────────── the trial succeeded ─────────┘
//! ```
//!
//! Two rules open it. A number of consecutive failures is fast when everything fails. The share of successes in a window
//! with enough attempts detects partial failure. A throttled attempt counts for the second rule only: an upstream that
//! throttles is alive. One trial runs at a time. If a trial ends without an outcome, because its caller went away, the
//! next one may begin at once.

use std::time::Duration;

use tokio::time::Instant;

use crate::{config, upstream::rolling_window::RollingWindow};

/// The outcome of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AttemptOutcome {
    /// The upstream works.
    Success,
    /// The upstream fails.
    Failure,
    /// The upstream has too much to do.
    Throttled,
}

/// The decision of a circuit about an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CircuitDecision {
    /// The circuit is closed.
    Closed(Ticket),
    /// This attempt is the trial: its outcome closes or opens the circuit.
    Trial(Ticket),
    /// The circuit is open. The next trial can begin after this time.
    Open(Duration),
}

/// The state in which an attempt began. Its outcome says nothing about later states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// A change of state that is logged and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transition {
    Opened,
    Closed,
}

pub(super) struct Circuit {
    rules: config::BreakerConfig,
    state: CircuitState,
    /// The number of states so far.
    number: u64,
    /// Consecutive failures since the circuit closed.
    consecutive_failures: usize,
    /// Outcomes since the circuit closed.
    window: RollingWindow<Counts>,
}

#[derive(Clone, Copy)]
enum CircuitState {
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
    /// A closed circuit.
    pub(super) fn new(rules: config::BreakerConfig) -> Self {
        let window = RollingWindow::new(rules.window);
        Self { rules, state: CircuitState::Closed, number: 0, consecutive_failures: 0, window }
    }

    /// Decides about an attempt. The holder of a ticket must return it to [`end`](Self::end), whatever happens.
    pub(super) fn admit(&mut self) -> CircuitDecision {
        match self.state {
            CircuitState::Closed => CircuitDecision::Closed(Ticket(self.number)),
            CircuitState::Open { until } => {
                let left = until.saturating_duration_since(Instant::now());
                if !left.is_zero() {
                    return CircuitDecision::Open(left);
                }
                self.enter(CircuitState::Trial);
                CircuitDecision::Trial(Ticket(self.number))
            }
            // If the running trial fails, the next one begins after that time.
            CircuitState::Trial => CircuitDecision::Open(self.rules.open_for),
        }
    }

    /// Whether it rejects attempts.
    pub(super) const fn is_open(&self) -> bool {
        !matches!(self.state, CircuitState::Closed)
    }

    /// Takes the outcome of an attempt; none where it says nothing about the upstream.
    pub(super) fn end(&mut self, ticket: Ticket, outcome: Option<AttemptOutcome>) -> Option<Transition> {
        if ticket != Ticket(self.number) {
            return None;
        }
        match (self.state, outcome) {
            (CircuitState::Trial, Some(AttemptOutcome::Success)) => Some(self.close()),
            (CircuitState::Trial, Some(_)) => Some(self.open()),
            (CircuitState::Trial, None) => {
                self.enter(CircuitState::Open { until: Instant::now() });
                None
            }
            (CircuitState::Closed, Some(outcome)) => self.count(outcome).then(|| self.open()),
            (CircuitState::Closed, None) | (CircuitState::Open { .. }, _) => None,
        }
    }

    /// Counts an outcome. Returns whether it opens the circuit.
    fn count(&mut self, outcome: AttemptOutcome) -> bool {
        if outcome == AttemptOutcome::Success {
            self.consecutive_failures = 0;
            self.window.now().successes += 1;
            return false;
        }
        self.window.now().others += 1;
        if outcome == AttemptOutcome::Failure {
            self.consecutive_failures += 1;
        }
        let all_fail = (1..=self.consecutive_failures).contains(&self.rules.consecutive_failures);
        all_fail || self.too_few_succeed()
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of attempts")]
    fn too_few_succeed(&mut self) -> bool {
        let (successes, others) =
            self.window.all().fold((0, 0), |(s, o), bucket| (s + bucket.successes, o + bucket.others));
        let all = successes + others;
        all >= self.rules.min_samples && (successes as f64) < self.rules.min_success_ratio * all as f64
    }

    fn open(&mut self) -> Transition {
        self.enter(CircuitState::Open { until: Instant::now() + self.rules.open_for });
        Transition::Opened
    }

    fn close(&mut self) -> Transition {
        self.enter(CircuitState::Closed);
        self.consecutive_failures = 0;
        self.window = RollingWindow::new(self.rules.window);
        Transition::Closed
    }

    fn enter(&mut self, state: CircuitState) {
        self.state = state;
        self.number += 1;
    }
}

#[cfg(test)]
mod tests;
