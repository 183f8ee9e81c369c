use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tokio_util::sync::CancellationToken;

use super::{super::request::TransportError, *};
use crate::{
    domain::{ApiKey, Tenant, TenantId},
    telemetry::Metrics,
    telnyx::Channel,
};

/// How an attempt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ScriptedEnd {
    Status(u16),
    /// 429, with a wait in seconds.
    Throttled(&'static str),
    SpendLimit,
    Timeout,
    TooLarge,
}

impl ScriptedEnd {
    fn result(self) -> Result<Response, AttemptError> {
        let answer = |status, headers, body| {
            Ok(Response {
                status: StatusCode::from_u16(status).unwrap(),
                headers,
                body: Bytes::from_static(body),
                answer: None,
            })
        };
        match self {
            Self::Status(status) => answer(status, HeaderMap::new(), b""),
            Self::Throttled(wait) => answer(
                429,
                HeaderMap::from_iter([("retry-after".parse().unwrap(), HeaderValue::from_static(wait))]),
                b"",
            ),
            Self::SpendLimit => answer(429, HeaderMap::new(), br#"{"errors":[{"code":"40333"}]}"#),
            Self::Timeout => Err(TransportError::Timeout.into()),
            Self::TooLarge => Err(TransportError::TooLarge.into()),
        }
    }
}

/// Runs `operation` against attempts that end one after the other as `ends` say, each after `pace`. Returns when each
/// attempt began, counted from the start, and the last answer's status.
async fn run(
    operation: Operation,
    ends: Vec<ScriptedEnd>,
    pace: Duration,
    deadline: Duration,
) -> (Vec<Duration>, Option<u16>) {
    let start = Instant::now();
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&attempts);
    let limits = config::RetryConfig {
        max_attempts: 4,
        base_delay: Duration::from_millis(100),
        max_delay: Duration::from_millis(300),
        max_retry_after: Duration::from_secs(10),
        budget: config::Config::default().upstream.retry.budget,
    };
    let tenant = Tenant::new(TenantId::new("login").unwrap(), ApiKey::new("KEY").unwrap());
    let attempt = |request: Request| {
        let number = {
            let mut attempts = attempts.lock().unwrap();
            assert_eq!(attempts.len(), request.resend_count);
            attempts.push(start.elapsed());
            attempts.len()
        };
        let end = ends[(number - 1).min(ends.len() - 1)];
        async move {
            sleep(pace).await;
            end.result()
        }
    };
    let request = Request {
        operation,
        uri: "http://127.0.0.1/".parse().unwrap(),
        body: Bytes::new(),
        tenant: Arc::new(tenant),
        deadline: start + deadline,
        cancelled: CancellationToken::new(),
        run_to_completion: false,
        internal: false,
        read: super::super::classify::nothing,
        resend_count: 0,
        after_unknown_outcome: false,
    };
    let result = RetryPolicy::new(limits, Clock::default(), Metrics::default()).run(request, attempt).await;
    let attempts = seen.lock().unwrap().clone();
    (attempts, result.ok().map(|answer| answer.status.as_u16()))
}

const SEND: Operation = Operation::Send(Channel::Sms);
const SOON: Duration = Duration::from_millis(5);
const LATE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn a_send_that_may_have_left_is_never_repeated() {
    for operation in [SEND, Operation::Check, Operation::CheckByPhone, Operation::CreateProfile] {
        for end in [
            ScriptedEnd::Status(500),
            ScriptedEnd::Status(503),
            ScriptedEnd::Status(408),
            ScriptedEnd::Timeout,
            ScriptedEnd::TooLarge,
        ] {
            let (attempts, _) = run(operation, vec![end], SOON, LATE).await;
            assert_eq!(attempts.len(), 1, "{operation:?} {end:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_send_is_repeated_after_the_pushback() {
    let (attempts, status) = run(SEND, vec![ScriptedEnd::Throttled("3"), ScriptedEnd::Status(200)], SOON, LATE).await;
    assert_eq!(attempts, [Duration::ZERO, Duration::from_secs(3) + SOON]);
    assert_eq!(status, Some(200));
}

#[tokio::test(start_paused = true)]
async fn a_send_beyond_the_spend_limit_is_not_repeated() {
    let (attempts, _) = run(SEND, vec![ScriptedEnd::SpendLimit], SOON, LATE).await;
    assert_eq!(attempts.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_too_long_or_does_not_fit_into_the_deadline_does_not_begin() {
    let (attempts, status) = run(SEND, vec![ScriptedEnd::Throttled("11")], SOON, LATE).await;
    assert_eq!((attempts.len(), status), (1, Some(429)));
    let (attempts, _) = run(SEND, vec![ScriptedEnd::Throttled("3")], SOON, Duration::from_secs(3)).await;
    assert_eq!(attempts.len(), 1);
    // The wait would fit. Its timer rounds up to a whole millisecond, which does not.
    let deadline = SOON + Duration::from_micros(3_000_500);
    let (attempts, _) = run(SEND, vec![ScriptedEnd::Throttled("3.0002")], SOON, deadline).await;
    assert_eq!(attempts.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_delete_whose_answer_was_lost_is_done_when_the_profile_is_gone() {
    let ends = vec![ScriptedEnd::Timeout, ScriptedEnd::Status(404)];
    assert_eq!(run(Operation::DeleteProfile, ends, SOON, LATE).await.1, Some(204));
    let ends = vec![ScriptedEnd::Throttled("1"), ScriptedEnd::Status(404)];
    assert_eq!(run(Operation::DeleteProfile, ends, SOON, LATE).await.1, Some(404));
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_random_within_a_window_that_doubles_up_to_a_bound() {
    let mut waits = [const { Vec::new() }; 3];
    for _ in 0..100 {
        let (attempts, _) = run(Operation::ListTemplates, vec![ScriptedEnd::Status(503)], SOON, LATE).await;
        for (waits, pair) in waits.iter_mut().zip(attempts.windows(2)) {
            waits.push(pair[1].saturating_sub(pair[0] + SOON));
        }
    }
    for (waits, window) in waits.iter().zip([100, 200, 300].map(Duration::from_millis)) {
        let (shortest, longest) = (*waits.iter().min().unwrap(), *waits.iter().max().unwrap());
        assert_eq!(waits.len(), 100);
        // A timer rounds up to a millisecond. The chance that all waits are in one half is 2^-99.
        assert!(longest <= window + Duration::from_millis(1), "{longest:?} of {window:?}");
        assert!(shortest < window / 2 && window / 2 < longest, "{shortest:?} to {longest:?} of {window:?}");
    }
}
