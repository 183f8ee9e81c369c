//! What calls that are refused or not made leave behind, and what two records must agree on.

use jiff::SignedDuration;

use super::*;
use crate::{
    clock::Clock,
    config::{Config, StoreConfig},
    domain::{ApiKey, DAY, Error, Limit, LimitRate, Limits, PhoneNumber, TenantId, VerificationRef},
};

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);
const MILLI: Duration = Duration::from_millis(1);
const PHONE: &str = "+13035551234";

/// A limiter with a clock that only the test moves.
struct Counting {
    limiter: Limiter,
    clock: Clock,
}

impl Counting {
    fn new() -> Self {
        Self::within(Config::default().store.max_size)
    }

    /// A store with so many bytes.
    fn within(max_size: usize) -> Self {
        let clock = Clock::standing_at("2026-01-01T00:00:00.123Z".parse().unwrap());
        let store = Store::memory(&StoreConfig { max_size, ..Config::default().store }, clock.clone());
        Self { limiter: Limiter::new(&store, &Metrics::default()), clock }
    }

    async fn sent(&self, tenant: &Tenant, id: &str) {
        let sent = SentVerification { id, phone_number: PHONE, profile_id: "p", timeout_secs: Some(300) };
        self.limiter.record_send(tenant, sent).await;
    }

    /// Makes a check that ends with `result`.
    async fn check(&self, tenant: &Tenant, target: &VerificationRef, result: CheckResult) -> Result<(), Error> {
        let reservation = self.limiter.reserve_check(tenant, target).await?;
        let phone_number = PhoneNumber::parse(PHONE).unwrap();
        self.limiter.finish_check(tenant, reservation, result, Some(&phone_number)).await;
        Ok(())
    }
}

fn tenant(limits: Limits) -> Tenant {
    let mut tenant = Tenant::new(TenantId::new("login").unwrap(), ApiKey::new("KEY").unwrap());
    tenant.limits = limits;
    tenant
}

fn checks(max: u32) -> Tenant {
    tenant(Limits { checks_per_verification: Some(Limit::enforced(max)), ..Limits::none() })
}

fn guesses(max: u32, per: Duration) -> Tenant {
    tenant(Limits { guesses_per_phone_number: Some(Limit::enforced(LimitWindow { max, per })), ..Limits::none() })
}

fn by_id(id: &str) -> VerificationRef {
    VerificationRef::Id(id.into())
}

fn by_phone() -> VerificationRef {
    VerificationRef::PhoneNumber { phone_number: PhoneNumber::parse(PHONE).unwrap(), profile_id: "p".into() }
}

#[tokio::test]
async fn a_refused_check_is_not_counted() {
    let (counting, tenant) = (Counting::new(), checks(1));
    counting.check(&tenant, &by_id("a"), CheckResult::Wrong).await.unwrap();
    for _ in 0..3 {
        counting.check(&tenant, &by_id("a"), CheckResult::Wrong).await.unwrap_err();
    }
    // The limit is raised by one.
    counting.check(&checks(2), &by_id("a"), CheckResult::Wrong).await.unwrap();
}

#[tokio::test]
async fn checks_of_what_does_not_exist_fill_no_store() {
    let (counting, tenant) = (Counting::new(), checks(1));
    for id in ["a", "b", "c"] {
        counting.check(&tenant, &by_id(id), CheckResult::NotChecked).await.unwrap();
    }
    let usage = counting.limiter.store.usage();
    assert!(usage.tenants.iter().all(|(_, records, _)| *records == 0), "{usage:?}");
}

/// An hour of 1,000 sends a second in 1 GiB, at a thousandth of the scale: each has its target record, its counters and
/// its verification, and none is refused.
#[tokio::test]
async fn an_hour_of_honest_sends_fits() {
    let mut limits = Limits::none();
    limits.checks_per_verification = Some(Limit::enforced(5));
    limits.sends_per_phone_number = Some(Limit::enforced(vec![LimitWindow { max: 5, per: DAY }]));
    let (counting, tenant) = (Counting::within((1 << 30) / 1000), tenant(limits));
    let store = &counting.limiter.store;
    for second in 0..3600 {
        let phone_number = PhoneNumber::parse(&format!("+1303{:07}", 5_550_000 + second)).unwrap();
        let key = format!("target:{second}");
        let target = store
            .records_of(&tenant.id)
            .update(&key, |_: Option<String>| (Change::Put("x".repeat(350), 3 * MINUTE), ()));
        target.await.unwrap();
        counting.limiter.reserve_send(&tenant, &phone_number).await.unwrap();
        let id = second.to_string();
        let sent =
            SentVerification { id: &id, phone_number: phone_number.as_e164(), profile_id: "p", timeout_secs: None };
        counting.limiter.record_send(&tenant, sent).await;
        counting.clock.advance(Duration::from_secs(1));
    }
    let usage = store.usage();
    assert!(usage.tenants[0].2 <= usage.max_bytes / 2 && usage.gave_way > 0, "{usage:?}");
}

