//! A whole call through the running gateway, compared with two bare hops.
//!
//! Each server is a separate process, so that its CPU time can be measured. All servers forward every call to the same
//! do-nothing origin. One run measures them in turns, so that a noisy machine affects all of them.
//!
//! `cargo bench --bench whole_call [-- ROUNDS CALLS]`

#![expect(unreachable_pub, reason = "a module of a binary reaches no further than its crate")]

mod child;
mod hops;
mod load;
mod report;

use std::{env, error::Error, fs, process::ExitCode, time::Instant};

use self::{
    child::Child,
    load::{Load, Sample},
};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Concurrent calls, over [`CONNECTIONS`] connections.
const CONCURRENCY: usize = 32;
const CONNECTIONS: usize = 4;
const TOKEN: &str = "vgw_bench-token-bench-token";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be built");
    let done = match arguments.get(1).map(String::as_str) {
        Some("origin") => runtime.block_on(hops::origin()),
        Some("collector") => runtime.block_on(hops::collector()),
        Some("hop-reqwest") => runtime.block_on(hops::serve_reqwest(&arguments[2])),
        Some("hop-hyper") => runtime.block_on(hops::serve_hyper(&arguments[2])),
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

    let folder = tempfile::tempdir()?;
    let start = Instant::now();
    let gateway = gateway(folder.path(), &upstream, collector.addr(), 0.01)?;
    Load::connect(gateway.addr(), false).await?;
    let start = start.elapsed();
    let idle = gateway.resident_kib()?;

    let (named_folder, all_folder) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let named = "gateway, a request_id each";
    let servers = [
        ("gateway", gateway),
        ("bare tonic + reqwest", Child::of_this_bench(&["hop-reqwest", &upstream])?),
        ("bare tonic + hyper-util", Child::of_this_bench(&["hop-hyper", &upstream])?),
        (named, self::gateway(named_folder.path(), &upstream, collector.addr(), 0.01)?),
        ("gateway, every call traced", self::gateway(all_folder.path(), &upstream, collector.addr(), 1.0)?),
    ];
    let mut samples: [Vec<Sample>; 5] = Default::default();
    for (name, server) in &servers {
        Load::connect(server.addr(), *name == named).await?.run(calls / 4).await?;
    }
    for _ in 0..rounds {
        for ((name, server), samples) in servers.iter().zip(&mut samples) {
            let load = Load::connect(server.addr(), *name == named).await?;
            let before = server.cpu_time()?;
            let mut sample = load.run(calls).await?;
            sample.cpu_per_call = server.cpu_time()?.saturating_sub(before) / u32::try_from(calls)?;
            samples.push(sample);
        }
    }
    let loaded = servers[0].1.resident_kib()?;

    println!("\n{calls} sends a round, {rounds} rounds, {CONCURRENCY} in flight over {CONNECTIONS} connections;");
    println!(
        "gateway: release build, authentication, validation, metrics and tracing at 1 % on; medians of the rounds\n"
    );
    report::table(&servers.each_ref().map(|(name, _)| *name), &samples);
    println!("\ngateway: start to first connection {start:.0?}, memory {idle} KiB idle, {loaded} KiB after the load");
    Ok(())
}

/// Starts the gateway as in production: a process with a configuration and a tenants file. It traces the share `traced`
/// of the calls.
fn gateway(folder: &std::path::Path, upstream: &str, collector: &str, traced: f64) -> Result<Child> {
    let config = folder.join("gateway.yaml");
    fs::write(
        &config,
        format!(
            "grpc: {{ listen: 127.0.0.1:0, plaintext: true }}\n\
             admin: {{ listen: 127.0.0.1:0 }}\n\
             upstream: {{ base_url: {upstream}/v2 }}\n\
             store: {{ max_size: 1024MiB }}\n\
             telemetry: {{ log: {{ format: json }}, otlp: {{ endpoint: http://{collector}, sample_ratio: {traced} }} }}\n"
        ),
    )?;
    let hash = verify_gateway::domain::TokenHash::of(TOKEN);
    fs::write(
        folder.join("tenants.yaml"),
        format!(
            "tenants:\n  - id: bench\n    telnyx_api_key: {{ inline: KEYbench }}\n    identities:\n      \
             - {{ name: bench, tokens: [\"{hash}\"], roles: [sender], channels: any, countries: any, profiles: any }}\n"
        ),
    )?;
    Child::spawn(env!("CARGO_BIN_EXE_verify-gateway"), &["serve", "--config", &config.display().to_string()])
}
