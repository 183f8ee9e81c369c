//! Connections of strangers that take the place of others.

use super::{Victim, hits};
use crate::support::{
    OTHER_TOKEN, TestGateway,
    peer::{DATA, Peer, list},
    raw::{EMPTY, LIST_TEMPLATES, answer},
};

/// How many connections the machine itself has beyond the bound.
const PROBES: usize = 4;

#[tokio::test]
async fn connections_without_credentials_make_room_for_others() {
    let gateway = TestGateway::builder().config(|config| config.grpc.max_connections = 20).start().await;
    let mut victim = Victim::of(&gateway).await;
    let mut attack = Vec::new();
    for round in 0..10 {
        for n in 0..20 {
            // With a preface or silent.
            attack.push(if n % 2 == 0 {
                Peer::silent(gateway.addr).await
            } else {
                Peer::begin(gateway.addr, []).await
            });
        }
        victim.is_served().await;
        let bearer = format!("Bearer {OTHER_TOKEN}");
        let fresh = answer(&gateway, LIST_TEMPLATES, &[("authorization", &bearer)], EMPTY).await;
        assert_eq!(fresh["grpc-status"], "0", "{round}");
    }
    assert!(hits(&gateway, "grpc.max_connections").await >= (200 - 20 - PROBES) as u64);
    // The one that has been quiet for the longest time went first.
    attack.remove(0).closed().await;
    drop((attack, victim));
    gateway.stop().await;
}

#[tokio::test]
async fn a_peer_has_its_share_of_the_connections() {
    let gateway = TestGateway::builder().config(|config| config.grpc.max_connections_per_peer = Some(5)).start().await;
    let mut victim = Victim::of(&gateway).await;
    let mut taken = Vec::new();
    for _ in 0..4 {
        let mut peer = Peer::begin(gateway.addr, list(1)).await;
        peer.until(DATA).await;
        taken.push(peer);
    }
    for _ in 0..100 {
        Peer::begin(gateway.addr, []).await.closed().await;
    }
    victim.is_served().await;
    assert_eq!(hits(&gateway, "grpc.max_connections_per_peer").await, 100);
    drop((taken, victim));
    gateway.stop().await;
}
