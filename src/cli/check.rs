//! `check`: is this configuration right, and what does it say?

use std::{
    fmt::{self, Display},
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;

use super::Failure;
use crate::{
    clock::Clock,
    config::{self, Backend, Config, Environment, Mistakes, RedisMode, human::write_duration},
    store::Store,
    tenant::{Allow, Directory, Entry},
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
    let (config, directory) = load(&arguments.config, env)?;
    write!(io::stdout(), "{}", Summary { config: &config, tenants: directory.entries() })?;
    Ok(())
}

/// Reads the configuration and the tenants, with all mistakes of both at once.
pub(super) fn load(path: &Path, env: &Environment) -> Result<(Config, Directory), Mistakes> {
    let (config, mut mistakes) = Config::read(path, env);
    let Some(config) = config else { return Err(mistakes) };
    // Where the path itself is wrong, the tenants file would be another one.
    let directory = if mistakes.touch("tenants.file") {
        Directory::default()
    } else {
        Directory::load(&config.tenants.file, env).unwrap_or_else(|more| {
            mistakes.append(more);
            Directory::default()
        })
    };
    // Where the section itself is wrong, its files would be others.
    if !mistakes.touch("store")
        && let Err(more) = Store::new(&config.store, Clock::default(), |_| ())
    {
        mistakes.append(more);
    }
    mistakes.none_or((config, directory))
}

/// What a configuration means, in words, without secrets.
struct Summary<'c> {
    config: &'c Config,
    tenants: &'c [Entry],
}

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config { grpc, upstream, store, telemetry, .. } = self.config;
        writeln!(f, "gRPC on {}, reflection {}", grpc.listen, if grpc.reflection { "on" } else { "off" })?;
        let attempts = upstream.retry.max_attempts;
        let (attempt, plural) = (write_duration(upstream.attempt_timeout), if attempts == 1 { "" } else { "s" });
        writeln!(f, "calls {}, up to {attempts} attempt{plural} of {attempt} each", upstream.base_url)?;
        if upstream.base_url.starts_with("http:") {
            writeln!(f, "warning: this is not https: API keys and codes travel in the clear")?;
        }
        records(f, store)?;
        match &telemetry.otlp.endpoint {
            Some(endpoint) => writeln!(f, "traces {} of calls to {endpoint}", telemetry.otlp.sample_ratio)?,
            None => writeln!(f, "exports no traces")?,
        }
        let count = self.tenants.len();
        writeln!(f, "{count} tenant{}:", if count == 1 { "" } else { "s" })?;
        self.tenants.iter().enumerate().try_for_each(|(at, entry)| tenant(f, entry, &self.tenants[..at]))
    }
}

fn records(f: &mut fmt::Formatter<'_>, store: &config::Store) -> fmt::Result {
    let config::Redis { mode, urls, .. } = &store.redis;
    let kind = match (store.backend, mode) {
        (Backend::Memory, _) => {
            writeln!(f, "records in memory, up to {}", store.max_records)?;
            return match store.replicas {
                1 => Ok(()),
                replicas => writeln!(
                    f,
                    "warning: {replicas} replicas with a memory each: a call that is repeated at another one is sent \
                     again; store.backend must be redis"
                ),
            };
        }
        (Backend::Redis, RedisMode::Standalone) => "a server",
        (Backend::Redis, RedisMode::Cluster) => "a cluster",
        (Backend::Redis, RedisMode::Sentinel) => "servers with sentinels",
    };
    writeln!(f, "records at {kind}, {}", urls.join(", "))?;
    if urls.iter().any(|url| url.starts_with("redis:")) {
        writeln!(f, "warning: this is not rediss: the password and the records travel in the clear")?;
    }
    Ok(())
}

fn tenant(f: &mut fmt::Formatter<'_>, entry: &Entry, before: &[Entry]) -> fmt::Result {
    let Entry { tenant, tokens, key_source } = entry;
    let plural = if *tokens == 1 { "" } else { "s" };
    write!(f, "  {}: {tokens} token{plural}, key from {key_source}", tenant.id)?;
    let profile = tenant.default_profile.as_deref();
    writeln!(f, ", default profile {}", profile.unwrap_or("none"))?;
    writeln!(f, "    may {}", may(&tenant.allow))?;
    let same_key = |other: &&Entry| other.tenant.key.authorization() == tenant.key.authorization();
    match before.iter().find(same_key) {
        Some(other) => {
            writeln!(f, "    note: has the same Telnyx key as {}, so each sees the other's data", other.tenant.id)
        }
        None => Ok(()),
    }
}

/// What a tenant may do, in words.
fn may(allow: &Allow) -> String {
    let rpcs = list(&allow.rpcs, "every rpc");
    let channels = list(&allow.channels, "every channel");
    let countries = list(&allow.countries, "every country");
    let profiles = list(&allow.profiles, "every profile");
    format!("call {rpcs}, on {channels}, to {countries}, with {profiles}")
}

fn list(items: &[impl Display], every: &str) -> String {
    if items.is_empty() {
        return every.to_owned();
    }
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
