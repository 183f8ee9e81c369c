//! At most one message per intent, whatever happens: random interleavings in paused time.
//!
//! Callers repeat themselves, contradict themselves and go away; the upstream fails before and after it acts, and acts
//! late; the gateway is killed and started again on the same records; clocks are moved. In the end every intent that has
//! a name is driven to its answer, and the outbox has the last word.
//!
//! Two gateways share the records: in one memory, or at a real server. There time can't be paused, so the interleavings are
//! faster and not the same each time, and the way to the server loses answers and delays what is written.
//!
//! `MODEL_RUNS` says how many interleavings (1000 where it is not set), `REDIS_MODEL_RUNS` how many at a server (100),
//! `MODEL_SEED` replays one of those in memory.

mod origin;
mod random;
mod told;
mod world;

use std::{env, sync::Arc, thread, time::Duration};

use tokio::{sync::Semaphore, task::JoinSet};
use verify_gateway::{clock::Clock, store::Store};

use self::{random::Random, world::World};
use crate::support::{
    redis::Redis,
    relay::{Fate, Relay},
};

/// The interleavings from `first` on, every `step`th, up to `end`.
fn run(first: u64, step: usize, end: u64) {
    for seed in (first..end).step_by(step) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let outcome = runtime.block_on(async { tokio::spawn(World::play(Random::new(seed))).await });
        let told = outcome.unwrap_or_else(|error| Err(error.to_string()));
        assert!(told.is_ok(), "MODEL_SEED={seed}: {}", told.unwrap_err());
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

/// How many worlds play at once. They mostly wait.
const AT_ONCE: usize = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_that_share_a_server_send_one_message_per_operation() {
    let Some(server) = Redis::start().await else { return };
    let random = Random::new(number("MODEL_SEED").unwrap_or_default());
    // Connecting is left alone: who can't connect is refused for a while, and little would happen.
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
    // Giving up is the exception.
    config.redis.timeout = Duration::from_secs(2);
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut worlds = JoinSet::new();
    for seed in 0..number("REDIS_MODEL_RUNS").unwrap_or(100) {
        let (mut config, places) = (config.clone(), places.clone());
        config.redis.key_prefix = format!("world-{seed}");
        worlds.spawn(async move {
            let _place = places.acquire().await.unwrap();
            let stores = [(); 2].map(|()| Store::new(&config, Clock::default(), |_| ()).unwrap());
            World::play_at(Random::new(seed), stores).await.map_err(|wrong| format!("world {seed}: {wrong}"))
        });
    }
    while let Some(world) = worlds.join_next().await {
        let told = world.unwrap();
        assert!(told.is_ok(), "{}", told.unwrap_err());
    }
}
