//! What is known of the peer of a connection.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// What the calls of a connection share.
pub(in crate::grpc) struct PeerState {
    /// The address of the peer.
    pub(super) address: Option<IpAddr>,
    /// Permits for calls of open services.
    pub(super) open_calls: Arc<Semaphore>,
    /// Permits for streams of events.
    pub(super) streams: Arc<Semaphore>,
    /// Cancelled when the connection asks its peer to close.
    pub(super) closing: CancellationToken,
    authenticated: AtomicBool,
}

impl PeerState {
    pub(in crate::grpc) fn new(address: Option<IpAddr>, open_calls: usize, streams: usize) -> Self {
        let [open_calls, streams] = [open_calls, streams].map(|permits| Arc::new(Semaphore::new(permits)));
        Self { address, open_calls, streams, closing: CancellationToken::new(), authenticated: AtomicBool::new(false) }
    }

    /// Whether a call of the peer has had valid credentials.
    pub(in crate::grpc) fn is_authenticated(&self) -> bool {
        self.authenticated.load(Ordering::Relaxed)
    }

    /// Ends the streams of the connection.
    pub(in crate::grpc) fn end_streams(&self) {
        self.closing.cancel();
    }

    pub(in crate::grpc) fn set_authenticated(&self) {
        self.authenticated.store(true, Ordering::Relaxed);
    }
}
