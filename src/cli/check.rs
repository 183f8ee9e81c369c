//! `check`: is this configuration valid, and what does it mean?

mod identity;
mod limits;
mod online;

use std::{
    fmt::{self, Display, Formatter},
    io::{self, Write},
    path::PathBuf,
    time::Duration,
};

use clap::Args;

use crate::{
    app::Loaded,
    clock::Clock,
    config::{
        Backend, ClientCertificate, Config, Environment, Error, Errors, RedisMode, StoreConfig, TlsConfig, UNSET,
        human::{write_duration, write_size},
    },
    files::MISSING,
    tenant::TenantEntry,
    tls::Material,
};

/// Checks a configuration file and its tenants file, and describes what they mean.
#[derive(Args)]
pub(super) struct CheckArguments {
    /// The configuration file.
    #[arg(long, default_value = "gateway.yaml")]
    config: PathBuf,
    /// Also reads once from Telnyx with each API key.
    #[arg(long)]
    online: bool,
    /// Ignores files and environment variables that are not here, such as keys, certificates and tokens.
    #[arg(long, conflicts_with = "online")]
    no_files: bool,
}

/// How long before its end a certificate is worth a warning. Most of them are renewed weeks before.
const RENEW_BEFORE: Duration = Duration::from_hours(14 * 24);

/// Prints what the configuration means, or everything that is wrong with it and with the tenants.
pub(super) async fn run(arguments: &CheckArguments, env: &Environment) -> anyhow::Result<()> {
    let loaded = match Loaded::read(&arguments.config, env) {
        Err(errors) if arguments.no_files => return without_files(errors),
        loaded => loaded?,
    };
    write!(io::stdout(), "{}", Summary(&loaded))?;
    if arguments.online {
        online::run(&loaded.config, loaded.directory.entries()).await?;
    }
    Ok(())
}

/// Reports the errors that are left if nothing that a setting names needs to be here. The configuration file and the tenants
/// file themselves do.
fn without_files(errors: Errors) -> anyhow::Result<()> {
    let is_absent = |error: &Error| !error.path.is_empty() && [MISSING, UNSET].contains(&error.message.as_str());
    let (absent, errors) = errors.split(is_absent);
    errors.into_result(())?;
    let mut out = io::stdout();
    writeln!(out, "the configuration is valid; these are not here and were not checked:")?;
    for Error { location, path, .. } in absent.iter() {
        writeln!(out, "  {location}: {path}")?;
    }
    Ok(())
}

/// What a configuration means, in words and without secrets.
struct Summary<'l>(&'l Loaded);

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Loaded { config, certificate, webhook_certificate, directory, .. } = self.0;
        let Config { grpc, webhooks, upstream, store, telemetry, .. } = config;
        writeln!(f, "gRPC on {}, reflection {}", grpc.listen, if grpc.reflection { "on" } else { "off" })?;
        encryption(f, &grpc.tls, certificate.as_ref(), "tokens and codes")?;
        if grpc.web.enabled {
            let origins = grpc.web.allowed_origins.iter().map(|origin| String::from_utf8_lossy(origin.as_bytes()));
            let origins: Vec<_> = origins.collect();
            writeln!(f, "gRPC-Web for pages of {}", list(&origins, "the gateway's own origin alone"))?;
        }
        if let Some(listen) = webhooks.listen {
            match &webhooks.public_url {
                Some(url) => writeln!(f, "webhooks on {listen}, which is {url} for Telnyx")?,
                None => writeln!(f, "webhooks on {listen}")?,
            }
            encryption(f, &webhooks.tls, webhook_certificate.as_ref(), "phone numbers and codes")?;
        }
        let attempts = counted(upstream.retry.max_attempts, "attempt");
        let timeout = write_duration(upstream.attempt_timeout);
        writeln!(f, "calls {}, up to {attempts} of {timeout} each", upstream.base_url)?;
        if upstream.base_url.starts_with("http:") {
            writeln!(f, "warning: this is not https: API keys and codes travel in the clear")?;
        }
        records(f, store)?;
        let otlp = &telemetry.otlp;
        match otlp.signals.traces.endpoint.as_ref().or(otlp.endpoint.as_ref()) {
            Some(endpoint) => writeln!(f, "traces {} of calls to {endpoint}", otlp.sample_ratio)?,
            None => writeln!(f, "exports no traces")?,
        }
        telemetry.ignored.iter().try_for_each(|ignored| writeln!(f, "warning: {ignored}"))?;
        let entries = directory.entries();
        writeln!(f, "{}:", counted(entries.len(), "tenant"))?;
        entries.iter().enumerate().try_for_each(|(at, entry)| tenant(f, entry, &entries[..at]))
    }
}

