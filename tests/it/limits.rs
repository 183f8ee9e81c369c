//! Each limit is exact: the allowed number passes, one more is refused, and passes after the wait that the refusal names, not
//! a millisecond earlier.

mod calls;
mod checks;
mod overload;
mod sends;

use std::time::Duration;

use jiff::Timestamp;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use verify_gateway::{
    clock::Clock,
    config::Config,
    domain::{Limit, LimitMode, LimitWindow, Limits},
};

use crate::support::{Refused, TestGateway};

const MILLI: Duration = Duration::from_millis(1);

/// A gateway with these limits and a clock that only the test moves.
async fn gateway(limits: Limits) -> TestGateway {
    changed(limits, |_| ()).await
}

/// The same, with changed settings.
async fn changed(limits: Limits, change: impl FnOnce(&mut Config)) -> TestGateway {
    // Limits count in milliseconds, so the clock starts at a whole one.
    let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap();
    TestGateway::builder()
        .clock(Clock::standing_at(now))
        .config(change)
        .login(|login| login.limits = limits)
        .start()
        .await
}

fn window(max: u32, per: Duration) -> LimitWindow {
    LimitWindow { max, per }
}

fn observed<T>(at: T) -> Limit<T> {
    Limit { mode: LimitMode::Observe, at }
}

/// Asserts that `result` is a complete refusal by a limit, and returns the wait.
#[track_caller]
fn refused<T>(result: Result<T, Status>, reason: &str, limit: &str) -> Option<Duration> {
    let Err(status) = result else { panic!("the call was answered") };
    let quota = status.get_details_quota_failure().expect("a QuotaFailure");
    assert_eq!(quota.violations.len(), 1);
    assert_eq!(quota.violations[0].subject, limit);
    assert!(!quota.violations[0].description.is_empty());
    let refused = Refused::by(Err::<T, _>(status)).is(Code::ResourceExhausted, reason);
    assert_eq!(refused.rule.as_deref(), Some(limit));
    refused.retry_after
}

/// Asserts that `call` is refused for exactly the wait that the refusal names, and passes then.
async fn passes_after_its_wait<T>(
    gateway: &TestGateway,
    (reason, limit): (&str, &str),
    mut call: impl AsyncFnMut() -> Result<T, Status>,
) -> Duration {
    let wait = refused(call().await, reason, limit).expect("a wait");
    gateway.clock.advance(wait.saturating_sub(MILLI));
    let left = refused(call().await, reason, limit).expect("a wait");
    assert_eq!(left, MILLI, "the remaining wait is one millisecond");
    gateway.clock.advance(MILLI);
    call().await.unwrap_or_else(|status| panic!("{status:?}"));
    wait
}

/// The count of refusals by `limit` in the metrics.
async fn hits(gateway: &TestGateway, limit: &str, mode: &str) -> u64 {
    let (_, text) = gateway.admin("/metrics").await;
    let labels = format!("{{limit=\"{limit}\",mode=\"{mode}\"}} ");
    let line =
        text.lines().find_map(|line| line.strip_prefix("verify_gateway_limit_hits_total")?.strip_prefix(&labels));
    line.map_or(0, |count| count.parse().unwrap())
}
