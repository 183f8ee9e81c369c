//! Properties of the attempts of a call, over random results, durations, deadlines and callers.
//!
//! `PROPTEST_CASES=100000 cargo test --lib upstream::tests::attempts` makes more of them.

use std::sync::Mutex;

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::*;

/// Fewest.
const CASES: u32 = 10_000;
const MAX_ATTEMPTS: usize = 4;
/// As in the settings below.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
const MAX_RETRY_AFTER: Duration = Duration::from_secs(10);
/// Tokio's timers round up to it.
const TICK: Duration = Duration::from_millis(1);

/// How an attempt ends, if nothing ends it before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Status(u16),
    /// 429, with a wait in milliseconds.
    Throttled(u64),
    Unsent,
    Lost,
    TooLarge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Send,
    Create,
    Check,
    Read,
    Delete,
}

impl Operation {
    fn may_be_repeated(self) -> bool {
        matches!(self, Self::Read | Self::Delete)
    }
}

#[derive(Clone, Debug)]
struct Case {
    kind: Operation,
    /// How the attempts end, one after the other, and after how many milliseconds. The last one counts for all further.
    ends: Vec<(End, u64)>,
    deadline: Duration,
    cancelled_after: Option<Duration>,
    run_to_completion: bool,
}

/// An attempt as the transport sees it, in time since the start of the call.
#[derive(Clone, Copy, Debug)]
struct SeenAttempt {
    end: End,
    began: Duration,
    /// When it ended, or was dropped.
    ended: Duration,
    dropped: bool,
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        3 => prop::sample::select(vec![200, 400, 401, 404, 408, 409, 422, 500, 502, 503]).prop_map(End::Status),
        2 => (0_u64..15_000).prop_map(End::Throttled),
        2 => Just(End::Unsent),
        1 => Just(End::Lost),
        1 => Just(End::TooLarge),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let kind = prop::sample::select(vec![
        Operation::Send,
        Operation::Create,
        Operation::Check,
        Operation::Read,
        Operation::Delete,
    ]);
    let ends = prop::collection::vec((end(), 0_u64..3000), 1..5);
    let cancelled_after = prop::option::weighted(0.3, (0_u64..10_000).prop_map(Duration::from_millis));
    let deadline = (1_u64..20_000).prop_map(Duration::from_millis);
    (kind, ends, deadline, cancelled_after, any::<bool>()).prop_map(
        |(kind, ends, deadline, cancelled_after, run_to_completion)| Case {
            kind,
            ends,
            deadline,
            cancelled_after,
            run_to_completion,
        },
    )
}

/// What the transport does next, and has done.
#[derive(Default)]
struct Script {
    start: Option<Instant>,
    ends: Vec<(End, u64)>,
    attempts: Vec<SeenAttempt>,
}

/// A running attempt. Dropping it records when.
struct UnderWay {
    script: Arc<Mutex<Script>>,
    index: usize,
    start: Instant,
    done: bool,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let attempt = &mut self.script.lock().unwrap().attempts[self.index];
        (attempt.ended, attempt.dropped) = (self.start.elapsed(), !self.done);
    }
}

impl UnderWay {
    fn begin(script: &Arc<Mutex<Script>>) -> (Self, End, Duration) {
        let mut inner = script.lock().unwrap();
        let (index, start) = (inner.attempts.len(), inner.start.unwrap());
        let (end, takes) = inner.ends[index.min(inner.ends.len() - 1)];
        inner.attempts.push(SeenAttempt { end, began: start.elapsed(), ended: Duration::MAX, dropped: false });
        (Self { script: Arc::clone(script), index, start, done: false }, end, Duration::from_millis(takes))
    }

