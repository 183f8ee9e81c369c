//! `simulator`: runs only the simulated Telnyx Verify API, for any REST client.

use std::{
    fs,
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, ensure};
use clap::Args;
use tokio::net::lookup_host;

use super::{stop_signal, usage};
use crate::{
    config::{Environment, Unread},
    http_client::{self, Proxies},
    simulator::{Certificate, Error, Fixtures, Handle, Server, Settings},
};

/// The variables of settings begin so: `SIMULATOR_ATTEMPT_LIMIT` is `attempt_limit`.
const PREFIX: &str = "SIMULATOR_";

/// Variables that are no settings: those of arguments, and those that Kubernetes makes for a service of this name.
const OTHER: [&str; 8] = ["FIXTURES", "STATE", "LISTEN", "ALLOW_REMOTE", "TLS", "TLS_NAMES", "PORT", "SERVICE"];

/// Runs only the simulated Telnyx Verify API, for any REST client.
#[derive(Args)]
pub(super) struct SimulatorArguments {
    /// The address to listen on, such as localhost:4010. Port 0 takes any free port.
    #[arg(long, env = "SIMULATOR_LISTEN", default_value = "127.0.0.1:4010")]
    listen: String,
    /// Allows an address that other machines can reach. Every client that reaches it can read every code.
    #[arg(long, env = "SIMULATOR_ALLOW_REMOTE")]
    allow_remote: bool,
    /// Serves HTTPS with a certificate of its own, and prints the certificate of its authority.
    #[arg(long, env = "SIMULATOR_TLS")]
    tls: bool,
    /// Further names and IP addresses in the certificate, separated by commas.
    #[arg(long, env = "SIMULATOR_TLS_NAMES", value_delimiter = ',', value_name = "NAMES")]
    tls_names: Vec<String>,
    /// Fixtures that exist at the start and after a reset: a file of JSON, or the JSON itself. See docs/SIMULATOR.md.
    #[arg(long, env = "SIMULATOR_FIXTURES", value_name = "FILE|JSON")]
    fixtures: Option<String>,
    /// Loads the state from this file at the start, if it exists, and saves it there at the end.
    #[arg(long, env = "SIMULATOR_STATE", value_name = "FILE")]
    state: Option<PathBuf>,
    /// Changes a setting of docs/SIMULATOR.md. Can be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// Runs no simulator, and checks that one answers at this address. Exits 0 if it does.
    #[arg(long)]
    probe: bool,
}

/// Runs the simulator until Ctrl-C or SIGTERM.
pub(super) async fn run(arguments: SimulatorArguments, env: &Environment) -> anyhow::Result<()> {
    if arguments.probe {
        return probe(&arguments).await;
    }
    let stopped = stop_signal()?;
    let fixtures = read_fixtures(arguments.fixtures.as_deref())?;
    let settings = read_settings(&arguments.settings, &fixtures, env)?;
    let addrs: Vec<_> = match lookup_host(&arguments.listen).await {
        Ok(addrs) => addrs.collect(),
        Err(error) => return Err(usage(format!("--listen must be HOST:PORT: {error}"))),
    };
    let certificate = arguments.tls.then(|| Certificate::generate(&arguments.tls_names)).transpose().map_err(usage)?;
    let bound = Server::bind(addrs.as_slice(), arguments.allow_remote, settings, fixtures).await;
    let mut server = bound.map_err(|error| match error {
        Error::NotLoopback(_) => usage(format!("{error}: pass --allow-remote to allow it")),
        Error::Settings(_) => usage(error),
        Error::Bind { .. } => error.into(),
    })?;
    if let Some(file) = &arguments.state {
        load_state(&server.handle(), file)?;
    }
    let (addr, scheme) = (server.addr(), if arguments.tls { "https" } else { "http" });
    let guide = format!("Telnyx Verify API simulator: {scheme}://{addr}/v2 (open {scheme}://{addr} in a browser)");
    // A simulator whose output nobody reads works too.
    let _ = writeln!(io::stdout(), "{guide}");
    if let Some(certificate) = certificate {
        let _ = writeln!(io::stdout(), "{}", certificate.ca());
        server.use_tls(&certificate);
    }
    let simulator = server.handle();
    server.serve(stopped).await;
    match &arguments.state {
        Some(file) => save_state(&simulator, file).with_context(|| format!("cannot save {}", file.display())),
        None => Ok(()),
    }
}

fn load_state(simulator: &Handle, file: &Path) -> anyhow::Result<()> {
    match fs::read_to_string(file) {
        Ok(saved) => simulator.load(&saved).map_err(|error| usage(format!("{}: {error}", file.display()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(usage(format!("{}: {error}", file.display()))),
    }
}

/// Replaces the file as a whole, so that a failure leaves the old one.
fn save_state(simulator: &Handle, file: &Path) -> io::Result<()> {
    let mut new = file.as_os_str().to_owned();
    new.push(".new");
    fs::write(&new, simulator.save())?;
    fs::rename(new, file)
}

/// The settings of the fixtures, then of the environment, then of the command line.
fn read_settings(pairs: &[String], fixtures: &Fixtures, env: &Environment) -> anyhow::Result<Settings> {
    let mut settings = Settings::default();
    settings.patch(&fixtures.settings).map_err(|error| usage(format!("fixtures: settings: {error}")))?;
    for variable in env.names(PREFIX) {
        let name = &variable[PREFIX.len()..];
        if OTHER.iter().any(|other| name == *other || name.starts_with(&format!("{other}_"))) {
            continue;
        }
        let value = env.get(variable).map_err(|_: Unread| usage(format!("{variable} must be UTF-8")))?;
        settings.set(&name.to_lowercase(), value).map_err(|error| usage(format!("{variable}: {error}")))?;
    }
    for pair in pairs {
        let (name, value) = pair.split_once('=').ok_or_else(|| usage("--set takes NAME=VALUE"))?;
        settings.set(name, value).map_err(usage)?;
    }
    Ok(settings)
}

/// Asks a running simulator for its health.
async fn probe(arguments: &SimulatorArguments) -> anyhow::Result<()> {
    let scheme = if arguments.tls { "https" } else { "http" };
    let client = http_client::build(None, &Proxies::default(), |builder| {
        // It asks the simulator of this machine, whose authority it does not know.
        builder.timeout(Duration::from_secs(5)).tls_danger_accept_invalid_certs(arguments.tls)
    })?;
    let url = format!("{scheme}://{}/_simulator/health", arguments.listen);
    let status = client.get(url).send().await.context("no simulator answers")?.status();
    ensure!(status.is_success(), "the simulator answers {status}");
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
