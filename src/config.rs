//! Typed settings. The environment overrides the file. All errors are reported at once, each with its location.

mod admin;
mod environment;
mod error;
mod grpc;
pub mod human;
pub(crate) mod kinds;
pub(crate) mod reader;
mod reference;
pub(crate) mod section;
mod sends;
mod setting;
mod shutdown;
mod store;
mod telemetry;
mod tenants;
mod upstream;
mod yaml;

use std::path::Path;

pub use self::{
    admin::AdminConfig,
    environment::{Environment, Unread},
    error::{Error, Errors, Location, Position},
    grpc::{ClientCertificate, GrpcConfig, TlsConfig, TlsVersion, WebConfig},
    reference::{example, tables, variables},
    sends::SendsConfig,
    shutdown::ShutdownConfig,
    store::{Backend, RedisConfig, RedisMode, StoreConfig},
    telemetry::{LogConfig, LogFormat, OtlpConfig, Protocol, TelemetryConfig},
    tenants::TenantsConfig,
    upstream::{BreakerConfig, BudgetConfig, RetryConfig, UpstreamConfig},
};

use self::{
    reader::Reader,
    section::{read_document, read_file},
    setting::{FromSection, settings},
};
use crate::files;

settings! {
    /// The settings of a gateway.
    pub struct Config {
        /// The gRPC port.
        grpc: GrpcConfig;
        /// The client of the Telnyx Verify API.
        upstream: UpstreamConfig;
        /// Sends, and all other operations that have a `request_id`.
        sends: SendsConfig;
        /// Where records are kept that outlive a call.
        store: StoreConfig;
        /// The tenants file.
        tenants: TenantsConfig;
        /// The admin port: probes, metrics and the log level, for operators.
        admin: AdminConfig;
        /// Logs, traces and metrics.
        telemetry: TelemetryConfig;
        /// How the gateway stops.
        shutdown: ShutdownConfig;
    }
}

impl Config {
    /// Reads the file at `path`, which `env` overrides. Relative paths start at the folder of the file.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn load(path: &Path, env: &Environment) -> Result<Self, Errors> {
        match Self::read(path, env) {
            (Some(config), errors) => errors.into_result(config),
            (None, errors) => Err(errors),
        }
    }

    /// Reads as [`Config::load`] does. A setting that is wrong has its default in the result, so that more can be
    /// checked. There is no result if the file can't be read at all.
    #[must_use]
    pub fn read(path: &Path, env: &Environment) -> (Option<Self>, Errors) {
        let mut reader = Reader::new(path, env);
        let mut config = read_file(&mut reader, files::read(path, yaml::MAX_SIZE), <Self as FromSection>::read);
        if let Some(config) = &mut config {
            telemetry::apply_variables(&mut reader, &mut config.telemetry);
            reader.refuse_unknown_variables();
        }
        (config, reader.errors)
    }
}

impl Default for Config {
    /// The defaults of all settings.
    fn default() -> Self {
        let env = Environment::default();
        let mut reader = Reader::new(Path::new(""), &env);
        read_document(&mut reader, b"", FromSection::read).expect("an empty document is valid")
    }
}

#[cfg(test)]
mod tests;
