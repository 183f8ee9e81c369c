//! The slots of connections: how many there may be, of all peers and of each, and which one goes when there are too many.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use tokio_util::sync::CancellationToken;

use super::calls::ConnectionCalls;
use crate::{config::GrpcConfig, domain::LimitMode, grpc::edge::PeerState, sync::Mutex, telemetry::Metrics};

/// Connections from the machine itself that are served beyond the bound: probes must see a gateway that is full.
const PROBES: usize = 4;

/// The slots of all connections.
pub(super) struct Slots {
    max: usize,
    max_per_peer: Option<usize>,
    metrics: Metrics,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    next: u64,
    connections: HashMap<u64, SlotHolder>,
    of_peers: HashMap<IpAddr, usize>,
}

/// A connection that has a slot.
struct SlotHolder {
    network: Option<IpAddr>,
    peer: Arc<PeerState>,
    calls: ConnectionCalls,
    evicted: CancellationToken,
}

/// The slot of one connection, until it is dropped.
pub(super) struct Slot {
    slots: Arc<Slots>,
    id: u64,
    /// Cancelled when the connection must give its slot to another one.
    pub(super) evicted: CancellationToken,
}

impl Slots {
    pub(super) fn new(config: &GrpcConfig, metrics: Metrics) -> Self {
        let GrpcConfig { max_connections: max, max_connections_per_peer: max_per_peer, .. } = *config;
        Self { max, max_per_peer, metrics, taken: Mutex::default() }
    }

    /// A slot for a connection from `address`. In a full gateway it takes that of the connection without credentials that has
    /// been quiet for the longest time.
    ///
    /// # Errors
    /// The setting that refuses it.
    pub(super) fn take(
        self: &Arc<Self>,
        address: Option<IpAddr>,
        peer: Arc<PeerState>,
        calls: ConnectionCalls,
    ) -> Result<Slot, &'static str> {
        let mut taken = self.taken.lock();
        let network = address.map(network);
        let of_peer = network.and_then(|network| taken.of_peers.get(&network)).copied().unwrap_or_default();
        if self.max_per_peer.is_some_and(|max| of_peer >= max) {
            return Err(self.refused("grpc.max_connections_per_peer"));
        }
        let probes = if address.is_some_and(|address| address.is_loopback()) { PROBES } else { 0 };
        if taken.connections.len() >= self.max + probes {
            let setting = self.refused("grpc.max_connections");
            let strangers = taken.connections.iter().filter(|(_, one)| !one.peer.is_authenticated());
            let quietest = strangers.min_by_key(|(_, one)| one.calls.quiet_since()).map(|(id, _)| *id);
            let evicted = quietest.and_then(|id| taken.remove(id)).ok_or(setting)?;
            evicted.evicted.cancel();
        }
        let evicted = CancellationToken::new();
        let id = taken.insert(SlotHolder { network, peer, calls, evicted: evicted.clone() });
        Ok(Slot { slots: Arc::clone(self), id, evicted })
    }

    /// How many connections there may be, those of the machine itself included.
    pub(super) const fn most(&self) -> usize {
        self.max.saturating_add(PROBES)
    }

    fn refused(&self, setting: &'static str) -> &'static str {
        self.metrics.limit_hit(setting, LimitMode::Enforce);
        setting
    }
}

impl Taken {
    fn insert(&mut self, connection: SlotHolder) -> u64 {
        if let Some(network) = connection.network {
            *self.of_peers.entry(network).or_default() += 1;
        }
        self.next += 1;
        self.connections.insert(self.next, connection);
        self.next
    }

    fn remove(&mut self, id: u64) -> Option<SlotHolder> {
        let connection = self.connections.remove(&id)?;
        if let Some(network) = connection.network
            && let Some(count) = self.of_peers.get_mut(&network)
        {
            *count -= 1;
            if *count == 0 {
                self.of_peers.remove(&network);
            }
        }
        Some(connection)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.taken.lock().remove(self.id);
    }
}

/// What counts as one peer: an address, and a /64 network of IPv6, which is what one machine can have.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_peer_is_an_address_or_a_network_of_ipv6() {
        let mut config = Config::default().grpc;
        config.max_connections_per_peer = Some(1);
        let slots = Arc::new(Slots::new(&config, Metrics::default()));
        let mut held = Vec::new();
        for (address, is_taken) in [
            ("203.0.113.1", true),
            ("203.0.113.1", false),
            ("::ffff:203.0.113.1", false),
            ("203.0.113.2", true),
            ("2001:db8::1", true),
            ("2001:db8::ffff:0:0:1", false),
            ("2001:db8:0:1::1", true),
        ] {
            let slot = slots.take(address.parse().ok(), Arc::new(PeerState::new(None, 1, 1)), ConnectionCalls::new());
            assert_eq!(slot.is_ok(), is_taken, "{address}");
            held.extend(slot);
        }
        drop(held);
        assert!(slots.taken.lock().of_peers.is_empty() && slots.taken.lock().connections.is_empty());
    }
}
