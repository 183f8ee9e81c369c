//! The records of operations in the store, as jobs one after the other find them.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use tokio::time::{Instant, advance};
use tower::service_fn;
use uuid::Uuid;

use super::{
    Dispatch, RequestEnd,
    job::{JobContext, OperationKeys},
    matching::Echo,
    request_record::{self, AcquireResult, OtherRecord, RequestRecord},
    stored_target::Unresolved,
    target_lock::TargetLock,
};
use crate::{
    clock::Clock,
    config::Config,
    domain::{ApiKey, CallContext, Caller, Error, Tenant, TenantId},
    limits::QuotaReservation,
    pb::ErrorReason,
    services::{Services, Tasks},
    store::Store,
    telemetry::Metrics,
    telnyx::Verification,
    upstream::{Client, TransportError},
};

const KEY: &str = "request:acme:CreateVerification:1";
const HOUR: Duration = Duration::from_hours(1);
const SECOND: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_mins(5);

/// A gateway without an upstream. A request ID is remembered for an hour.
struct Gateway(Services);

impl Gateway {
    fn new() -> Self {
        let mut config = Config::default();
        config.sends.request_id_retention = HOUR;
        let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
        let nothing =
            service_fn(async |_: Request<Bytes>| Err::<Response<Bytes>, _>(TransportError::Lost("none".into())));
        let metrics = Metrics::default();
        let client = Client::over(nothing, &config, clock.clone(), &metrics).unwrap();
        let store = Store::memory(&config.store, clock.clone());
        Self(Services::new(&config, &client, &store, &clock, &Tasks::default(), &metrics))
    }

    /// A job with this content. With a name, it has a request ID.
    fn job(&self, is_named: bool, content: &str) -> Arc<JobContext> {
        self.job_within(is_named, content, Some(WINDOW))
    }

    /// The same, with this duplicate window.
    fn job_within(&self, is_named: bool, content: &str, duplicate_window: Option<Duration>) -> Arc<JobContext> {
        let deps = self.0.verifications.deps.clone();
        let tenant = Tenant::new(TenantId::new("acme").unwrap(), ApiKey::new("KEY").unwrap());
        let call = CallContext::new(Caller::unrestricted(tenant.into()), Instant::now() + SECOND);
        let keys = OperationKeys {
            request: is_named.then(|| KEY.to_owned()),
            target: "target".into(),
            fingerprint: deps.store.digest(&[content.as_bytes()]),
            echo: Echo::default(),
            duplicate_window,
        };
        JobContext { id: Uuid::new_v4(), deps, call, keys: keys.into() }.into()
    }

    fn record(&self, content: &str) -> (Arc<JobContext>, RequestRecord<Verification>) {
        let job = self.job(true, content);
        let record = RequestRecord::new(&job).unwrap();
        (job, record)
    }
}

fn dispatch(job: &JobContext) -> Dispatch {
    job.new_dispatch(Vec::new(), QuotaReservation::default())
}

fn verification(id: &str) -> Verification {
    serde_json::from_str(&format!("{{\"id\": \"{id}\"}}")).unwrap()
}

/// What a job finds: the ID of the answer, or the beginning and end of an unresolved dispatch.
fn found(acquired: Result<AcquireResult<Verification>, Error>) -> Result<String, ErrorReason> {
    Ok(match acquired.map_err(|error| error.reason)? {
        AcquireResult::Done(answer) => answer.id.unwrap(),
        AcquireResult::Acquired { unresolved: None } => "nothing".into(),
        AcquireResult::Acquired { unresolved: Some(dispatch) } => {
            format!("{} to {:?}", dispatch.since, dispatch.ended.map(|ended| ended.to_string()))
        }
    })
}

