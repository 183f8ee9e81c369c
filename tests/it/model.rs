//! A model test: at most one message for each operation, in random interleavings in paused time.
//!
//! Callers repeat requests, reuse request IDs and disconnect. The upstream fails before and after it acts, and acts
//! late. Gateways are killed and restarted on the same store. Clocks move. At the end, every operation with a request ID is
//! repeated until it has an answer, and the answers are compared with the simulator's outbox.
//!
//! Two gateways share the store: in one memory, or at a real server. With a server, time can not be paused, so the
//! interleavings run faster and are not reproducible. The connection to the server loses answers and delays writes.
//!
//! `MODEL_RUNS` sets the number of interleavings in memory (default 1000), `REDIS_MODEL_RUNS` the number with a server
//! (default 100). `MODEL_SEED` repeats one interleaving in memory.

mod answers;
mod checks;
mod origin;
mod random;
mod truth;
mod world;

use std::{env, sync::Arc, thread, time::Duration};

use tokio::{sync::Semaphore, task::JoinSet};
use verify_gateway::store::Store;

use self::{random::Random, world::World};
use crate::support::{
    redis::Redis,
    relay::{Fate, Relay},
};

/// Runs the interleavings from `first` to `end` in steps of `step`.
fn run(first: u64, step: usize, end: u64) {
    for seed in (first..end).step_by(step) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let outcome = runtime.block_on(async { tokio::spawn(World::play(Random::new(seed))).await });
        let outcome = outcome.unwrap_or_else(|error| Err(error.to_string()));
        assert!(outcome.is_ok(), "MODEL_SEED={seed}: {}", outcome.unwrap_err());
    }
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn gateways_that_share_a_memory_send_one_message_per_operation() {
    if let Some(seed) = number("MODEL_SEED") {
        return run(seed, 1, seed + 1);
    }
    let runs = number("MODEL_RUNS").unwrap_or(1000);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for first in 0..threads {
            scope.spawn(move || run(first as u64, threads, runs));
        }
    });
}

/// The number of concurrent interleavings. They mostly wait.
const AT_ONCE: usize = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_that_share_a_server_send_one_message_per_operation() {
    let Some(server) = Redis::start().await else { return };
    let random = Random::new(number("MODEL_SEED").unwrap_or_default());
    // Only commands fail. A failed connection causes a back-off, in which little happens.
    let fate = move |written: &[u8]| match random.below(100) {
        _ if !written.windows(4).any(|word| word == b"EVAL") => Fate::Good,
        0 => Fate::Unsent,
        1..=2 => Fate::Lost,
        3..=4 => Fate::Late(random.millis(20)),
        5 => Fate::Late(Duration::from_millis(600)),
        _ => Fate::Good,
    };
    let relay = Relay::start(&server.path("redis.sock"), "relay.sock", fate);
    let mut config = server.store();
    config.redis.urls = vec![relay.url()];
    // Long enough that time-outs are rare.
    config.redis.timeout = Duration::from_secs(2);
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut worlds = JoinSet::new();
    for seed in 0..number("REDIS_MODEL_RUNS").unwrap_or(100) {
        let (mut config, permits) = (config.clone(), permits.clone());
        config.redis.key_prefix = format!("world-{seed}");
        worlds.spawn(async move {
            let _permit = permits.acquire().await.unwrap();
            let store = |clock| Store::new(&config, Duration::from_mins(1), clock, |_| ()).unwrap();
            World::play_at(Random::new(seed), store).await.map_err(|wrong| format!("world {seed}: {wrong}"))
        });
    }
    while let Some(world) = worlds.join_next().await {
        let outcome = world.unwrap();
        assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
    }
}
