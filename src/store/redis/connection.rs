//! How to connect: to one server, to the master that sentinels name, or to a cluster.

use std::{error::Error, sync::Arc};

use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisResult, TlsMode,
    Value,
    aio::MultiplexedConnection,
    cluster::ClusterClientBuilder,
    cluster_async::ClusterConnection,
    cluster_routing::{RoutingInfo, SingleNodeRoutingInfo},
    cmd, from_redis_value,
    sentinel::{SentinelClientBuilder, SentinelServerType},
};
use tokio::task::spawn_blocking;

use super::files::ServerFiles;
use crate::config::{self, Errors, RedisMode};

/// How often a cluster's client follows a key that has moved.
const MAX_REDIRECTS: u32 = 3;

/// An error that several calls may get.
pub(super) type SharedError = Arc<dyn Error + Send + Sync>;

pub(super) fn shared(error: impl Error + Send + Sync + 'static) -> SharedError {
    Arc::new(error)
}

/// Where the server is. The files are read for each connection, so their content may change.
pub(in crate::store) struct RedisServer {
    pub(super) config: config::RedisConfig,
    /// Of the server, of some nodes of the cluster, or of the sentinels.
    addresses: Vec<ConnectionInfo>,
}

#[derive(Clone)]
pub(super) enum RedisConnection {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl RedisConnection {
    pub(super) async fn query(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Server(server) => command.query_async(server).await,
            Self::Cluster(cluster) => command.query_async(cluster).await,
        }
    }

    /// The answer of `INFO memory`; in a cluster, that of any primary.
    pub(super) async fn memory_info(&mut self) -> RedisResult<String> {
        let mut info = cmd("INFO");
        info.arg("memory");
        let value = match self {
            Self::Server(server) => info.query_async(server).await?,
            Self::Cluster(cluster) => {
                cluster.route_command(info, RoutingInfo::SingleNode(SingleNodeRoutingInfo::RandomPrimary)).await?
            }
        };
        Ok(from_redis_value(value)?)
    }
}

impl RedisServer {
    /// The server of `config`. Adds what is wrong with its files to `errors`.
    pub(in crate::store) fn new(config: &config::RedisConfig, errors: &mut Errors) -> Option<Self> {
        ServerFiles::read(config).map_err(|wrong| errors.append(wrong)).ok()?;
        let addresses = config.addresses().map(IntoConnectionInfo::into_connection_info);
        let addresses = addresses.collect::<RedisResult<_>>().expect("the settings were validated");
        Some(Self { config: config.clone(), addresses })
    }

    pub(super) async fn connect(&self) -> Result<RedisConnection, SharedError> {
        let config = self.config.clone();
        let files = spawn_blocking(move || ServerFiles::read(&config)).await.map_err(shared)?.map_err(shared)?;
        let connected = match self.config.mode {
            RedisMode::Standalone => self.standalone(files).await.map(RedisConnection::Server),
            RedisMode::Cluster => self.cluster(files).await.map(RedisConnection::Cluster),
            RedisMode::Sentinel => self.sentinel(files).await.map(RedisConnection::Server),
        };
        connected.map_err(shared)
    }

    async fn standalone(&self, files: ServerFiles) -> RedisResult<MultiplexedConnection> {
        let node = self.node(&self.addresses[0], &files);
        let client = match files.certificates() {
            Some(certificates) => Client::build_with_tls(node, certificates)?,
            None => Client::open(node)?,
        };
        client.get_multiplexed_async_connection_with_config(&self.timing()).await
    }

    async fn sentinel(&self, files: ServerFiles) -> RedisResult<MultiplexedConnection> {
        let sentinels: Vec<_> = self.addresses.iter().map(|address| address.addr().clone()).collect();
        let is_tls = matches!(sentinels[0], ConnectionAddr::TcpTls { .. });
        let master = &self.config.sentinel_master;
        let mut builder = SentinelClientBuilder::new(sentinels, master, SentinelServerType::Master)?;
        if is_tls {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
        }
        if let Some(username) = self.username() {
            builder = builder.set_client_to_redis_username(username);
        }
        if let Some(password) = &files.password {
            builder = builder.set_client_to_redis_password(password.expose());
        }
        if let Some(password) = &files.sentinel_password {
            builder = builder.set_client_to_sentinel_password(password.expose());
        }
        if let Some(certificates) = files.certificates() {
            builder = builder
                .set_client_to_redis_certificates(certificates.clone())
                .set_client_to_sentinel_certificates(certificates);
        }
        builder.build()?.get_async_connection_with_config(&self.timing()).await
    }

    async fn cluster(&self, files: ServerFiles) -> RedisResult<ClusterConnection> {
        let nodes = self.addresses.iter().map(|address| self.node(address, &files));
        let mut builder = ClusterClientBuilder::new(nodes)
            .connection_timeout(self.config.timeout)
            .response_timeout(self.config.timeout)
            .retries(MAX_REDIRECTS);
        if let Some(certificates) = files.certificates() {
            builder = builder.certs(certificates);
        }
        builder.build()?.get_async_connection().await
    }

    /// The node at `address`, with the credentials of the settings.
    fn node(&self, address: &ConnectionInfo, files: &ServerFiles) -> ConnectionInfo {
        let mut settings = address.redis_settings().clone();
        if let Some(username) = self.username() {
            settings = settings.set_username(username);
        }
        if let Some(password) = &files.password {
            settings = settings.set_password(password.expose());
        }
        address.clone().set_redis_settings(settings)
    }

    fn username(&self) -> Option<&str> {
        Some(&*self.config.username).filter(|username| !username.is_empty())
    }

    /// The client limits connecting only. The connection manager limits the commands.
    fn timing(&self) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new().set_connection_timeout(Some(self.config.timeout)).set_response_timeout(None)
    }
}
