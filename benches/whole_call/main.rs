//! A whole call through the running gateway, compared with two bare hops.
//!
//! Each server is a separate process, so that its CPU time can be measured. All servers forward every call to the same
//! do-nothing origin. One run measures them in turns, so that a noisy machine affects all of them.
//!
//! `cargo bench --bench whole_call [-- ROUNDS CALLS]`
//!
//! `tests/cost/run` counts instructions and round trips with the same calls.

#![expect(unreachable_pub, reason = "a module of a binary reaches no further than its crate")]

mod child;
mod count;
mod gateway;
mod hops;
mod kind;
mod load;
mod redis;
mod report;

use std::{env, error::Error, process::ExitCode, time::Instant};

use tempfile::TempDir;

use self::{
    child::Child,
    gateway::Gateway,
    kind::Kind,
    load::{Load, Sample},
};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Concurrent calls, over [`CONNECTIONS`] connections.
const CONCURRENCY: usize = 32;
const CONNECTIONS: usize = 4;
const TOKEN: &str = "vgw_bench-token-bench-token";
const PROFILE: &str = "4900017a-e7c8-e79e-0a7c-0d98f49b09cc";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be built");
    let done = match arguments.get(1).map(String::as_str) {
        Some("origin") => runtime.block_on(hops::origin()),
        Some("collector") => runtime.block_on(hops::collector()),
        Some("hop-reqwest") => runtime.block_on(hops::serve_reqwest(&arguments[2])),
        Some("hop-hyper") => runtime.block_on(hops::serve_hyper(&arguments[2])),
        Some("count") => runtime.block_on(count::run(&arguments[2..])),
        _ => runtime.block_on(measure(&arguments)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &[String]) -> Result<()> {
    let mut numbers = arguments.iter().filter_map(|argument| argument.parse::<usize>().ok());
    let rounds = numbers.next().unwrap_or(7);
    let calls = numbers.next().unwrap_or(20_000);

    let origin = Child::of_this_bench(&["origin"])?;
    let collector = Child::of_this_bench(&["collector"])?;
    let upstream = format!("http://{}", origin.addr());

    let folders = [(); 3].map(|()| tempfile::tempdir());
    let binary = [env!("CARGO_BIN_EXE_verify-gateway")];
    let gateway = |folder: &std::io::Result<TempDir>, traced| {
        let folder = folder.as_ref().map_err(ToString::to_string)?;
        Gateway { command: &binary, upstream: &upstream, collector: collector.addr(), traced, redis: None }
            .start(folder)
    };
    let start = Instant::now();
    let first = gateway(&folders[0], 0.01)?;
    Load::connect(first.addr(), Kind::Send, 1).await?;
    let start = start.elapsed();
    let idle = first.resident_kib()?;

    let servers = [
        ("gateway", Kind::Send, first),
        ("bare tonic + reqwest", Kind::Send, Child::of_this_bench(&["hop-reqwest", &upstream])?),
        ("bare tonic + hyper-util", Kind::Send, Child::of_this_bench(&["hop-hyper", &upstream])?),
        ("gateway, a request_id each", Kind::NamedSend, gateway(&folders[1], 0.01)?),
        ("gateway, every call traced", Kind::Send, gateway(&folders[2], 1.0)?),
    ];
    let mut samples: [Vec<Sample>; 5] = Default::default();
    for (_, kind, server) in &servers {
        Load::connect(server.addr(), *kind, CONNECTIONS).await?.run(calls / 4, CONCURRENCY).await?;
    }
    for _ in 0..rounds {
        for ((_, kind, server), samples) in servers.iter().zip(&mut samples) {
            let load = Load::connect(server.addr(), *kind, CONNECTIONS).await?;
            let before = server.cpu_time()?;
            let mut sample = load.run(calls, CONCURRENCY).await?;
            sample.cpu_per_call = server.cpu_time()?.saturating_sub(before) / u32::try_from(calls)?;
            samples.push(sample);
        }
    }
    let loaded = servers[0].2.resident_kib()?;

    println!("\n{calls} sends a round, {rounds} rounds, {CONCURRENCY} in flight over {CONNECTIONS} connections;");
    println!(
        "gateway: release build, authentication, validation, metrics and tracing at 1 % on; medians of the rounds\n"
    );
    report::table(&servers.each_ref().map(|(name, ..)| *name), &samples);
    println!("\ngateway: start to first connection {start:.0?}, memory {idle} KiB idle, {loaded} KiB after the load");
    Ok(())
}
