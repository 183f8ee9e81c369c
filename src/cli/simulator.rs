//! `simulator`: runs only the simulated Telnyx Verify API, for any REST client.

use std::net::SocketAddr;

use anyhow::anyhow;
use clap::Args;

use super::{Failure, stop_signal};
use crate::simulator::{Error, Server, Settings};

/// Runs only the simulated Telnyx Verify API, for any REST client.
#[derive(Args)]
pub(super) struct Arguments {
    /// The address to listen on. Port 0 takes any free port.
    #[arg(long, default_value = "127.0.0.1:4010")]
    listen: SocketAddr,
    /// Allows an address that other machines can reach. Whoever reaches it can read every code.
    #[arg(long)]
    allow_remote: bool,
    /// Changes a setting of docs/SIMULATOR.md. Can be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
}

/// Runs the simulator until Ctrl-C or SIGTERM.
pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let stopped = stop_signal()?;
    let mut settings = Settings::default();
    for pair in &arguments.settings {
        let (name, value) = pair.split_once('=').ok_or_else(|| usage("--set takes NAME=VALUE"))?;
        settings.set(name, value).map_err(usage)?;
    }
    let server =
        Server::bind(arguments.listen, arguments.allow_remote, settings).await.map_err(|error| match error {
            Error::NotLoopback(_) => usage(format!("{error}: pass --allow-remote to allow it")),
            Error::Settings(_) => usage(error),
            Error::Bind { .. } => Failure::Runtime(error.into()),
        })?;
    let addr = server.addr();
    println!("Telnyx Verify API simulator: http://{addr}/v2 (control endpoints: curl http://{addr}/)");
    server.serve(stopped).await;
    Ok(())
}

fn usage(error: impl std::fmt::Display) -> Failure {
    Failure::Usage(anyhow!("{error}"))
}