    fn end(mut self, end: End) -> Result<http::Response<Bytes>, TransportError> {
        self.done = true;
        match end {
            End::Status(200) => Ok(answer(200, r#"{"data": {"id": "1", "response_code": "accepted"}}"#)),
            End::Status(status) => Ok(answer(status, "")),
            End::Throttled(wait) => {
                let mut throttled = answer(429, "");
                throttled.headers_mut().insert("retry-after-ms", wait.into());
                Ok(throttled)
            }
            End::Unsent => Err(TransportError::Unsent("refused".into())),
            End::Lost => Err(TransportError::Lost("reset".into())),
            End::TooLarge => Err(TransportError::TooLarge),
        }
    }
}

/// Makes the call of `case`. Returns its attempts, when it ended and whether it succeeded.
async fn run(
    client: &Client,
    script: &Mutex<Script>,
    case: &Case,
) -> (Vec<SeenAttempt>, Duration, Result<(), ErrorReason>) {
    let start = Instant::now();
    *script.lock().unwrap() = Script { start: Some(start), ends: case.ends.clone(), attempts: Vec::new() };
    let context = CallContext { run_to_completion: case.run_to_completion, ..context(case.deadline) };
    let call = async {
        match case.kind {
            Operation::Send => send(client, &context).await.map(drop),
            Operation::Create => create(client, &context).await,
            Operation::Check => check(client, &context).await,
            Operation::Read => client.profile(&context, "1").await.map(drop).map_err(|failed| failed.reason),
            Operation::Delete => client.delete_profile(&context, "1").await.map_err(|failed| failed.reason),
        }
    };
    let cancel = async {
        if let Some(after) = case.cancelled_after {
            sleep(after).await;
            context.cancelled.cancel();
        }
        pending::<()>().await;
    };
    let result = tokio::select! {
        result = call => result,
        () = cancel => unreachable!("it pends"),
    };
    let attempts = script.lock().unwrap().attempts.clone();
    (attempts, start.elapsed(), result)
}

/// The longest that may be waited after attempt number `number`, and the shortest.
fn waits(end: End, number: usize) -> (Duration, Duration) {
    match end {
        End::Throttled(pushback) => (Duration::from_millis(pushback), Duration::from_millis(pushback)),
        _ => (Duration::ZERO, Duration::from_millis(100 << number)),
    }
}

/// Whether another attempt may follow one that ended so.
fn may_follow(kind: Operation, attempt: &SeenAttempt) -> bool {
    match attempt.end {
        _ if attempt.dropped => kind.may_be_repeated(),
        End::Throttled(pushback) => Duration::from_millis(pushback) <= MAX_RETRY_AFTER,
        End::Unsent => true,
        End::Status(408 | 500..) | End::Lost => kind.may_be_repeated(),
        End::Status(_) | End::TooLarge => false,
    }
}

fn assert_within_limits(case: &Case, attempts: &[SeenAttempt], ended: Duration, result: Result<(), ErrorReason>) {
    let run_to_completion = case.run_to_completion && matches!(case.kind, Operation::Send | Operation::Create);
    let no_later = case.cancelled_after.unwrap_or(Duration::from_hours(1));
    assert!((1..=MAX_ATTEMPTS).contains(&attempts.len()) || no_later.is_zero());
    for attempt in attempts {
        // Nothing is begun past the deadline, or for a caller that is gone.
        assert!(attempt.began < case.deadline && attempt.began <= no_later);
        // One deadline over everything but what is run_to_completion, which has its own time.
        assert!(attempt.ended <= attempt.began + ATTEMPT_TIMEOUT + TICK);
        assert!(run_to_completion || attempt.ended <= case.deadline + TICK);
    }
    for (number, pair) in attempts.windows(2).enumerate() {
        let (shortest, longest) = waits(pair[0].end, number);
        let wait = pair[1].began.checked_sub(pair[0].ended).unwrap();
        assert!(may_follow(case.kind, &pair[0]));
        assert!(pair[0].dropped || (shortest <= wait && wait <= longest + TICK), "{wait:?}");
    }
    let Some(last) = attempts.last() else { return };
    // The call ends with its last attempt, or with its caller in the wait for another one.
    let in_a_wait = may_follow(case.kind, last) && ended > last.ended && (no_later..=no_later + TICK).contains(&ended);
    assert!(ended == last.ended || in_a_wait || ended >= case.deadline);
    assert!(ended <= case.deadline.max(last.ended) + TICK);
    // What may be repeated and has the time for it is repeated.
    let (_, longest) = waits(last.end, attempts.len() - 1);
    if !last.dropped && may_follow(case.kind, last) && last.ended + longest + TICK < case.deadline.min(no_later) {
        assert_eq!(attempts.len(), MAX_ATTEMPTS);
    }
    let done = last.end == End::Status(200) && !last.dropped;
    // A profile is gone, by an attempt before this one.
    let done_before = case.kind == Operation::Delete && last.end == End::Status(404) && attempts.len() > 1;
    assert!(result.is_ok() == done || done_before, "{result:?}");
}

#[test]
fn attempts_waits_and_deadlines_stay_within_their_limits() {
    let script = Arc::new(Mutex::new(Script::default()));
    let transport = service_fn({
        let script = Arc::clone(&script);
        move |_| {
            let (under_way, end, takes) = UnderWay::begin(&script);
            async move {
                sleep(takes).await;
                under_way.end(end)
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let client = over(transport, |config| {
        config.attempt_timeout = ATTEMPT_TIMEOUT;
        config.retry.max_attempts = MAX_ATTEMPTS;
        config.retry.max_retry_after = MAX_RETRY_AFTER;
        // These have tests of their own, and would remember one case in the next.
        config.retry.budget.per_second = 1_000_000;
        config.breaker.consecutive_failures = 0;
        config.breaker.min_success_ratio = 0.0;
    });
    let config = Config::default();
    let cases = config.cases.max(CASES);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..config });
    let run = runner.run(&case(), |case| {
        let (attempts, ended, result) = runtime.block_on(run(&client, &script, &case));
        assert_within_limits(&case, &attempts, ended, result);
        Ok(())
    });
    run.unwrap();
}
