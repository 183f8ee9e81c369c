use super::*;
use crate::{config::Config, domain, pb::ErrorReason};

/// What a record of this test takes.
const RECORD: usize = memory::OVERHEAD + 1;

/// A store that has room for so many records, without shares.
fn store(records: usize, clock: &Clock) -> Store {
    shared(records, 1.0, clock)
}

fn shared(records: usize, tenant_share: f64, clock: &Clock) -> Store {
    let config = config::StoreConfig { max_size: records * RECORD, tenant_share, ..Config::default().store };
    Store::memory(&config, clock.clone())
}

/// Whether the tenant may add a record, which only limits need if `is_counter`.
async fn adds(store: &Store, tenant: &str, key: &str, is_counter: bool) -> Result<(), Error> {
    let tenant = TenantId::new(tenant).unwrap();
    let records = if is_counter { store.counters_of(&tenant) } else { store.records_of(&tenant) };
    records.update(key, |_: Option<u32>| (Change::Put(1, Duration::from_mins(1)), ())).await
}

async fn put(store: &Store, key: &str, value: u32, keep: Duration) -> Result<(), Error> {
    store.update(key, |_| (Change::Put(value, keep), ())).await
}

async fn get(store: &Store, key: &str) -> Option<u32> {
    store.update(key, |record| (Change::Keep, record)).await.unwrap()
}

#[tokio::test]
async fn a_record_stays_until_its_time_is_over() {
    let clock = Clock::default();
    let store = store(10, &clock);
    put(&store, "a", 1, Duration::from_mins(1)).await.unwrap();
    assert_eq!((get(&store, "a").await, get(&store, "b").await), (Some(1), None));
    clock.advance(Duration::from_secs(61));
    assert_eq!(get(&store, "a").await, None);
}

#[tokio::test]
async fn many_records_that_expire_together_are_all_gone_at_once() {
    let clock = Clock::default();
    let store = store(100, &clock);
    for n in 0..100 {
        put(&store, &format!("{n:02}"), 1, Duration::from_mins(1)).await.unwrap();
    }
    clock.advance(Duration::from_secs(61));
    assert_eq!(get(&store, "99").await, None);
}

#[tokio::test]
async fn a_changed_record_has_its_new_time() {
    let clock = Clock::default();
    let store = store(10, &clock);
    put(&store, "a", 1, Duration::from_secs(10)).await.unwrap();
    put(&store, "a", 2, Duration::from_secs(100)).await.unwrap();
    clock.advance(Duration::from_secs(50));
    assert_eq!(get(&store, "a").await, Some(2));
    store.update("a", |_: Option<u32>| (Change::Remove, ())).await.unwrap();
    assert_eq!(get(&store, "a").await, None);
}

#[tokio::test]
async fn a_full_store_takes_no_new_record_and_loses_none() {
    let clock = Clock::default();
    let store = store(2, &clock);
    put(&store, "a", 1, Duration::from_secs(10)).await.unwrap();
    put(&store, "b", 2, Duration::from_secs(100)).await.unwrap();
    assert!(matches!(put(&store, "c", 3, Duration::from_secs(100)).await, Err(Error::Full)));
    put(&store, "b", 4, Duration::from_secs(100)).await.unwrap();
    assert_eq!((get(&store, "a").await, get(&store, "b").await), (Some(1), Some(4)));
    clock.advance(Duration::from_secs(11));
    put(&store, "c", 3, Duration::from_secs(100)).await.unwrap();
    assert_eq!((get(&store, "a").await, get(&store, "c").await), (None, Some(3)));
}

#[tokio::test]
async fn a_full_share_refuses_its_tenant_only() {
    let store = shared(4, 0.5, &Clock::default());
    for key in ["a", "b"] {
        adds(&store, "noisy", key, false).await.unwrap();
    }
    for is_counter in [false, true] {
        assert!(matches!(adds(&store, "noisy", "c", is_counter).await, Err(Error::ShareFull)));
    }
    let refused = domain::Error::from(Error::ShareFull);
    assert_eq!((refused.reason, refused.retry_after.is_some()), (ErrorReason::RequestLimitReached, true));
    for key in ["d", "e"] {
        adds(&store, "other", key, false).await.unwrap();
    }
    // A record is its creator's, and the creator is never refused a change of it.
    adds(&store, "noisy", "a", false).await.unwrap();
    store.update("a", |_: Option<u32>| (Change::Remove, ())).await.unwrap();
    adds(&store, "noisy", "c", false).await.unwrap();
    let usage = store.usage();
    let tenants: Vec<_> =
        usage.tenants.iter().map(|(tenant, records, bytes)| (tenant.as_str(), *records, *bytes)).collect();
    assert_eq!(tenants, [("noisy", 2, 2 * RECORD), ("other", 2, 2 * RECORD)]);
}

#[tokio::test]
async fn what_only_limits_need_gives_way_and_nothing_else_does() {
    let clock = Clock::default();
    let store = shared(4, 0.75, &clock);
    let has = async |key| get(&store, key).await.is_some();
    for key in ["a", "b", "c"] {
        adds(&store, "noisy", key, true).await.unwrap();
        clock.advance(Duration::from_secs(1));
    }
    // The tenant's own oldest record gives way in its share.
    adds(&store, "noisy", "d", false).await.unwrap();
    assert_eq!((has("a").await, has("b").await), (false, true));
    // In a full store, the oldest one of the tenant that has most.
    adds(&store, "other", "e", true).await.unwrap();
    adds(&store, "other", "f", false).await.unwrap();
    assert_eq!((has("b").await, has("c").await, has("e").await), (false, true, true));
    adds(&store, "other", "g", false).await.unwrap();
    adds(&store, "third", "h", false).await.unwrap();
    assert!(matches!(adds(&store, "third", "i", false).await, Err(Error::Full)));
    for key in ["d", "f", "g", "h"] {
        assert!(has(key).await, "{key}");
    }
    assert_eq!(store.usage().gave_way, 4);
}

#[tokio::test]
async fn a_full_store_is_a_risk_until_it_has_room() {
    let clock = Clock::default();
    let store = store(1, &clock);
    let mut seen = store.status(None).await;
    assert!(seen.risks.is_empty());
    put(&store, "a", 1, Duration::from_secs(10)).await.unwrap();
    assert!(put(&store, "b", 1, Duration::from_secs(10)).await.is_err());
    seen = store.status(Some(&seen)).await;
    assert!(seen.risks.contains(&Risk::Full));
    clock.advance(Duration::from_secs(11));
    put(&store, "b", 1, Duration::from_secs(10)).await.unwrap();
    assert!(store.status(Some(&seen)).await.risks.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_comes_in_between() {
    let store = store(10, &Clock::default());
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..500 {
                    let add = |n: Option<u32>| (Change::Put(n.unwrap_or(0) + 1, Duration::from_mins(1)), ());
                    store.update("n", add).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(get(&store, "n").await, Some(4000));
}

#[test]
fn digests_tell_parts_apart_and_differ_from_store_to_store() {
    let clock = Clock::default();
    let (one, other) = (store(1, &clock), store(1, &clock));
    assert_eq!(one.digest(&[b"a", b"bc"]), one.clone().digest(&[b"a", b"bc"]));
    assert_ne!(one.digest(&[b"a", b"bc"]), one.digest(&[b"ab", b"c"]));
    assert_ne!(one.digest(&[b"a"]), other.digest(&[b"a"]));
}
