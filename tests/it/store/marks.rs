//! Since when a store has kept its records, and by which clock.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use verify_gateway::{clock::Clock, config::Config, store::Store};

use super::contract::{open, put};
use crate::support::redis::{Redis, ask};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn memory_has_kept_its_records_since_it_was_created() {
    let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
    let store = Store::memory(&Config::default().store, clock.clone());
    let created = store.now();
    tokio::time::advance(MINUTE).await;
    clock.advance(MINUTE);
    assert_eq!((store.records_since().await, store.now()), (Some(created), created + 2 * MINUTE));
}

/// How a server loses records.
async fn lose(server: &mut Redis, how: &str) {
    let mut itself = server.connect().await;
    match how {
        "restarted" => {
            server.kill().await;
            server.revive().await;
        }
        "evicted" => {
            for (setting, value) in [("maxmemory-policy", "allkeys-random"), ("maxmemory", "1")] {
                let () = ask(&mut itself, &format!("CONFIG SET {setting} {value}")).await;
            }
            let () = ask(&mut itself, "PING").await;
            while !ask::<String>(&mut itself, "INFO keyspace").await.trim_end().ends_with("Keyspace") {}
            let () = ask(&mut itself, "CONFIG SET maxmemory 0").await;
        }
        command => {
            let () = ask(&mut itself, command).await;
        }
    }
}

#[tokio::test]
async fn a_server_that_loses_records_has_kept_them_since_then() {
    for how in ["FLUSHALL", "restarted", "evicted"] {
        // It restarts with its records. Whether it has lost the last ones, nobody knows.
        let Some(mut server) = Redis::with(&["--appendonly", "yes", "--appendfsync", "always"]).await else { return };
        let (one, other) = (open(&server.store()), open(&server.store()));
        put(&one, "a", "there", MINUTE).await.unwrap();
        let first = one.records_since().await.unwrap();
        assert!(first <= one.now());
        assert_eq!(other.records_since().await, Some(first));
        // The clock shows the next millisecond.
        while one.now() < first + SignedDuration::from_millis(2) {}
        let before = one.now();
        lose(&mut server, how).await;
        let since = loop {
            // The connection may have ended.
            if let Some(since) = one.records_since().await {
                break since;
            }
        };
        assert!(since > before, "{how}: {first} {before} {since}");
        assert_eq!(loop_until(&other).await, since, "{how}");
        assert_eq!(one.records_since().await, Some(since), "{how}");
    }
}

async fn loop_until(store: &Store) -> Timestamp {
    loop {
        if let Some(since) = store.records_since().await {
            return since;
        }
    }
}

#[tokio::test]
async fn gateways_whose_clocks_differ_count_by_the_clock_of_the_server() {
    let Some(server) = Redis::start().await else { return };
    let config = server.store();
    let fast = Clock::starting_at(Timestamp::now() + MINUTE);
    let fast = Store::new(&config, MINUTE, fast, |_| ()).unwrap();
    let right = open(&config);
    assert!(fast.now().duration_since(right.now()) > SignedDuration::from_secs(30));
    for store in [&fast, &right] {
        put(store, "a", "there", MINUTE).await.unwrap();
    }
    // A busy machine delays a measurement by less than this.
    let apart = fast.now().duration_since(right.now());
    assert!(apart.abs() < SignedDuration::from_secs(10), "{apart}");
    assert!(
        (fast.clock_offset() + SignedDuration::from_mins(1)).abs() < SignedDuration::from_secs(10),
        "{}",
        fast.clock_offset()
    );
}