#[tokio::test(start_paused = true)]
async fn only_the_owner_of_a_request_record_changes_it() {
    let gateway = Gateway::new();
    let ((job, first), (_, second), (_, other)) = (gateway.record("one"), gateway.record("one"), gateway.record("two"));
    assert_eq!(found(first.acquire().await), Ok("nothing".into()));
    assert_eq!(found(other.acquire().await), Err(ErrorReason::RequestIdReused));
    assert_eq!(found(second.acquire().await), Err(ErrorReason::DeadlineExceeded), "the first one has the lease");
    // The lease of the first one ends, and it has dispatched nothing.
    advance(job.max_duration() + SECOND).await;
    let (third_job, third) = gateway.record("one");
    assert_eq!(found(third.acquire().await), Ok("nothing".into()));
    assert!(!first.record_dispatch(&dispatch(&job)).await.unwrap());
    assert!(!first.finish(RequestEnd::NoEffect).await);
    assert!(third.record_dispatch(&dispatch(&third_job)).await.unwrap());
    assert!(!first.finish(RequestEnd::Done(verification("v0"))).await);
    assert!(third.finish(RequestEnd::Done(verification("v1"))).await);
    let (_, fourth) = gateway.record("one");
    assert_eq!(found(fourth.acquire().await), Ok("v1".into()));
}

#[tokio::test(start_paused = true)]
async fn a_dispatch_without_an_end_is_remembered_longer_than_its_request_id() {
    let gateway = Gateway::new();
    let (job, record) = gateway.record("one");
    record.acquire().await.ok().unwrap();
    let lease_end = job.latest_end();
    let sent = dispatch(&job);
    record.record_dispatch(&sent).await.unwrap();
    advance(2 * HOUR).await;
    let (_, later) = gateway.record("one");
    let expected = format!("{} to {:?}", sent.since, Some(lease_end.to_string()));
    assert_eq!(found(later.acquire().await), Ok(expected));
    // Without a dispatch, the record ends with the retention.
    assert!(later.finish(RequestEnd::NoEffect).await);
    let (_, next) = gateway.record("one");
    next.acquire().await.ok().unwrap();
    advance(2 * HOUR).await;
    let (_, other) = gateway.record("two");
    assert_eq!(found(other.acquire().await), Ok("nothing".into()));
}

#[tokio::test(start_paused = true)]
async fn a_failed_job_leaves_nothing_but_its_dispatch() {
    let gateway = Gateway::new();
    let (job, record) = gateway.record("one");
    record.acquire().await.ok().unwrap();
    request_record::give_back(&job).await.unwrap();
    let (other_job, other) = gateway.record("two");
    assert_eq!(found(other.acquire().await), Ok("nothing".into()), "even another content may take the ID");
    let sent = dispatch(&other_job);
    other.record_dispatch(&sent).await.unwrap();
    request_record::give_back(&job).await.unwrap();
    let leased = request_record::read::<Verification>(&job, KEY).await.unwrap();
    assert!(matches!(leased, OtherRecord::Leased), "it belongs to another job");
    request_record::give_back(&other_job).await.unwrap();
    let (_, later) = gateway.record("two");
    let expected = format!("{} to {:?}", sent.since, Some(sent.since.to_string()));
    assert_eq!(found(later.acquire().await), Ok(expected));
}

#[tokio::test(start_paused = true)]
async fn another_job_resolves_only_the_dispatch_that_it_has_read() {
    let gateway = Gateway::new();
    let (job, record) = gateway.record("one");
    let reader = gateway.job(false, "two");
    let answer = verification("v1");
    let resolve = async |since: Timestamp, answer| request_record::resolve(&reader, KEY, since, answer).await.unwrap();
    record.acquire().await.ok().unwrap();
    let sent = dispatch(&job);
    record.record_dispatch(&sent).await.unwrap();
    assert!(!resolve(sent.since, Some(&answer)).await, "a job works on it");
    let lease_end = job.latest_end();
    advance(job.max_duration() + SECOND).await;
    let OtherRecord::Unresolved(Some(read)) = request_record::read::<Verification>(&reader, KEY).await.unwrap() else {
        panic!("the dispatch has no end");
    };
    assert_eq!((read.since, read.ended), (sent.since, Some(lease_end)));
    assert!(!resolve(sent.since - SECOND, Some(&answer)).await, "another dispatch");
    assert!(resolve(sent.since, Some(&answer)).await);
    let (_, later) = gateway.record("one");
    assert_eq!(found(later.acquire().await), Ok("v1".into()));
    assert!(resolve(sent.since, None).await, "what is done stays");
    assert_eq!(found(later.acquire().await), Ok("v1".into()));
}

