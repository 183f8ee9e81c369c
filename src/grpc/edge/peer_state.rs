//! What is known of the peer of a connection.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Semaphore;

/// What the calls of a connection share.
pub(in crate::grpc) struct PeerState {
    /// The address of the peer.
    pub(super) address: Option<IpAddr>,
    /// Permits for calls of open services.
    pub(super) open_calls: Arc<Semaphore>,
    authenticated: AtomicBool,
}

impl PeerState {
    pub(in crate::grpc) fn new(address: Option<IpAddr>, open_calls: usize) -> Self {
        Self { address, open_calls: Arc::new(Semaphore::new(open_calls)), authenticated: AtomicBool::new(false) }
    }

    /// Whether a call of the peer has had valid credentials.
    pub(in crate::grpc) fn is_authenticated(&self) -> bool {
        self.authenticated.load(Ordering::Relaxed)
    }

    pub(in crate::grpc) fn set_authenticated(&self) {
        self.authenticated.store(true, Ordering::Relaxed);
    }
}
