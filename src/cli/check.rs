//! `check`: is this configuration right, and what does it say?

mod limits;
mod words;

use std::{
    fmt::{self, Display},
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;

use super::CommandError;
use crate::{
    clock::Clock,
    config::{
        self, Backend, ClientCertificate, Config, Environment, Errors, GrpcConfig, Location, RedisMode,
        human::write_duration,
    },
    grpc::Material,
    store::Store,
    tenant::{Directory, DirectoryWatch, TenantEntry},
};

/// Checks a configuration file and its tenants file, and says in words what they mean.
#[derive(Args)]
pub(super) struct Arguments {
    /// The configuration file.
    #[arg(long, default_value = "gateway.yaml")]
    config: PathBuf,
}

/// Prints what the configuration says, or everything that is wrong with it and with the tenants.
pub(super) fn run(arguments: &Arguments, env: &Environment) -> Result<(), CommandError> {
    let (config, directory, _) = load(&arguments.config, env)?;
    let certificate = Material::load(&config.grpc)?;
    let summary = Summary { config: &config, certificate: certificate.as_ref(), tenants: directory.entries() };
    write!(io::stdout(), "{summary}")?;
    Ok(())
}

/// Reads the configuration, the certificate and the tenants, with all errors of all at once.
pub(super) fn load(path: &Path, env: &Environment) -> Result<(Config, Directory, DirectoryWatch), Errors> {
    let (config, mut errors) = Config::read(path, env);
    let Some(config) = config else { return Err(errors) };
    let tls = &config.grpc.tls;
    if let Err(more) = Material::load(&config.grpc) {
        errors.append(more);
    }
    let silent = !config.grpc.plaintext && tls.certificate_file.is_none() && tls.key_file.is_none();
    if silent && !errors.concern("grpc.plaintext") && !errors.concern("grpc.tls") {
        let what = "has no certificate: set tls.certificate_file and tls.key_file, or say plaintext: true";
        errors.add(Location::file(path), "grpc", what);
    }
    // Where a section itself is wrong, its files would be others.
    if !errors.concern("store")
        && let Err(more) = Store::new(&config.store, Clock::default(), |_| ())
    {
        errors.append(more);
    }
    if errors.concern("tenants.file") {
        return Err(errors);
    }
    match Directory::watch(&config.tenants.file, env) {
        Ok((directory, watch)) => errors.into_result((config, directory, watch)),
        Err(more) => {
            errors.append(more);
            Err(errors)
        }
    }
}

/// What a configuration means, in words, without secrets.
struct Summary<'c> {
    config: &'c Config,
    certificate: Option<&'c Material>,
    tenants: &'c [TenantEntry],
}

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config { grpc, upstream, store, telemetry, .. } = self.config;
        writeln!(f, "gRPC on {}, reflection {}", grpc.listen, if grpc.reflection { "on" } else { "off" })?;
        encryption(f, grpc, self.certificate)?;
        if grpc.web.enabled {
            let origins = grpc.web.allowed_origins.iter().map(|origin| String::from_utf8_lossy(origin.as_bytes()));
            let origins: Vec<_> = origins.collect();
            writeln!(f, "gRPC-Web for pages of {}", words::list(&origins, "the gateway's own origin alone"))?;
        }
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

/// How the gRPC port is spoken to.
fn encryption(f: &mut fmt::Formatter<'_>, grpc: &GrpcConfig, certificate: Option<&Material>) -> fmt::Result {
    let Some(certificate) = certificate else {
        return writeln!(f, "warning: it is in plaintext: tokens and codes travel in the clear");
    };
    let (names, expires) = (words::list(certificate.names(), "no DNS name"), certificate.expires());
    let clients = match grpc.tls.client_certificate {
        ClientCertificate::None => "asked for no certificate",
        ClientCertificate::Optional => "may show a certificate",
        ClientCertificate::Required => "must show a certificate",
    };
    writeln!(f, "TLS for {names} until {expires}; clients {clients}")?;
    if expires <= Clock::default().now() {
        writeln!(f, "warning: the certificate has expired: no client will accept it")?;
    }
    Ok(())
}

/// Where the records are.
fn records(f: &mut fmt::Formatter<'_>, store: &config::StoreConfig) -> fmt::Result {
    let redis = &store.redis;
    let kind = match (store.backend, redis.mode) {
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
    writeln!(f, "records at {kind}, {}", redis.addresses().collect::<Vec<_>>().join(", "))?;
    if redis.addresses().any(|url| url.starts_with("redis:")) {
        writeln!(f, "warning: this is not rediss: the password and the records travel in the clear")?;
    }
    Ok(())
}

fn tenant(f: &mut fmt::Formatter<'_>, entry: &TenantEntry, before: &[TenantEntry]) -> fmt::Result {
    let TenantEntry { tenant, identities, key_source } = entry;
    let profile = tenant.default_profile.as_deref().unwrap_or("none");
    writeln!(f, "  {}: key from {key_source}, default profile {profile}", tenant.id)?;
    identities.iter().try_for_each(|known| write!(f, "{}", words::IdentitySummary(known)))?;
    limits::write_limits(f, &tenant.limits)?;
    limits::write_test_numbers(f, &tenant.test_numbers)?;
    let same_key = |other: &&TenantEntry| other.tenant.key.identity() == tenant.key.identity();
    match before.iter().find(same_key) {
        Some(other) => {
            writeln!(f, "    note: has the same Telnyx key as {}, so each sees the other's data", other.tenant.id)
        }
        None => Ok(()),
    }
}
