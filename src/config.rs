//! Typed settings. The environment overrides the file. All errors are reported at once, each with its location.

mod environment;
mod error;
mod grpc;
pub mod human;
pub(crate) mod kinds;
mod proxies;
pub(crate) mod reader;
pub(crate) mod section;
mod setting;
mod store;
mod telemetry;
mod upstream;
mod webhooks;
mod yaml;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

pub use self::{
    environment::{Environment, UNSET, Unread},
    error::{Error, Errors, Location, Position},
    grpc::{ClientCertificate, GrpcConfig, TlsConfig, TlsVersion, WebConfig},
    store::{Backend, RedisConfig, RedisMode, StoreConfig},
    telemetry::{LogConfig, LogFormat, OtlpConfig, Protocol, SignalConfig, Signals, TelemetryConfig},
    upstream::{BreakerConfig, BudgetConfig, RetryConfig, UpstreamConfig},
    webhooks::{EventsConfig, WebhooksConfig},
};

use self::{
    kinds::{DAY, HOUR, SECOND, address, duration, items, optional, path, switch, text},
    reader::Reader,
    section::{read_document, read_file},
    setting::{FromSection, settings},
};
use crate::{files, http_client::Proxies};

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
        /// The webhook port: what Telnyx tells of verifications.
        webhooks: WebhooksConfig;
        /// Streams of events.
        events: EventsConfig;
        /// The admin port: probes, metrics and the log level, for operators.
        admin: AdminConfig;
        /// Logs, traces and metrics.
        telemetry: TelemetryConfig;
        /// How the gateway stops.
        shutdown: ShutdownConfig;
    }
}

settings! {
    /// Settings of operations that must take effect at most once.
    pub struct SendsConfig {
        /// How long the gateway remembers a `request_id` with its answer.
        request_id_retention: Duration = "24h", duration(SECOND * 60..=DAY * 7);
        /// How long a request may still take effect at Telnyx after its connection is lost. Only after this time does
        /// the gateway repeat a send that left no trace, and only for the same `request_id`.
        settle_window: Duration = "2m", duration(SECOND..=HOUR);
        /// How far the clocks of Telnyx and the gateway may differ. It widens the time in which the gateway looks for a
        /// lost send.
        clock_skew: Duration = "10s", duration(Duration::ZERO..=SECOND * 300);
    }
    rules(sends) {
        // A shorter one would forget a lost send that can still take effect, and the repetition would send again.
        ["request_id_retention"] sends.request_id_retention > sends.settle_window + 2 * sends.clock_skew,
            "must be longer than settle_window and twice clock_skew together";
    }
}

settings! {
    /// Settings of the tenants file.
    pub struct TenantsConfig {
        /// The tenants file.
        file: PathBuf = "tenants.yaml", path();
        /// How often the gateway looks for changes of the tenants file and the files that it names. Changes take effect
        /// without a restart.
        reload_interval: Duration = "5s", duration(Duration::from_millis(10)..=HOUR);
    }
}

settings! {
    /// Settings of the admin port.
    pub struct AdminConfig {
        /// The address to listen on. Port 0 takes a free one. Empty: there is no admin port. It needs no credentials,
        /// so keep it private.
        listen: Option<SocketAddr> = "127.0.0.1:9090", optional(address());
        /// Further names by which requests may reach it in `Host`, such as those of a Service. Loopback addresses,
        /// `localhost` and the address of the port are always allowed. All else is refused: a page could use the port by a
        /// name of its own site.
        allowed_hosts: Vec<String> = "", text("host names with commas between them, or empty", hosts);
        /// Whether `/phones` tells operators what the gateway knows of a phone number, and frees it from its limits.
        phones: bool = "false", switch();
        /// A file with the token that requests to `/phones` present as a bearer token. Empty: they need none, and must come
        /// from this machine.
        token_file: Option<PathBuf> = "", optional(path());
    }
}

settings! {
    /// Settings of how the gateway stops.
    pub struct ShutdownConfig {
        /// How long the gateway still takes calls after a request to stop, so that load balancers learn of it.
        delay: Duration = "0s", duration(Duration::ZERO..=HOUR);
        /// How long running calls then have to finish.
        grace_period: Duration = "20s", duration(Duration::ZERO..=HOUR);
    }
}

fn hosts(text: &str) -> Option<Vec<String>> {
    let host = |item: &str| url::Host::parse(item).is_ok().then(|| item.to_owned());
    items(text).map(host).collect()
}

impl Config {
    /// Reads the file at `path`, which `env` overrides. Relative paths start at the folder of the file.
    ///
    /// A setting that is wrong has its default in the result, so that more can be checked. There is no result if the
    /// file can't be read at all.
    pub fn read(path: &Path, env: &Environment) -> (Option<Self>, Errors) {
        let mut reader = Reader::new(path, env);
        let mut config = read_file(&mut reader, files::read(path, yaml::MAX_SIZE), <Self as FromSection>::read);
        if let Some(config) = &mut config {
            telemetry::otel::apply_variables(&mut reader, &mut config.telemetry);
            let proxies = reader.proxies();
            let upstream = &mut config.upstream;
            upstream.proxies = upstream.proxy.as_ref().map_or_else(|| proxies.clone(), Proxies::all);
            config.telemetry.otlp.proxies = proxies;
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
