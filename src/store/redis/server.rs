//! Where the server is, and how to get a connection to it: to one server, to the master that sentinels name, or to a
//! cluster.

use std::{io, path::PathBuf, time::Duration};

use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisResult,
    TlsCertificates, TlsMode, Value,
    aio::MultiplexedConnection,
    cluster::ClusterClientBuilder,
    cluster_async::ClusterConnection,
    cluster_routing::{RoutingInfo, SingleNodeRoutingInfo},
    cmd, from_redis_value,
    sentinel::{SentinelClientBuilder, SentinelServerType},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{
    connection::{Cause, cause},
    files::{read, report},
};
use crate::{
    config::{self, Errors, RedisMode},
    secret::Secret,
};

/// Where the server is. Files are read whenever a connection is made, so that what is in them may change.
pub(in crate::store) struct Server {
    mode: RedisMode,
    /// Of the server itself, of some nodes of the cluster, or of the sentinels.
    addresses: Vec<ConnectionInfo>,
    sentinel_master: String,
    username: Option<String>,
    password_file: Option<PathBuf>,
    sentinel_password_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    timeout: Duration,
}

/// A connection to the server.
#[derive(Clone)]
pub(super) enum Link {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    /// Has it carry out `command`.
    pub(super) async fn query(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Server(server) => command.query_async(server).await,
            Self::Cluster(cluster) => command.query_async(cluster).await,
        }
    }

    /// What a server tells of its memory; in a cluster, any of them.
    pub(super) async fn memory(&mut self) -> RedisResult<String> {
        let mut info = cmd("INFO");
        info.arg("memory");
        let told = match self {
            Self::Server(server) => info.query_async(server).await?,
            Self::Cluster(cluster) => {
                cluster.route_command(info, RoutingInfo::SingleNode(SingleNodeRoutingInfo::RandomPrimary)).await?
            }
        };
        Ok(from_redis_value(told)?)
    }
}

impl Server {
    /// The server of `config`; none where one of its files is wrong.
    pub(in crate::store) fn new(config: &config::Redis, errors: &mut Errors) -> Option<Self> {
        let before = errors.len();
        for (file, key) in
            [(&config.password_file, "password_file"), (&config.sentinel_password_file, "sentinel_password_file")]
        {
            let Some(file) = file else { continue };
            if read(file, key, errors).is_some_and(|bytes| password(&bytes).is_none()) {
                report(errors, file, key, "must hold a password");
            }
        }
        if let Some(file) = &config.ca_file
            && let Some(pem) = read(file, "ca_file", errors)
            && !has_certificates(&pem)
        {
            report(errors, file, "ca_file", "must hold certificates in PEM");
        }
        let addresses = config.urls.iter().map(|url| url.as_str().into_connection_info());
        (errors.len() == before).then(|| Self {
            mode: config.mode,
            addresses: addresses.collect::<RedisResult<_>>().expect("the settings were checked"),
            sentinel_master: config.sentinel_master.clone(),
            username: (!config.username.is_empty()).then(|| config.username.clone()),
            password_file: config.password_file.clone(),
            sentinel_password_file: config.sentinel_password_file.clone(),
            ca_file: config.ca_file.clone(),
            timeout: config.timeout,
        })
    }

    /// Whether it is a cluster.
    pub(super) fn is_cluster(&self) -> bool {
        self.mode == RedisMode::Cluster
    }

    /// Makes a connection.
    pub(super) async fn connect(&self) -> Result<Link, Cause> {
        let password = secret(self.password_file.as_ref()).await?;
        let certificates = match &self.ca_file {
            Some(file) => {
                Some(TlsCertificates { client_tls: None, root_cert: Some(tokio::fs::read(file).await.map_err(cause)?) })
            }
            None => None,
        };
        let link = match self.mode {
            RedisMode::Standalone => self.standalone(password, certificates).await.map(Link::Server),
            RedisMode::Cluster => self.cluster(password, certificates).await.map(Link::Cluster),
            RedisMode::Sentinel => {
                let sentinels = secret(self.sentinel_password_file.as_ref()).await?;
                self.sentinel(password, sentinels, certificates).await.map(Link::Server)
            }
        };
        link.map_err(cause)
    }