fn encryption(f: &mut Formatter<'_>, tls: &TlsConfig, certificate: Option<&Material>, what: &str) -> fmt::Result {
    let Some(certificate) = certificate else {
        return writeln!(f, "warning: this is plaintext: {what} travel in the clear");
    };
    let (names, expires) = (list(&certificate.names, "no DNS name"), certificate.expires);
    let clients = match tls.client_certificate {
        ClientCertificate::None => "need no certificate",
        ClientCertificate::Optional => "may present a certificate",
        ClientCertificate::Required => "must present a certificate",
    };
    writeln!(f, "TLS for {names} until {expires}; clients {clients}")?;
    let now = Clock::default().now();
    if expires <= now {
        writeln!(f, "warning: the certificate has expired: no client will accept it")?;
    } else if expires <= now + RENEW_BEFORE {
        writeln!(f, "warning: the certificate expires within 14 days: renew it")?;
    }
    Ok(())
}

fn records(f: &mut Formatter<'_>, store: &StoreConfig) -> fmt::Result {
    let redis = &store.redis;
    let server = match redis.mode {
        RedisMode::Standalone => "a server",
        RedisMode::Cluster => "a cluster",
        RedisMode::Sentinel => "servers with sentinels",
    };
    match store.backend {
        Backend::Memory => writeln!(f, "records in memory, up to {}", write_size(store.max_size as u64))?,
        Backend::Redis => writeln!(f, "records on {server}, {}", redis.addresses().collect::<Vec<_>>().join(", "))?,
    }
    if store.backend == Backend::Memory && store.replicas > 1 {
        let replicas = store.replicas;
        writeln!(
            f,
            "warning: {replicas} replicas with a memory each: a call that is repeated at another replica sends another \
             message; set store.backend to redis"
        )?;
    }
    if store.backend == Backend::Redis && redis.addresses().any(|url| url.starts_with("redis:")) {
        writeln!(f, "warning: this is not rediss: the password and the records travel in the clear")?;
    }
    Ok(())
}

fn tenant(f: &mut Formatter<'_>, entry: &TenantEntry, before: &[TenantEntry]) -> fmt::Result {
    let TenantEntry { tenant, identities, key_source } = entry;
    let profile = tenant.default_profile.as_deref().unwrap_or("none");
    writeln!(f, "  {}: key from {key_source}, default profile {profile}", tenant.id)?;
    identities.iter().try_for_each(|entry| identity::write(f, entry))?;
    limits::write_limits(f, &tenant.limits)?;
    limits::write_test_numbers(f, &tenant.test_numbers)?;
    let same_key = |other: &&TenantEntry| other.tenant.key.identity() == tenant.key.identity();
    if let Some(other) = before.iter().find(same_key) {
        writeln!(f, "    note: has the same Telnyx key as {}, so each sees the data of the other", other.tenant.id)?;
    }
    Ok(())
}

/// A number with its noun.
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The items with spaces between them, or `none`.
fn list<T: Display>(items: &[T], none: &str) -> String {
    match items {
        [] => none.to_owned(),
        items => items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    }
}
