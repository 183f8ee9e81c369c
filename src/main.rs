//! The process.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use tokio::runtime;
use verify_gateway::{cli, config::Environment};

/// Calls allocate many small values. This allocator is faster at that than the system's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> anyhow::Result<ExitCode> {
    // It fails only if a provider is already installed, and nothing has run yet.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(cli::run(std::env::args_os(), &Environment::of_process())))
}
