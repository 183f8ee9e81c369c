use proptest::prelude::*;
use tokio::time::advance;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Small numbers, so that every rule applies often.
fn rules() -> config::BreakerConfig {
    config::BreakerConfig {
        consecutive_failures: 4,
        min_success_ratio: 0.5,
        min_samples: 6,
        window: 10 * SECOND,
        open_for: 3 * SECOND,
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Advance(u64),
    Begin,
    /// Ends the running attempt with this index.
    End(usize, Option<AttemptOutcome>),
}

/// The circuit as a history: every answer is computed from all of it.
#[derive(Default)]
struct Model {
    /// In milliseconds.
    now: u64,
    /// What was counted since it closed, and when that was.
    history: Vec<(u64, AttemptOutcome)>,
    closed_at: u64,
    open_until: Option<u64>,
    on_trial: bool,
    state: u64,
}

impl Model {
    fn admit(&mut self) -> CircuitDecision {
        match self.open_until {
            _ if self.on_trial => CircuitDecision::Open(3 * SECOND),
            Some(until) if until > self.now => CircuitDecision::Open(Duration::from_millis(until - self.now)),
            Some(_) => {
                (self.on_trial, self.state) = (true, self.state + 1);
                CircuitDecision::Trial(Ticket(self.state))
            }
            None => CircuitDecision::Closed(Ticket(self.state)),
        }
    }

    fn end(&mut self, ticket: Ticket, verdict: Option<AttemptOutcome>) -> Option<Transition> {
        if ticket != Ticket(self.state) {
            return None;
        }
        let opens =
            if self.on_trial { verdict != Some(AttemptOutcome::Success) } else { self.counts_and_opens(verdict?) };
        let closes = self.on_trial && !opens;
        if !opens && !closes {
            return None;
        }
        let left_alone = if verdict.is_some() { 3000 } else { 0 };
        self.state += 1;
        self.on_trial = false;
        self.open_until = opens.then_some(self.now + left_alone);
        self.closed_at = self.now;
        self.history.clear();
        verdict.map(|_| if opens { Transition::Opened } else { Transition::Closed })
    }

    fn counts_and_opens(&mut self, verdict: AttemptOutcome) -> bool {
        self.history.push((self.now, verdict));
        let is = |wanted| move |&&(_, verdict): &&(u64, AttemptOutcome)| verdict == wanted;
        let hard = self.history.iter().rev().filter(|(_, verdict)| *verdict != AttemptOutcome::Throttled);
        let in_a_row = hard.take_while(is(AttemptOutcome::Failure)).count();
        let part = |at: u64| (at - self.closed_at) / 1000;
        let recent: Vec<_> = self.history.iter().filter(|(at, _)| part(self.now) - part(*at) <= 10).collect();
        let successes = recent.iter().copied().filter(is(AttemptOutcome::Success)).count();
        verdict != AttemptOutcome::Success && (in_a_row >= 4 || (recent.len() >= 6 && successes * 2 < recent.len()))
    }
}

fn verdict() -> impl Strategy<Value = Option<AttemptOutcome>> {
    prop_oneof![
        4 => Just(Some(AttemptOutcome::Success)),
        4 => Just(Some(AttemptOutcome::Failure)),
        2 => Just(Some(AttemptOutcome::Throttled)),
        1 => Just(None),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_u64..1500).prop_map(Step::Advance),
        1 => (0_u64..20_000).prop_map(Step::Advance),
        6 => Just(Step::Begin),
        6 => (any::<prop::sample::Index>(), verdict()).prop_map(|(place, verdict)| Step::End(place.index(1 << 16), verdict)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_circuit_agrees_with_a_model_over_its_whole_history(steps in prop::collection::vec(step(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (mut circuit, mut model) = (Circuit::new(rules()), Model::default());
            let mut under_way = Vec::new();
            for step in steps {
                match step {
                    Step::Advance(millis) => {
                        advance(Duration::from_millis(millis)).await;
                        model.now += millis;
                    }
                    Step::Begin => {
                        let admission = circuit.admit();
                        assert_eq!(admission, model.admit());
                        if let CircuitDecision::Closed(ticket) | CircuitDecision::Trial(ticket) = admission {
                            under_way.push(ticket);
                        }
                    }
                    Step::End(_, _) if under_way.is_empty() => {}
                    Step::End(place, verdict) => {
                        let ticket = under_way.swap_remove(place % under_way.len());
                        assert_eq!(circuit.end(ticket, verdict), model.end(ticket, verdict));
                    }
                }
            }
        });
    }
}

/// Whether a circuit with `rules` is open after attempts that end like this.
fn opens(rules: config::BreakerConfig, verdicts: impl IntoIterator<Item = AttemptOutcome>) -> bool {
    let mut circuit = Circuit::new(rules);
    for verdict in verdicts {
        let CircuitDecision::Closed(ticket) = circuit.admit() else { return true };
        circuit.end(ticket, Some(verdict));
    }
    !matches!(circuit.admit(), CircuitDecision::Closed(_))
}

#[test]
fn rules_can_be_switched_off() {
    let never = config::BreakerConfig { consecutive_failures: 0, min_success_ratio: 0.0, ..rules() };
    assert!(!opens(never, [AttemptOutcome::Failure; 100]));
}

#[test]
fn throttling_alone_opens_it_by_the_share_of_successes_only() {
    assert!(!opens(rules(), [AttemptOutcome::Throttled; 5]));
    assert!(opens(rules(), [AttemptOutcome::Throttled; 6]));
    let by_rows = config::BreakerConfig { min_success_ratio: 0.0, ..rules() };
    assert!(!opens(by_rows.clone(), [AttemptOutcome::Throttled; 100]));
    // It neither counts as a failure nor ends a row of them.
    let row = [AttemptOutcome::Failure, AttemptOutcome::Failure, AttemptOutcome::Throttled, AttemptOutcome::Failure];
    assert!(!opens(by_rows.clone(), row));
    assert!(opens(by_rows, row.into_iter().chain([AttemptOutcome::Failure])));
}
