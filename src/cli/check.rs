//! `check`: is this configuration right, and what does it say?

mod words;

use std::{
    fmt::{self, Display},
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;

use super::Failure;
use crate::{
    config::{Config, Environment, Mistakes, human::write_duration},
    tenant::{Directory, Entry, Watch},
};

/// Checks a configuration file and its tenants file, and says in words what they mean.
#[derive(Args)]
pub(super) struct Arguments {
    /// The configuration file.
    #[arg(long, default_value = "gateway.yaml")]
    config: PathBuf,
}

/// Prints what the configuration says, or everything that is wrong with it and with the tenants.
pub(super) fn run(arguments: &Arguments, env: &Environment) -> Result<(), Failure> {
    let (config, directory, _) = load(&arguments.config, env)?;
    write!(io::stdout(), "{}", Summary { config: &config, tenants: directory.entries() })?;
    Ok(())
}

/// Reads the configuration and the tenants, with all mistakes of both at once.
pub(super) fn load(path: &Path, env: &Environment) -> Result<(Config, Directory, Watch), Mistakes> {
    let (config, mut mistakes) = Config::read(path, env);
    let Some(config) = config else { return Err(mistakes) };
    // Where the path itself is wrong, the tenants file would be another one.
    if mistakes.touch("tenants.file") {
        return Err(mistakes);
    }
    match Watch::begin(&config.tenants.file, env) {
        Ok((directory, watch)) => mistakes.none_or((config, directory, watch)),
        Err(more) => {
            mistakes.append(more);
            Err(mistakes)
        }
    }
}

/// What a configuration means, in words, without secrets.
struct Summary<'c> {
    config: &'c Config,
    tenants: &'c [Entry],
}

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config { grpc, upstream, telemetry, .. } = self.config;
        writeln!(f, "gRPC on {}, reflection {}", grpc.listen, if grpc.reflection { "on" } else { "off" })?;
        let attempts = upstream.retry.max_attempts;
        let (attempt, plural) = (write_duration(upstream.attempt_timeout), if attempts == 1 { "" } else { "s" });
        writeln!(f, "calls {}, up to {attempts} attempt{plural} of {attempt} each", upstream.base_url)?;
        if upstream.base_url.starts_with("http:") {
            writeln!(f, "warning: this is not https: API keys and codes travel in the clear")?;
        }
        match &telemetry.otlp.endpoint {
            Some(endpoint) => writeln!(f, "traces {} of calls to {endpoint}", telemetry.otlp.sample_ratio)?,
            None => writeln!(f, "exports no traces")?,
        }
        let count = self.tenants.len();
        writeln!(f, "{count} tenant{}:", if count == 1 { "" } else { "s" })?;
        self.tenants.iter().enumerate().try_for_each(|(at, entry)| tenant(f, entry, &self.tenants[..at]))
    }
}

fn tenant(f: &mut fmt::Formatter<'_>, entry: &Entry, before: &[Entry]) -> fmt::Result {
    let Entry { tenant, identities, key_source } = entry;
    let profile = tenant.default_profile.as_deref().unwrap_or("none");
    writeln!(f, "  {}: key from {key_source}, default profile {profile}", tenant.id)?;
    identities.iter().try_for_each(|known| write!(f, "{}", words::Identity(known)))?;
    let same_key = |other: &&Entry| other.tenant.key.identity() == tenant.key.identity();
    match before.iter().find(same_key) {
        Some(other) => {
            writeln!(f, "    note: has the same Telnyx key as {}, so each sees the other's data", other.tenant.id)
        }
        None => Ok(()),
    }
}
