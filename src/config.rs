//! Typed settings. The environment goes before the file, and every error is reported at once, with its location.

mod admin;
mod environment;
mod error;
mod grpc;
pub mod human;
mod kinds;
pub(crate) mod reader;
mod reference;
pub(crate) mod section;
mod sends;
mod store;
mod telemetry;
mod upstream;
mod yaml;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

pub use self::{
    admin::Admin,
    environment::{Environment, Unread},
    error::{Error, Errors, Location, Position},
    grpc::{ClientCertificate, Grpc, Tls, TlsVersion, Web},
    reference::{example, table},
    sends::Sends,
    store::{Backend, Redis, RedisMode, Store},
    telemetry::{HONOURED, Log, LogFormat, Otlp, Protocol, Telemetry},
    upstream::{Breaker, Budget, Retry, Upstream},
};

use self::{reader::Reader, section::Section};

/// The settings of a gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The gRPC surface.
    pub grpc: Grpc,
    /// The client of the Telnyx Verify API.
    pub upstream: Upstream,
    /// What must happen once.
    pub sends: Sends,
    /// The records that outlive a call.
    pub store: Store,
    /// Who may call.
    pub tenants: Tenants,
    /// Probes, metrics and the log's level.
    pub admin: Admin,
    /// Logs, traces and metrics.
    pub telemetry: Telemetry,
    /// The way to stop.
    pub shutdown: Shutdown,
}

/// Where to read who may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tenants {
    /// The tenants file.
    pub file: PathBuf,
    /// How often it and the files that it names are looked at for changes.
    pub reload_interval: Duration,
}

/// Settings of the way to stop.
#[derive(Clone, Debug, PartialEq)]
pub struct Shutdown {
    /// How long calls are still taken after a request to stop.
    pub delay: Duration,
    /// How long running calls then have to finish.
    pub grace_period: Duration,
}

impl Config {
    /// Reads the file at `path`, with `env` going before it. Paths in it count from its folder.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn load(path: &Path, env: &Environment) -> Result<Self, Errors> {
        match Self::read(path, env) {
            (Some(config), errors) => errors.into_result(config),
            (None, errors) => Err(errors),
        }
    }

    /// Reads as [`Config::load`] does. A setting that is wrong has its default in the answer, so that more can be checked;
    /// there is none if the file can't be read at all.
    #[must_use]
    pub fn read(path: &Path, env: &Environment) -> (Option<Self>, Errors) {
        let (mut reader, mut config) = Reader::file(path, env, Self::sections);
        if let Some(config) = &mut config {
            reader.refuse_unknown_variables();
            let folder = path.parent().unwrap_or_else(|| Path::new(""));
            config.tenants.file = folder.join(&config.tenants.file);
            config.grpc.tls.count_from(folder);
            config.upstream.ca_file = config.upstream.ca_file.take().map(|file| folder.join(file));
            config.store.redis.count_from(folder);
        }
        (config, reader.errors)
    }

    fn sections(root: &mut Section<'_, '_>) -> Self {
        Self {
            grpc: root.section("grpc", "The gRPC surface.", Grpc::read),
            upstream: root.section("upstream", "The client of the Telnyx Verify API.", Upstream::read),
            sends: root.section("sends", "What must happen once: sends, and all that a request_id names.", Sends::read),
            store: root.section("store", "The records that outlive a call.", Store::read),
            tenants: root.section("tenants", "Who may call.", |section| Tenants {
                file: section.setting(
                    "file",
                    "tenants.yaml",
                    "a path",
                    "The tenants file. A relative path counts from the folder of the configuration file.",
                    |text| (!text.is_empty()).then(|| PathBuf::from(text)),
                ),
                reload_interval: section.duration(
                    "reload_interval",
                    "5s",
                    Duration::from_millis(10)..=Duration::from_hours(1),
                    "How often it and the files that it names are looked at for changes, which take effect without a restart.",
                ),
            }),
            admin: root.section("admin", "Probes, metrics and the log's level, for operators.", Admin::read),
            telemetry: root.section("telemetry", "Logs, traces and metrics.", Telemetry::read),
            shutdown: root.section("shutdown", "The way to stop.", |section| Shutdown {
                delay: section.duration(
                    "delay",
                    "0s",
                    Duration::ZERO..=Duration::from_hours(1),
                    "How long calls are still taken after a request to stop, until whoever sends them knows of it.",
                ),
                grace_period: section.duration(
                    "grace_period",
                    "20s",
                    Duration::ZERO..=Duration::from_hours(1),
                    "How long running calls then have to finish.",
                ),
            }),
        }
    }
}

impl Default for Config {
    /// The defaults of all settings.
    fn default() -> Self {
        let env = Environment::default();
        Reader::new("defaults", &env).document(b"", Self::sections).expect("an empty document is one of defaults")
    }
}

#[cfg(test)]
mod tests;
