//! The connections of the server: accepted from a listener, limited in number, drained and aborted.

mod calls;
mod connection;
mod control_frames;
mod http1;
mod http2;
mod preface;
mod slots;

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
    sync::watch,
    task::{coop::unconstrained, yield_now},
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, error, warn};

use self::{calls::ConnectionCalls, slots::Slots};
use super::edge::GatewayService;
use crate::{config, telemetry::Metrics, tls::Material};

/// How long the server accepts nothing after the system could not give it a connection, usually because there are no
/// file descriptors left. A retry at once would keep a core busy. Connections that end free descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_secs(1);

/// All connections of a server.
pub(super) struct Connections {
    context: Arc<ConnectionContext>,
    slots: Arc<Slots>,
    /// Whether the last connection was refused for want of a slot.
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
        let slots = Arc::new(Slots::new(&config, metrics.clone()));
        let (abort, aborted_calls) = (CancellationToken::new(), AtomicUsize::new(0));
        let context = ConnectionContext { service, config, tls, metrics, draining, abort, aborted_calls };
        Self { context: Arc::new(context), slots, full: AtomicBool::new(false), running: TaskTracker::new() }
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
            // A connection that made room for another one has its file descriptor until its task ends.
            while self.running.len() > self.slots.most() {
                yield_now().await;
            }
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

    /// Serves `stream` on its own task if there is a slot for it.
    fn start(&self, stream: TcpStream) {
        let context = Arc::clone(&self.context);
        let address = stream.peer_addr().ok().map(|addr| addr.ip().to_canonical());
        let (service, calls) = (context.service.of_peer(address), ConnectionCalls::new());
        let slot = match self.slots.take(address, service.peer(), calls.clone()) {
            Ok(slot) => slot,
            Err(setting) => {
                // One line for all refusals until there is a slot again.
                if !self.full.swap(true, Ordering::Relaxed) {
                    warn!(
                        setting,
                        peer = address.map(tracing::field::display),
                        "refusing connections: there are too many"
                    );
                }
                return;
            }
        };
        self.full.store(false, Ordering::Relaxed);
        self.running.spawn(async move {
            let _active = context.metrics.connection_opened();
            // Responses are small, and waiting for more data would only delay them. An error means a closed connection.
            let _ = stream.set_nodelay(true);
            let serving = connection::serve(stream, service, calls, context);
            if slot.evicted.run_until_cancelled(serving).await.is_none() {
                debug!(peer = address.map(tracing::field::display), "a quiet connection made room for another one");
            }
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
