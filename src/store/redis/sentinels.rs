//! What the sentinels say: which server is the master, and when that changes.
//!
//! During a failover the old master takes writes that nobody will have. So the gateway leaves it as soon as a sentinel
//! chooses another one, and not only when the old master has become a replica.

use std::{error::Error, future, sync::Arc, time::Duration};

use ::redis::{Client, ConnectionAddr, ConnectionInfo, RedisResult, TlsCertificates, aio::PubSub, cmd};
use futures_util::{
    StreamExt,
    future::{join_all, select_all},
};
use tokio::{sync::Mutex, time::timeout};

use super::{
    files::ServerFiles,
    shared_error::{SharedError, shared},
};

/// The messages that announce another master.
const EVENTS: [&str; 4] = ["+failover-state-*", "-failover-abort-*", "+promoted-slave", "+switch-master"];
/// The steps of a failover in which the old master may still take writes, and the new one does not yet.
const IN_FAILOVER: [&str; 3] = ["select_slave", "send_slaveof_noone", "wait_promotion"];

/// The sentinels of one master.
pub(super) struct Sentinels {
    addresses: Vec<ConnectionInfo>,
    master: String,
    timeout: Duration,
    /// A subscription to each sentinel that answers.
    subscriptions: Mutex<Vec<Option<PubSub>>>,
}

/// What one sentinel says.
struct SentinelView {
    epoch: u64,
    is_in_failover: bool,
    master: (String, u16),
}

/// Why no master is known.
#[derive(Debug, thiserror::Error)]
enum SentinelError {
    #[error("no sentinel knows the master")]
    NoMaster,
    #[error("a failover is in progress")]
    Failover,
}

impl Sentinels {
    pub(super) fn new(addresses: Vec<ConnectionInfo>, master: String, timeout: Duration) -> Self {
        let subscriptions = Mutex::new(addresses.iter().map(|_| None).collect());
        Self { addresses, master, timeout, subscriptions }
    }

    /// The address of the master that the newest configuration names.
    pub(super) async fn master(&self, files: &ServerFiles) -> Result<ConnectionAddr, SharedError> {
        let views = self.addresses.iter().map(|address| async {
            let view = timeout(self.timeout, self.view(address, files)).await;
            view.map_err(shared)?.map_err(shared) as Result<_, SharedError>
        });
        let (mut known, mut cause): (Vec<SentinelView>, SharedError) = (Vec::new(), Arc::new(SentinelError::NoMaster));
        for view in join_all(views).await {
            match view {
                Ok(Some(view)) => known.push(view),
                Ok(None) => {}
                Err(error) => cause = error,
            }
        }
        if known.iter().any(|view| view.is_in_failover) {
            return Err(shared(SentinelError::Failover));
        }
        let (host, port) = known.into_iter().max_by_key(|view| view.epoch).ok_or(cause)?.master;
        Ok(match self.addresses[0].addr() {
            ConnectionAddr::TcpTls { .. } => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
            _ => ConnectionAddr::Tcp(host, port),
        })
    }

    /// Whether no master is known because a failover is in progress.
    pub(super) fn is_failover(cause: &(dyn Error + Send + Sync + 'static)) -> bool {
        matches!(cause.downcast_ref(), Some(SentinelError::Failover))
    }

    /// Waits until a sentinel announces a change of the master.
    pub(super) async fn changed(&self, files: &ServerFiles) {
        let mut subscriptions = self.subscriptions.lock().await;
        let missing = subscriptions.iter_mut().zip(&self.addresses).filter(|(subscription, _)| subscription.is_none());
        join_all(missing.map(|(subscription, address)| async move {
            *subscription = timeout(self.timeout, subscribe(address, files)).await.ok().and_then(Result::ok);
        }))
        .await;
        let messages = subscriptions.iter_mut().filter(|subscription| subscription.is_some()).map(|subscription| {
            Box::pin(async move {
                let Some(messages) = subscription else { return };
                if messages.on_message().next().await.is_none() {
                    *subscription = None;
                }
            })
        });
        let messages: Vec<_> = messages.collect();
        if messages.is_empty() { future::pending().await } else { _ = select_all(messages).await }
    }

    /// What the sentinel at `address` says. None if it does not know the master.
    async fn view(&self, address: &ConnectionInfo, files: &ServerFiles) -> RedisResult<Option<SentinelView>> {
        let mut sentinel = client(address, files)?.get_multiplexed_async_connection().await?;
        let mut ask = cmd("SENTINEL");
        let fields: Vec<String> = ask.arg("MASTER").arg(&self.master).query_async(&mut sentinel).await?;
        let field = |name: &str| fields.chunks_exact(2).find(|pair| pair[0] == name).map(|pair| pair[1].as_str());
        let epoch = field("config-epoch").and_then(|epoch| epoch.parse().ok()).unwrap_or_default();
        let is_in_failover = field("failover-state").is_some_and(|state| IN_FAILOVER.contains(&state));
        let mut ask = cmd("SENTINEL");
        let master = ask.arg("get-master-addr-by-name").arg(&self.master).query_async(&mut sentinel).await?;
        Ok(Option::map(master, |master| SentinelView { epoch, is_in_failover, master }))
    }
}

async fn subscribe(address: &ConnectionInfo, files: &ServerFiles) -> RedisResult<PubSub> {
    let mut subscription = client(address, files)?.get_async_pubsub().await?;
    subscription.psubscribe(&EVENTS[..]).await?;
    Ok(subscription)
}

fn client(address: &ConnectionInfo, files: &ServerFiles) -> RedisResult<Client> {
    let mut settings = address.redis_settings().clone();
    if let Some(password) = &files.sentinel_password {
        settings = settings.set_password(password.expose());
    }
    open(address.clone().set_redis_settings(settings), files.certificates())
}

/// A client that trusts `certificates` if there are any.
pub(super) fn open(node: ConnectionInfo, certificates: Option<TlsCertificates>) -> RedisResult<Client> {
    match certificates {
        Some(certificates) => Client::build_with_tls(node, certificates),
        None => Client::open(node),
    }
}
