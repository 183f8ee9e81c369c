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
    Throttled(u64),
    SpendLimit,
    Timeout,
    TooLarge,
}

impl ScriptedEnd {
    fn result(self) -> Result<Response, AttemptError> {
        let answer = |status, headers, body| {
            Ok(Response { status: StatusCode::from_u16(status).unwrap(), headers, body: Bytes::from_static(body) })
        };
        match self {
            Self::Status(status) => answer(status, HeaderMap::new(), b""),
            Self::Throttled(wait) => {
                answer(429, HeaderMap::from_iter([("retry-after".parse().unwrap(), HeaderValue::from(wait))]), b"")
            }
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
        max_delay: Duration::from_secs(1),
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
        url: "http://127.0.0.1/".parse().unwrap(),
        body: Bytes::new(),
        tenant: Arc::new(tenant),
        deadline: start + deadline,
        cancelled: CancellationToken::new(),
        run_to_completion: false,
        internal: false,
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
    let (attempts, status) = run(SEND, vec![ScriptedEnd::Throttled(3), ScriptedEnd::Status(200)], SOON, LATE).await;
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
    let (attempts, status) = run(SEND, vec![ScriptedEnd::Throttled(11)], SOON, LATE).await;
    assert_eq!((attempts.len(), status), (1, Some(429)));
    let (attempts, _) = run(SEND, vec![ScriptedEnd::Throttled(3)], SOON, Duration::from_secs(3)).await;
    assert_eq!(attempts.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_delete_whose_answer_was_lost_is_done_when_the_profile_is_gone() {
    let ends = vec![ScriptedEnd::Timeout, ScriptedEnd::Status(404)];
    assert_eq!(run(Operation::DeleteProfile, ends, SOON, LATE).await.1, Some(204));
    let ends = vec![ScriptedEnd::Throttled(1), ScriptedEnd::Status(404)];
    assert_eq!(run(Operation::DeleteProfile, ends, SOON, LATE).await.1, Some(404));
}