#[tokio::test(start_paused = true)]
async fn a_target_remembers_what_is_unresolved_and_whose_messages_are_whose() {
    let gateway = Gateway::new();
    let job = gateway.job(false, "one");
    let lock = TargetLock::acquire(&job).await.unwrap();
    let mut sent = dispatch(&job);
    sent.ended = Some(job.now() + SECOND);
    assert!(lock.release(None, Some(&sent)).await);
    // It outlives the claims.
    advance(2 * HOUR).await;
    let later = gateway.job(true, "two");
    let lock = TargetLock::acquire(&later).await.unwrap();
    let unresolved: Vec<&Unresolved> = lock.unresolved_others().collect();
    assert_eq!(unresolved.len(), 1);
    assert_eq!(unresolved[0].dispatch.ended, sent.ended);
    // A request record may know a later end only.
    let of_record = Dispatch { ended: Some(sent.since + HOUR), ..sent.clone() };
    assert_eq!(lock.known_end(&job.id.to_string(), of_record.clone()).ended, sent.ended);
    assert_eq!(lock.known_end("another", of_record.clone()).ended, of_record.ended);
    assert!(lock.release(Some("v2".into()), None).await);
    let last = gateway.job(false, "three");
    let lock = TargetLock::acquire(&last).await.unwrap();
    assert_eq!(lock.claimed_by_others(KEY).count(), 0, "it is the operation's own");
    assert_eq!(lock.claimed_by_others("another").collect::<Vec<_>>(), ["v2"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_is_claimed_as_long_as_an_unresolved_dispatch_could_take_it() {
    let settings = Gateway::new().0.verifications.deps.settings.clone();
    // The settle window with the skew of both clocks, or the duplicate window if that is longer.
    let memory = settings.settle_window + 2 * settings.clock_skew;
    for (window, after, kept) in [
        (None, memory.saturating_sub(SECOND), 1),
        (None, memory + SECOND, 0),
        (Some(2 * memory), (2 * memory).saturating_sub(SECOND), 1),
        (Some(2 * memory), 2 * memory + SECOND, 0),
    ] {
        let gateway = Gateway::new();
        let job = |content| gateway.job_within(false, content, window);
        let one = job("one");
        let sent = dispatch(&one).ended_by(one.now());
        assert!(TargetLock::acquire(&one).await.unwrap().release(None, Some(&sent)).await);
        advance(after).await;
        assert!(TargetLock::acquire(&job("two")).await.unwrap().release(Some("v1".into()), None).await);
        advance(HOUR).await;
        let lock = TargetLock::acquire(&job("three")).await.unwrap();
        assert_eq!(lock.claimed_by_others("three").count(), kept, "{window:?} {after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_equal_operation_is_a_duplicate_within_its_window_unless_it_has_a_request_id() {
    let gateway = Gateway::new();
    let job = gateway.job(false, "one");
    assert!(TargetLock::acquire(&job).await.unwrap().release(Some("v1".into()), None).await);
    for (after, is_named, content, is_duplicate) in [
        (Duration::ZERO, false, "one", true),
        (Duration::ZERO, false, "two", false),
        (Duration::ZERO, true, "one", false),
        (WINDOW.saturating_sub(SECOND), false, "one", true),
        (SECOND, false, "one", false),
    ] {
        advance(after).await;
        let equal = gateway.job(is_named, content);
        let lock = TargetLock::acquire(&equal).await.unwrap();
        let began = job.now().checked_sub(WINDOW).unwrap();
        assert!(!lock.is_duplicate(equal.keys.fingerprint, began));
        assert_eq!(lock.duplicate().is_some(), is_duplicate, "{after:?} {is_named} {content}");
        assert!(lock.release(None, None).await);
    }
}
