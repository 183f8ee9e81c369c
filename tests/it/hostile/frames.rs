//! Frames that cost their sender little.

use super::{Victim, hits};
use crate::support::{
    TestGateway,
    peer::{DATA, Frame, Peer, list},
};

const PRIORITY: u8 = 2;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const UNKNOWN: u8 = 99;

#[tokio::test]
async fn floods_of_control_frames_close_their_connection_and_no_other() {
    let gateway = TestGateway::start().await;
    let mut victim = Victim::of(&gateway).await;
    let frames = [
        (PRIORITY, 3, &[0, 0, 0, 0, 1][..]),
        (SETTINGS, 0, &[]),
        (PING, 0, &[0; 8]),
        (WINDOW_UPDATE, 0, &[0, 0, 0, 1]),
        (UNKNOWN, 0, &[]),
    ];
    for (kind, stream, payload) in frames {
        let flood = (0..5000).map(|_| Frame::new(kind, 0, stream, payload));
        Peer::begin(gateway.addr, flood).await.closed_without_answers().await;
        victim.is_served().await;
    }
    assert_eq!(hits(&gateway, "grpc.max_control_frames").await, frames.len() as u64);
    drop(victim);
    gateway.stop().await;
}

#[tokio::test]
async fn a_busy_connection_may_send_eight_control_frames_for_each_call() {
    let gateway = TestGateway::builder().config(|config| config.grpc.max_control_frames = 100).start().await;
    let mut peer = Peer::begin(gateway.addr, []).await;
    for n in 0..100 {
        let updates = (0..8).map(|_| Frame::new(WINDOW_UPDATE, 0, 0, [0, 0, 0, 1]));
        peer.send(list(2 * n + 1).into_iter().chain(updates)).await;
        peer.until(DATA).await;
    }
    drop(peer);
    gateway.stop().await;
}
