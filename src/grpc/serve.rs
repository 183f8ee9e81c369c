//! The connections of the server: taken from a listener, bounded, asked to close, and ended.

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

/// How long nothing is taken after the system could not give a connection, mostly for want of file descriptors: trying
/// again at once would keep a core busy, and connections that end give some back.
const PAUSE: Duration = Duration::from_secs(1);

/// All connections of a server.
pub(super) struct Connections {
    shared: Arc<ConnectionContext>,
    permits: Arc<Semaphore>,
    /// Whether the last connection found no place.
    full: AtomicBool,
    running: TaskTracker,
}

/// What every connection knows.
struct ConnectionContext {
    service: GatewayService,
    config: config::GrpcConfig,
    /// None for plaintext.
    tls: Option<watch::Receiver<Arc<Material>>>,
    metrics: Metrics,
    /// When cancelled, connections ask their peers to close.
    draining: CancellationToken,
    /// When cancelled, connections end at once.
    abort: CancellationToken,
    aborted_calls: AtomicUsize,
}

impl ConnectionContext {
    fn count_aborted(&self, calls: usize) {
        self.aborted_calls.fetch_add(calls, Ordering::Relaxed);
    }
}

/// What was still there when the time was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aborted {
    /// Connections.
    pub connections: usize,
    /// Calls on them.
    pub calls: usize,
}

impl Connections {
    /// They are in plaintext where there is no `tls`. They ask their peers to close when `draining` is cancelled, which
    /// [`Self::drain`] does.
    pub(super) fn new(
        service: GatewayService,
        config: config::GrpcConfig,
        tls: Option<watch::Receiver<Arc<Material>>>,
        metrics: Metrics,
        draining: CancellationToken,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(config.max_connections));
        let (abort, aborted_calls) = (CancellationToken::new(), AtomicUsize::new(0));
        let shared = ConnectionContext { service, config, tls, metrics, draining, abort, aborted_calls };
        Self { shared: Arc::new(shared), permits, full: AtomicBool::new(false), running: TaskTracker::new() }
    }

    /// Takes connections until `closing`.
    pub(super) async fn accept(&self, listener: TcpListener, closing: impl Future<Output = ()>) {
        select! {
            () = closing => {}
            never = self.accept_all(&listener) => match never {},
        }
        // Those that the system has accepted already would be reset with the listener, with calls that were sent.
        while let Some(Ok((stream, _))) = unconstrained(listener.accept()).now_or_never() {
            self.start(stream);
        }
    }

    async fn accept_all(&self, listener: &TcpListener) -> Infallible {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => self.start(stream),
                Err(error) if is_of_the_peer(&error) => {}
                Err(error) => {
                    error!(%error, "can't take connections");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Serves `stream` on a task of its own, if there is a place for it. What makes it wait holds up no other.
    fn start(&self, stream: TcpStream) {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            self.shared.metrics.limit_hit("grpc.max_connections", LimitMode::Enforce);
            // One line for all until there is a place again.
            if !self.full.swap(true, Ordering::Relaxed) {
                warn!(max_connections = self.shared.config.max_connections, "refusing connections: there are too many");
            }
            return;
        };
        self.full.store(false, Ordering::Relaxed);
        let shared = Arc::clone(&self.shared);
        self.running.spawn(async move {
            let (_permit, _active) = (permit, shared.metrics.connection_opened());
            // Answers are small: waiting for more to send would only delay them. It fails on a closed connection alone.
            let _ = stream.set_nodelay(true);
            connection::serve(stream, shared).await;
        });
    }

    /// Asks all peers to close, and waits until they have.
    pub(super) async fn drain(&self) {
        self.shared.draining.cancel();
        self.running.close();
        self.running.wait().await;
    }

    /// Ends what is left.
    pub(super) async fn abort(&self) -> Aborted {
        let connections = self.running.len();
        self.shared.abort.cancel();
        self.running.close();
        self.running.wait().await;
        Aborted { connections, calls: self.shared.aborted_calls.load(Ordering::Relaxed) }
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.shared.abort.cancel();
    }
}

/// Whether the peer went away before it was taken.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests;
