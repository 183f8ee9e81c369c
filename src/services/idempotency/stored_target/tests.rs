//! Who holds the lock of a target, and what becomes of its unresolved operations and claims.

use super::*;
use crate::{limits::QuotaReservation, services::idempotency::matching::Echo};

const RECENT: Duration = Duration::from_secs(20);
const MEMORY: Duration = Duration::from_mins(2);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn job(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn digest() -> Digest {
    serde_json::from_str(&format!("\"{}\"", "A".repeat(22))).unwrap()
}

fn unresolved(operation: &str, since: i64, ended: Option<i64>) -> Unresolved {
    let dispatch = Dispatch {
        since: at(since),
        ended: ended.map(at),
        preexisting: Vec::new(),
        reservation: QuotaReservation::default(),
        echo: Echo::default(),
        is_distinct: false,
    };
    Unresolved { operation: operation.into(), fingerprint: digest(), dispatch }
}

fn claim(id: usize, second: i64) -> ClaimedMessage {
    ClaimedMessage { id: id.to_string(), operation: "other".into(), fingerprint: digest(), at: at(second) }
}

/// Takes the lock at `second` with a lease of ten seconds.
fn lock(target: &mut StoredTarget, (number, operation): (u128, &str), second: i64) -> LockAttempt {
    let lease = Lease::new(at(second + 10), None);
    let ended = |other: &Lease| other.ended(at(second), None);
    target.lock((job(number), &unresolved(operation, second, None)), at(second), (lease, ended), (RECENT, MEMORY))
}

fn is_locked(attempt: &LockAttempt) -> bool {
    matches!(attempt, LockAttempt::Locked)
}

/// The unresolved operations, with the beginning and the end of their dispatches.
fn left(target: &StoredTarget) -> Vec<(&str, Timestamp, Option<Timestamp>)> {
    let left = target.unresolved().iter();
    left.map(|one| (&*one.operation, one.dispatch.since, one.dispatch.ended)).collect()
}

#[test]
fn one_job_holds_the_lock_until_it_releases_it_or_its_lease_ends() {
    let mut target = StoredTarget::default();
    assert!(is_locked(&lock(&mut target, (1, "a"), 0)));
    assert!(matches!(lock(&mut target, (2, "b"), 1), LockAttempt::Busy));
    assert!(is_locked(&lock(&mut target, (1, "a"), 9)), "it renews its lease");
    assert!(matches!(lock(&mut target, (2, "b"), 18), LockAttempt::Busy));
    // What another job does with the lock has no effect.
    target.release(job(2), "b", Some(unresolved("b", 1, Some(2))));
    assert!(!target.unlock(job(2)) && !target.end_lease(job(2), Lease::new(at(0), None)));
    assert!(!target.publish(job(2), &unresolved("b", 1, None)));
    assert!(matches!(lock(&mut target, (2, "b"), 18), LockAttempt::Busy));
    assert_eq!(left(&target), []);
    // The first job may have dispatched what it was assumed to dispatch, until the end of its lease.
    assert!(is_locked(&lock(&mut target, (2, "b"), 30)));
    assert_eq!(left(&target), [("a", at(0), Some(at(19)))]);
    target.release(job(2), "b", None);
    assert!(is_locked(&lock(&mut target, (3, "c"), 31)));
    assert!(target.unlock(job(3)));
    assert_eq!(left(&target), [("a", at(0), Some(at(19)))]);
    target.resolve("a");
    assert!(target.is_empty());
}

#[test]
fn a_job_is_assumed_to_dispatch_only_where_nothing_else_is_unresolved() {
    let mut target = StoredTarget::default();
    lock(&mut target, (1, "a"), 0);
    assert_eq!(target.holder_dispatch().unwrap().since, at(0));
    target.release(job(1), "a", Some(unresolved("a", 0, Some(1))));
    assert_eq!(left(&target), [("a", at(0), Some(at(1)))]);
    lock(&mut target, (2, "b"), 2);
    assert!(target.holder_dispatch().is_none());
    assert!(target.end_lease(job(2), Lease::new(at(3), None)));
    lock(&mut target, (3, "c"), 4);
    assert_eq!(left(&target), [("a", at(0), Some(at(1)))], "it had published nothing");
    assert!(target.publish(job(3), &unresolved("c", 5, None)));
    lock(&mut target, (4, "d"), 60);
    assert_eq!(left(&target), [("a", at(0), Some(at(1))), ("c", at(5), Some(at(14)))]);
}

#[test]
fn dispatches_of_one_operation_that_telnyx_shows_alike_are_one() {
    let mut target = StoredTarget::default();
    let distinct = |second, timeout| {
        let Unresolved { operation, fingerprint, dispatch } = unresolved("a", second, Some(second + 1));
        let echo = Echo { timeout_secs: timeout, custom_code: None };
        Unresolved { operation, fingerprint, dispatch: Dispatch { echo, is_distinct: timeout.is_some(), ..dispatch } }
    };
    for one in [distinct(5, None), distinct(9, Some(301)), distinct(2, None), distinct(7, None)] {
        target.add_unresolved(one);
    }
    target.add_unresolved(Unresolved { operation: "b".into(), ..distinct(3, None) });
    let all = [("a", at(2), Some(at(8))), ("a", at(9), Some(at(10))), ("b", at(3), Some(at(4)))];
    assert_eq!(left(&target), all);
    assert!(target.unresolved().iter().map(|one| one.dispatch.is_distinct).eq([false, true, false]));
}

#[test]
fn claims_are_kept_as_long_as_an_operation_could_take_the_message() {
    let kept = |target: &mut StoredTarget, second| {
        lock(target, (1, "a"), second);
        target.unlock(job(1));
        target.claimed.iter().map(|claim| claim.id.clone()).collect::<Vec<_>>().join(" ")
    };
    let mut target = StoredTarget::default();
    target.claim(claim(1, 0));
    target.claim(claim(2, 10));
    target.claim(ClaimedMessage { operation: "a".into(), ..claim(1, 0) });
    assert_eq!(target.claimed.len(), 2, "the last claim of a message counts");
    assert_eq!(kept(&mut target.clone(), 19), "2 1");
    assert_eq!(kept(&mut target.clone(), 20), "2");
    assert_eq!(kept(&mut target.clone(), 30), "");
    // The unresolved operation began two minutes after the first claim.
    for (since, ended, rest) in
        [(120, 121, "2 1"), (121, 122, "2"), (131, 132, ""), (-121, -120, "1"), (-122, -121, "")]
    {
        let mut target = target.clone();
        target.add_unresolved(unresolved("b", since, Some(ended)));
        assert_eq!(kept(&mut target, 1000), rest, "{since}");
    }
}

#[test]
fn a_target_with_as_many_claims_as_a_record_holds_takes_no_more() {
    let mut target = StoredTarget::default();
    (1..MAX_CLAIMED).for_each(|id| target.claim(claim(id, 0)));
    assert!(is_locked(&lock(&mut target, (1, "a"), 1)));
    target.release(job(1), "a", None);
    target.claim(claim(0, 0));
    assert!(matches!(lock(&mut target, (1, "a"), 1), LockAttempt::Full));
    assert!(is_locked(&lock(&mut target, (1, "a"), 20)));
}
