//! `simulator`: runs only the simulated Telnyx Verify API, for any REST client.

use std::{
    io::{self, Write},
    net::SocketAddr,
};

use clap::Args;

use super::{stop_signal, usage};
use crate::simulator::{Error, Fixtures, Server, Settings};

/// Runs only the simulated Telnyx Verify API, for any REST client.
#[derive(Args)]
pub(super) struct SimulatorArguments {
    /// The address to listen on. Port 0 takes any free port.
    #[arg(long, default_value = "127.0.0.1:4010")]
    listen: SocketAddr,
    /// Allows an address that other machines can reach. Every client that reaches it can read every code.
    #[arg(long)]
    allow_remote: bool,
    /// Fixtures that exist at the start and after a reset: a file of JSON, or the JSON itself. See docs/SIMULATOR.md.
    #[arg(long, env = "SIMULATOR_FIXTURES", value_name = "FILE|JSON")]
    fixtures: Option<String>,
    /// Changes a setting of docs/SIMULATOR.md. Can be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
}

/// Runs the simulator until Ctrl-C or SIGTERM.
pub(super) async fn run(arguments: SimulatorArguments) -> anyhow::Result<()> {
    let stopped = stop_signal()?;
    let fixtures = read_fixtures(arguments.fixtures.as_deref())?;
    let mut settings = Settings::default();
    settings.patch(&fixtures.settings).map_err(|error| usage(format!("fixtures: settings: {error}")))?;
    for pair in &arguments.settings {
        let (name, value) = pair.split_once('=').ok_or_else(|| usage("--set takes NAME=VALUE"))?;
        settings.set(name, value).map_err(usage)?;
    }
    let server =
        Server::bind(arguments.listen, arguments.allow_remote, settings, fixtures).await.map_err(
            |error| match error {
                Error::NotLoopback(_) => usage(format!("{error}: pass --allow-remote to allow it")),
                Error::Settings(_) => usage(error),
                Error::Bind { .. } => error.into(),
            },
        )?;
    let addr = server.addr();
    // Nobody may read it.
    let _ = writeln!(
        io::stdout(),
        "Telnyx Verify API simulator: http://{addr}/v2 (control endpoints: curl http://{addr}/)"
    );
    server.serve(stopped).await;
    Ok(())
}

/// Reads `--fixtures`. Text that begins with a brace is JSON, all other text names a file.
fn read_fixtures(argument: Option<&str>) -> anyhow::Result<Fixtures> {
    let Some(argument) = argument else { return Fixtures::parse("{}").map_err(usage) };
    if argument.trim_start().starts_with('{') {
        return Fixtures::parse(argument).map_err(|error| usage(format!("fixtures: {error}")));
    }
    let text = std::fs::read_to_string(argument).map_err(|error| usage(format!("{argument}: {error}")))?;
    Fixtures::parse(&text).map_err(|error| usage(format!("{argument}: {error}")))
}
