//! The connections of the server: accepted from a listener, limited in number, drained and aborted.

mod calls;
mod connection;
mod http1;
mod http2;
mod preface;

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::{Semaphore, watch},
    task::coop::unconstrained,
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, warn};

use super::{edge::GatewayService, tls::Material};
use crate::{config, domain::LimitMode, telemetry::Metrics};

/// How long the server accepts nothing after the system could not give it a connection, usually because there are no
/// file descriptors left. A retry at once would keep a core busy. Connections that end free descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_secs(1);

/// All connections of a server.
pub(super) struct Connections {
    context: Arc<ConnectionContext>,
    permits: Arc<Semaphore>,
    /// Whether the last connection was refused for want of a permit.
    full: AtomicBool,
    running: TaskTracker,
}

/// What all connections share.
struct ConnectionContext {
    service: GatewayService,
    config: config::GrpcConfig,
    /// `None` for plaintext.
    tls: Option<watch::Receiver<Arc<Material>>>,
    metrics: Metrics,
    /// When cancelled, connections ask their peers to close.
    draining: CancellationToken,
    /// When cancelled, connections end at once.
    abort: CancellationToken,
    aborted_calls: AtomicUsize,
}

/// What was still running when the grace period ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aborted {
    /// Connections.
    pub connections: usize,
    /// Calls on them.
    pub calls: usize,
}

impl Connections {
    /// Connections are in plaintext without `tls`. [`Self::drain`] cancels `draining`.
    pub(super) fn new(
        service: GatewayService,
        config: config::GrpcConfig,
        tls: Option<watch::Receiver<Arc<Material>>>,
        metrics: Metrics,
        draining: CancellationToken,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(config.max_connections));
        let (abort, aborted_calls) = (CancellationToken::new(), AtomicUsize::new(0));
        let context = ConnectionContext { service, config, tls, metrics, draining, abort, aborted_calls };
        Self { context: Arc::new(context), permits, full: AtomicBool::new(false), running: TaskTracker::new() }
    }

    /// Accepts connections until `closing`.
    pub(super) async fn accept(&self, listener: TcpListener, closing: impl Future<Output = ()>) {
        select! {
            () = closing => {}
            never = self.accept_all(&listener) => match never {},
        }
        // The system resets connections that it has accepted for the listener, and calls may be on the way on them.
        while let Some(Ok((stream, _))) = unconstrained(listener.accept()).now_or_never() {
            self.start(stream);
        }
    }

    async fn accept_all(&self, listener: &TcpListener) -> Infallible {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
        loop {
            match listener.accept().await {
                Ok((stream, _)) => self.start(stream),
                // The peer has gone away already.
                Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) => {}
                Err(error) => {
                    error!(%error, "can't accept connections");
                    sleep(ACCEPT_BACKOFF).await;
                }
            }
        }
    }

    /// Serves `stream` on its own task if there is a permit for it.
    fn start(&self, stream: TcpStream) {
        let context = Arc::clone(&self.context);
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            context.metrics.limit_hit("grpc.max_connections", LimitMode::Enforce);
            // One line for all refusals until there is a permit again.
            if !self.full.swap(true, Ordering::Relaxed) {
                warn!(max_connections = context.config.max_connections, "refusing connections: there are too many");
            }
            return;
        };
        self.full.store(false, Ordering::Relaxed);
        self.running.spawn(async move {
            let (_permit, _active) = (permit, context.metrics.connection_opened());
            // Responses are small, and waiting for more data would only delay them. An error means a closed connection.
            let _ = stream.set_nodelay(true);
            let peer = stream.peer_addr().ok().map(|addr| addr.ip().to_canonical());
            connection::serve(stream, peer, context).await;
        });
    }

    /// Asks all peers to close, and waits until they have.
    pub(super) async fn drain(&self) {
        self.context.draining.cancel();
        self.ended().await;
    }

    /// Ends all connections that are left.
    pub(super) async fn abort(&self) -> Aborted {
        let connections = self.running.len();
        self.context.abort.cancel();
        self.ended().await;
        Aborted { connections, calls: self.context.aborted_calls.load(Ordering::Relaxed) }
    }

    async fn ended(&self) {
        self.running.close();
        self.running.wait().await;
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.context.abort.cancel();
    }
}

#[cfg(test)]
mod tests;
