//! At most one message per intent, whatever happens: random interleavings in paused time.
//!
//! Callers repeat themselves, contradict themselves and go away; the upstream fails before and after it acts, and acts
//! late; the gateway is killed and started again on the same records; clocks are moved. In the end every intent that has
//! a name is driven to its answer, and the outbox has the last word.
//!
//! `MODEL_RUNS` says how many interleavings (1000 where it is not set), `MODEL_SEED` replays one.

mod origin;
mod random;
mod world;

use std::{env, thread};

use self::{random::Random, world::World};

/// The interleavings from `first` on, every `step`th, up to `end`.
fn run(first: u64, step: usize, end: u64) {
    for seed in (first..end).step_by(step) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let outcome = runtime.block_on(async { tokio::spawn(World::play(Random::new(seed))).await });
        let told = outcome.unwrap_or_else(|error| Err(error.to_string()));
        assert!(told.is_ok(), "MODEL_SEED={seed}: {}", told.unwrap_err());
    }
}

#[test]
fn the_outbox_holds_one_message_per_intent() {
    let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
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
