//! How to connect: to one server, to the master that sentinels name, or to a cluster.

use std::future;

use ::redis::{
    AsyncConnectionConfig, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisResult, Value,
    aio::MultiplexedConnection,
    cluster::ClusterClientBuilder,
    cluster_async::ClusterConnection,
    cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, Slot, SlotAddr},
};
use tokio::task::spawn_blocking;

use super::{
    files::ServerFiles,
    sentinels::{Sentinels, open},
    shared_error::{SharedError, shared},
};
use crate::config::{self, Errors, RedisMode};

/// How often a cluster's client follows a key that has moved.
const MAX_REDIRECTS: u32 = 3;

/// Where the server is. The files are read for each connection, so their content may change.
pub(in crate::store) struct RedisServer {
    pub(super) config: config::RedisConfig,
    /// Of the server, of some nodes of the cluster, or of the sentinels.
    addresses: Vec<ConnectionInfo>,
    /// Those that choose the master, if there are any.
    sentinels: Option<Sentinels>,
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

    /// Executes a `command` that names no key at the server that has `key`.
    pub(super) async fn query_at(&mut self, key: &str, command: &Cmd) -> RedisResult<Value> {
        let Self::Cluster(cluster) = self else { return self.query(command).await };
        let master = SingleNodeRoutingInfo::SpecificNode(Route::with_slot(Slot::for_key(key), SlotAddr::Master));
        cluster.route_command(command.clone(), RoutingInfo::SingleNode(master)).await
    }
}

impl RedisServer {
    /// The server of `config`. Adds what is wrong with its files to `errors`.
    pub(in crate::store) fn new(config: &config::RedisConfig, errors: &mut Errors) -> Option<Self> {
        ServerFiles::read(config).map_err(|wrong| errors.append(wrong)).ok()?;
        let addresses = config.addresses().map(IntoConnectionInfo::into_connection_info);
        let addresses: Vec<_> = addresses.collect::<RedisResult<_>>().expect("the settings were validated");
        let sentinels = (config.mode == RedisMode::Sentinel).then(|| {
            let user = &config.sentinel_username;
            let sentinels = addresses.iter().map(|address| of_user(address, user)).collect();
            Sentinels::new(sentinels, config.sentinel_master.clone(), config.timeout)
        });
        Some(Self { config: config.clone(), addresses, sentinels })
    }

    /// Connects to the server, to the cluster, or to the master that the sentinels name. Returns its address if it may
    /// change.
    pub(super) async fn connect(&self) -> Result<(RedisConnection, Option<ConnectionAddr>), SharedError> {
        let files = self.files().await?;
        if self.config.mode == RedisMode::Cluster {
            let cluster = self.cluster(&files).await.map_err(shared)?;
            return Ok((RedisConnection::Cluster(cluster), None));
        }
        let (mut address, mut master) = (self.addresses[0].clone(), None);
        if let Some(sentinels) = &self.sentinels {
            let named = sentinels.master(&files).await?;
            master = Some(named.clone());
            address = address.set_addr(named);
        }
        let client = open(self.node(&address, &files), files.certificates()).map_err(shared)?;
        let server = client.get_multiplexed_async_connection_with_config(&self.timing()).await.map_err(shared)?;
        Ok((RedisConnection::Server(server), master))
    }

    /// Whether the sentinels name another master than `known`, or none. What they don't say changes nothing.
    pub(super) async fn has_left(&self, known: Option<&ConnectionAddr>) -> bool {
        let (Some(sentinels), Some(known), Ok(files)) = (&self.sentinels, known, self.files().await) else {
            return false;
        };
        match sentinels.master(&files).await {
            Ok(master) => master != *known,
            Err(cause) => Sentinels::is_failover(&*cause),
        }
    }

    /// Waits until a sentinel announces a change of the master.
    pub(super) async fn changed(&self) {
        match (&self.sentinels, self.files().await) {
            (Some(sentinels), Ok(files)) => sentinels.changed(&files).await,
            _ => future::pending().await,
        }
    }

    async fn files(&self) -> Result<ServerFiles, SharedError> {
        let config = self.config.clone();
        spawn_blocking(move || ServerFiles::read(&config)).await.map_err(shared)?.map_err(shared)
    }

    async fn cluster(&self, files: &ServerFiles) -> RedisResult<ClusterConnection> {
        let nodes = self.addresses.iter().map(|address| self.node(address, files));
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
        let address = of_user(address, &self.config.username);
        match &files.password {
            Some(password) => {
                let settings = address.redis_settings().clone().set_password(password.expose());
                address.set_redis_settings(settings)
            }
            None => address,
        }
    }

    /// The client limits connecting only. The connection manager limits the commands.
    fn timing(&self) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new().set_connection_timeout(Some(self.config.timeout)).set_response_timeout(None)
    }
}

/// `address` with the name of a user, which may be empty for none.
fn of_user(address: &ConnectionInfo, user: &str) -> ConnectionInfo {
    if user.is_empty() {
        return address.clone();
    }
    let settings = address.redis_settings().clone().set_username(user);
    address.clone().set_redis_settings(settings)
}
