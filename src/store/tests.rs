use super::*;
use crate::config::Config;

fn store(max_records: usize, clock: &Clock) -> Store {
    Store::memory(&config::StoreConfig { max_records, ..Config::default().store }, clock.clone())
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
        put(&store, &format!("{n:02}"), n, Duration::from_mins(1)).await.unwrap();
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