#[tokio::test]
async fn the_end_of_a_verification_does_not_end_the_count_of_a_newer_one() {
    let (counting, tenant) = (Counting::new(), checks(1));
    counting.sent(&tenant, "a").await;
    counting.sent(&tenant, "b").await;
    counting.check(&tenant, &by_id("a"), CheckResult::Over).await.unwrap();
    counting.check(&tenant, &by_phone(), CheckResult::Wrong).await.unwrap();
    counting.check(&tenant, &by_phone(), CheckResult::Wrong).await.unwrap_err();
    counting.check(&tenant, &by_id("b"), CheckResult::Wrong).await.unwrap_err();
}

#[tokio::test]
async fn a_check_before_the_send_is_recorded_counts() {
    let (counting, tenant) = (Counting::new(), checks(1));
    counting.check(&tenant, &by_id("a"), CheckResult::Wrong).await.unwrap();
    counting.sent(&tenant, "a").await;
    counting.check(&tenant, &by_id("a"), CheckResult::Wrong).await.unwrap_err();
}

#[tokio::test]
async fn a_count_lasts_for_the_lifetime_of_the_code_and_a_margin_whenever_it_changes() {
    let (counting, tenant) = (Counting::new(), checks(1));
    counting.sent(&tenant, "a").await;
    counting.clock.advance(14 * MINUTE);
    counting.check(&tenant, &by_id("a"), CheckResult::Wrong).await.unwrap();
    counting.clock.advance(MINUTE.saturating_sub(MILLI));
    counting.check(&tenant, &by_id("a"), CheckResult::Wrong).await.unwrap_err();
    counting.clock.advance(MILLI);
    counting.check(&tenant, &by_id("a"), CheckResult::Wrong).await.unwrap();
}

#[tokio::test]
async fn a_wrong_code_whose_phone_number_was_not_known_counts_above_the_limit() {
    let (counting, tenant) = (Counting::new(), guesses(1, DAY));
    counting.check(&tenant, &by_phone(), CheckResult::Wrong).await.unwrap();
    counting.clock.advance(HOUR);
    counting.check(&tenant, &by_id("a"), CheckResult::Wrong).await.unwrap();
    counting.clock.advance(23 * HOUR);
    let refused = counting.check(&tenant, &by_phone(), CheckResult::Wrong).await.unwrap_err();
    assert_eq!(refused.retry_after, Some(HOUR));
}

#[tokio::test]
async fn a_window_with_rounded_times_is_kept_until_the_last_one_leaves_it() {
    let (counting, tenant) = (Counting::new(), guesses(101, 100 * MINUTE));
    for _ in 0..101 {
        counting.check(&tenant, &by_phone(), CheckResult::Wrong).await.unwrap();
    }
    let refused = counting.check(&tenant, &by_phone(), CheckResult::Wrong).await.unwrap_err();
    let wait = refused.retry_after.unwrap();
    // The event is rounded up to a whole minute.
    assert_eq!(SignedDuration::try_from(wait).unwrap(), SignedDuration::from_millis(101 * 60_000 - 123));
    counting.clock.advance(wait.saturating_sub(MILLI));
    counting.check(&tenant, &by_phone(), CheckResult::Wrong).await.unwrap_err();
    counting.clock.advance(MILLI);
    counting.check(&tenant, &by_phone(), CheckResult::Wrong).await.unwrap();
}

#[test]
fn a_call_beyond_the_concurrent_ones_takes_nothing_from_the_rate() {
    let tenant = tenant(Limits {
        concurrent_calls: Some(Limit::enforced(1)),
        requests_per_second: Some(Limit::enforced(LimitRate { max: 1, burst: 2 })),
        ..Limits::none()
    });
    let clock = Clock::standing_at("2026-01-01T00:00:00Z".parse().unwrap());
    let calls = CallLimiter::new(&clock, Metrics::default());
    let running = calls.begin(&tenant).ok().unwrap();
    assert!(calls.begin(&tenant).is_err());
    drop(running);
    assert!(calls.begin(&tenant).is_ok());
}
