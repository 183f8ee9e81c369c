//! The number of retries that a failing upstream receives.

use futures_util::future::join_all;
use tokio::time::sleep_until;

use super::{super::budget::RetryBudgets, *};

/// Tenants whose calls come evenly, `per_second` each, for `seconds`, against an upstream that always fails. Returns how
/// many attempts it sees.
async fn attempts_under_failure(per_second: &[u32], seconds: u32) -> usize {
    let attempts = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&attempts);
    let transport = service_fn(move |_| {
        seen.fetch_add(1, Ordering::Relaxed);
        async { Ok(answer(503, "")) }
    });
    // A circuit breaker would stop even these attempts.
    let client = over(transport, |config| {
        config.breaker =
            config::BreakerConfig { consecutive_failures: 0, min_success_ratio: 0.0, ..config.breaker.clone() };
    });
    let tenants = per_second.iter().enumerate().map(|(number, &per_second)| {
        let client = client.clone();
        async move {
            let start = Instant::now();
            for call in 0..per_second * seconds {
                sleep_until(start + SECOND * call / per_second).await;
                let (client, context) = (client.clone(), of(&format!("tenant-{number}"), 60 * SECOND));
                tokio::spawn(async move { read(&client, &context).await });
            }
        }
    });
    join_all(tenants).await;
    sleep(60 * SECOND).await;
    attempts.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_always_fails_sees_no_more_than_the_budget_beside_the_offered_load() {
    // One tenant, and many together: the shared budget bounds the sum.
    for rates in [vec![100], vec![7], vec![4; 25], vec![1; 50]] {
        let offered = 60 * rates.iter().sum::<u32>() as usize;
        let attempts = attempts_under_failure(&rates, 60).await;
        assert!(attempts * 10 <= offered * 12 + 60 * 10 * 10, "{rates:?}: {attempts} of {offered}");
        // The budget is used.
        assert!(attempts > offered * 11 / 10, "{rates:?}: {attempts} of {offered}");
    }
    // A tenant with few calls may repeat each of them.
    assert_eq!(attempts_under_failure(&[2], 60).await, 3 * 2 * 60);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_does_not_spend_what_another_earns() {
    let budgets = RetryBudgets::new(&Config::default().upstream.retry.budget);
    let [quiet, failing] = ["quiet", "failing"].map(|id| TenantId::new(id).unwrap());
    for _ in 0..1000 {
        budgets.earn(&quiet);
    }
    // The reserve of ten seconds, and nothing that the quiet tenant earned.
    assert_eq!((0..1000).filter(|_| budgets.spend(&failing)).count(), 100);
    assert_eq!((0..1000).filter(|_| budgets.spend(&quiet)).count(), 200);
}