    async fn standalone(
        &self,
        password: Option<Secret>,
        certificates: Option<TlsCertificates>,
    ) -> RedisResult<MultiplexedConnection> {
        let address = self.addresses[0].clone();
        let mut settings = address.redis_settings().clone();
        if let Some(username) = &self.username {
            settings = settings.set_username(username);
        }
        if let Some(password) = &password {
            settings = settings.set_password(password.expose());
        }
        let address = address.set_redis_settings(settings);
        let client = match certificates {
            Some(certificates) => Client::build_with_tls(address, certificates)?,
            None => Client::open(address)?,
        };
        client.get_multiplexed_async_connection_with_config(&self.timing()).await
    }

    async fn sentinel(
        &self,
        password: Option<Secret>,
        sentinel_password: Option<Secret>,
        certificates: Option<TlsCertificates>,
    ) -> RedisResult<MultiplexedConnection> {
        let sentinels: Vec<_> = self.addresses.iter().map(|address| address.addr().clone()).collect();
        let is_tls = matches!(sentinels[0], ConnectionAddr::TcpTls { .. });
        let mut builder = SentinelClientBuilder::new(sentinels, &self.sentinel_master, SentinelServerType::Master)?;
        if is_tls {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
        }
        if let Some(username) = &self.username {
            builder = builder.set_client_to_redis_username(username);
        }
        if let Some(password) = &password {
            builder = builder.set_client_to_redis_password(password.expose());
        }
        if let Some(password) = &sentinel_password {
            builder = builder.set_client_to_sentinel_password(password.expose());
        }
        if let Some(certificates) = certificates {
            builder = builder
                .set_client_to_redis_certificates(certificates.clone())
                .set_client_to_sentinel_certificates(certificates);
        }
        builder.build()?.get_async_connection_with_config(&self.timing()).await
    }

    async fn cluster(
        &self,
        password: Option<Secret>,
        certificates: Option<TlsCertificates>,
    ) -> RedisResult<ClusterConnection> {
        let mut builder = ClusterClientBuilder::new(self.addresses.clone())
            .connection_timeout(self.timeout)
            .response_timeout(self.timeout)
            .retries(REDIRECTS);
        if let Some(username) = &self.username {
            builder = builder.username(username);
        }
        if let Some(password) = &password {
            builder = builder.password(password.expose());
        }
        if let Some(certificates) = certificates {
            builder = builder.certs(certificates);
        }
        builder.build()?.get_async_connection().await
    }

    /// The connection bounds how long connecting takes, its user how long a command does.
    fn timing(&self) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new().set_connection_timeout(Some(self.timeout)).set_response_timeout(None)
    }
}

/// How often a cluster's client follows a key that has moved.
const REDIRECTS: u32 = 3;

/// Whether `pem` holds certificates, and nothing that is broken.
fn has_certificates(pem: &[u8]) -> bool {
    let mut certificates = CertificateDer::pem_slice_iter(pem).peekable();
    certificates.peek().is_some() && certificates.all(|certificate| certificate.is_ok())
}

/// What `file` holds, if there is one.
async fn secret(file: Option<&PathBuf>) -> Result<Option<Secret>, Cause> {
    let Some(file) = file else { return Ok(None) };
    let bytes = tokio::fs::read(file).await.map_err(cause)?;
    match password(&bytes) {
        Some(password) => Ok(Some(password)),
        None => Err(cause(io::Error::other("the file of the store's password holds none"))),
    }
}

/// A password without the line break at its end.
fn password(bytes: &[u8]) -> Option<Secret> {
    let text = str::from_utf8(bytes).ok()?.trim_end_matches(['\r', '\n']);
    (!text.is_empty()).then(|| Secret::new(text.to_owned()))
}
