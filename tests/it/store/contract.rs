//! The contract of a store, for both backends.

use std::time::Duration;

use tokio::{task::JoinSet, time::Instant};
use verify_gateway::{
    clock::Clock,
    config::Config,
    store::{self, Change, Store},
};

use crate::support::redis::{Redis, ask};

const MINUTE: Duration = Duration::from_mins(1);

pub fn open(config: &verify_gateway::config::StoreConfig) -> Store {
    Store::new(config, MINUTE, Clock::default(), |_| ()).unwrap()
}

pub async fn put(store: &Store, key: &str, value: &str, keep: Duration) -> Result<(), store::Error> {
    store.update(key, |_| (Change::Put(value.to_owned(), keep), ())).await
}

pub async fn get(store: &Store, key: &str) -> Result<Option<String>, store::Error> {
    store.update(key, |record| (Change::Keep, record)).await
}

pub async fn add(store: &Store, key: &str) -> Result<u32, store::Error> {
    let add = |n: Option<u32>| {
        let n = n.unwrap_or(0) + 1;
        (Change::Put(n, MINUTE), n)
    };
    store.update(key, add).await
}

/// Asserts the contract.
async fn keeps_its_promises(one: Store, other: Store) {
    assert_eq!(get(&one, "a").await.unwrap(), None);
    put(&one, "a", "first", MINUTE).await.unwrap();
    assert_eq!(get(&other, "a").await.unwrap().as_deref(), Some("first"));
    let seen = other.update("a", |record: Option<String>| (Change::Put("second".to_owned(), MINUTE), record)).await;
    assert_eq!(seen.unwrap().as_deref(), Some("first"));
    assert_eq!(get(&one, "a").await.unwrap().as_deref(), Some("second"));
    // The key has a record of another type, which stays unchanged.
    assert!(matches!(add(&one, "a").await, Err(store::Error::Unreadable(_))));
    one.update("a", |_: Option<String>| (Change::Remove, ())).await.unwrap();
    assert_eq!(get(&other, "a").await.unwrap(), None);
    put(&other, "a", "third", MINUTE).await.unwrap();
    assert_eq!(get(&one, "a").await.unwrap().as_deref(), Some("third"));

    let large = "x".repeat(1 << 16);
    assert!(matches!(put(&one, "a", &large, MINUTE).await, Err(store::Error::TooLarge)));
    assert_eq!(get(&one, "a").await.unwrap().as_deref(), Some("third"));
    assert_eq!(one.digest(&[b"a", b"bc"]), other.digest(&[b"a", b"bc"]));

    let mut tasks = JoinSet::new();
    for store in [one.clone(), other.clone()] {
        for _ in 0..8 {
            let store = store.clone();
            tasks.spawn(async move {
                for _ in 0..50 {
                    add(&store, "n").await.unwrap();
                }
            });
        }
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    assert_eq!(add(&one, "n").await.unwrap(), 801);
    let late = one.update_by("n", Instant::now(), |n: Option<u32>| (Change::Keep, n)).await;
    assert!(matches!(late, Ok(Some(801)) | Err(store::Error::Unreachable(_) | store::Error::Contended)), "{late:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_is_a_correct_store() {
    let store = Store::memory(&Config::default().store, Clock::default());
    keeps_its_promises(store.clone(), store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_is_a_correct_store_for_two_gateways() {
    let Some(server) = Redis::start().await else { return };
    let mut config = server.store();
    // Enough for all tasks together on a busy machine.
    config.redis.timeout = Duration::from_secs(10);
    keeps_its_promises(open(&config), open(&config)).await;
}

#[tokio::test]
async fn every_record_at_the_server_expires() {
    let Some(server) = Redis::start().await else { return };
    let (store, mut server_itself) = (open(&server.store()), server.connect().await);
    put(&store, "kept", "a", MINUTE).await.unwrap();
    put(&store, "removed", "a", Duration::from_hours(1)).await.unwrap();
    store.update("removed", |_: Option<String>| (Change::Remove, ())).await.unwrap();
    let mut keys: Vec<String> = ask(&mut server_itself, "KEYS *").await;
    keys.sort_unstable();
    assert_eq!(keys, ["vg:1:hash_key", "vg:1:kept", "vg:1:mark:0", "vg:1:removed"]);
    let long = 8 * 24 * 3_600_000;
    for (key, longest) in [("kept", 60_000), ("removed", 60_000), ("hash_key", long), ("mark:0", long)] {
        let left: i64 = ask(&mut server_itself, &format!("PTTL vg:1:{key}")).await;
        assert!(left > longest / 2 && left <= longest, "{key}: {left}");
    }
    // Each connection of a gateway renews the digest of the hash key.
    let () = ask(&mut server_itself, "PEXPIRE vg:1:hash_key 60000").await;
    put(&open(&server.store()), "kept", "a", MINUTE).await.unwrap();
    assert!(ask::<i64>(&mut server_itself, "PTTL vg:1:hash_key").await > long / 2);
    // The record expires after a millisecond, which is over at the next command or the one after it.
    put(&store, "short", "a", Duration::from_millis(1)).await.unwrap();
    while get(&store, "short").await.unwrap().is_some() {}
    assert_eq!(ask::<i64>(&mut server_itself, "EXISTS vg:1:short").await, 0);
}

#[tokio::test]
async fn a_full_server_refuses_and_drops_nothing() {
    let Some(server) = Redis::with(&["--maxmemory-policy", "noeviction"]).await else { return };
    let (store, mut server_itself) = (open(&server.store()), server.connect().await);
    put(&store, "a", "before", MINUTE).await.unwrap();
    let () = ask(&mut server_itself, "CONFIG SET maxmemory 1").await;
    assert!(matches!(put(&store, "a", "after", MINUTE).await, Err(store::Error::Full)));
    assert_eq!(get(&store, "a").await.unwrap().as_deref(), Some("before"));
    let () = ask(&mut server_itself, "CONFIG SET maxmemory 0").await;
    put(&store, "a", "after", MINUTE).await.unwrap();
}

#[tokio::test]
async fn a_value_that_another_program_wrote_is_neither_read_nor_overwritten() {
    let Some(server) = Redis::start().await else { return };
    let (store, mut server_itself) = (open(&server.store()), server.connect().await);
    let () = ask(&mut server_itself, "SET vg:1:a something").await;
    assert!(matches!(put(&store, "a", "ours", MINUTE).await, Err(store::Error::Foreign)));
    assert_eq!(ask::<String>(&mut server_itself, "GET vg:1:a").await, "something");
    let () = ask(&mut server_itself, "HSET vg:1:b a 1").await;
    assert!(matches!(put(&store, "b", "ours", MINUTE).await, Err(store::Error::Unreachable(_))));
}

#[tokio::test]
async fn a_gateway_with_another_hash_key_shares_no_records() {
    let Some(server) = Redis::start().await else { return };
    let store = open(&server.store());
    put(&store, "a", "ours", MINUTE).await.unwrap();
    std::fs::write(server.path("other"), "another key, which is as long as the other").unwrap();
    let mut config = server.store();
    config.redis.hash_key_file = Some(server.path("other"));
    let other = open(&config);
    assert_ne!(other.digest(&[b"a"]), store.digest(&[b"a"]));
    let Err(store::Error::Unreachable(cause)) = get(&other, "a").await else { panic!("it must not be shared") };
    assert!(cause.to_string().contains("hash_key_file"), "{cause}");
    config.redis.key_prefix = "other".into();
    assert_eq!(get(&open(&config), "a").await.unwrap(), None);
}

#[tokio::test]
async fn the_script_is_loaded_again_after_a_flush() {
    let Some(server) = Redis::start().await else { return };
    let (store, mut server_itself) = (open(&server.store()), server.connect().await);
    for n in 1..=3 {
        assert_eq!(add(&store, "n").await.unwrap(), n);
        let () = ask(&mut server_itself, "SCRIPT FLUSH").await;
    }
}
