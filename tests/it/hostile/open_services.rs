//! Calls of health and reflection, which need no credentials.

use std::time::Duration;

use tokio::time::timeout;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::{Victim, hits};
use crate::support::{
    TestGateway,
    peer::{END_STREAM, Frame, HEADERS, Peer},
};

const CHECK: &str = "/grpc.health.v1.Health/Check";
const WATCH: &str = "/grpc.health.v1.Health/Watch";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// How many of the next `answers` are refusals.
async fn refusals(peer: &mut Peer, answers: usize) -> usize {
    let mut refused = 0;
    for _ in 0..answers {
        refused += usize::from(peer.until(HEADERS).await.flags & END_STREAM != 0);
    }
    refused
}

#[tokio::test]
async fn watches_are_bounded_on_a_connection_and_in_all() {
    let gateway = TestGateway::builder().config(|config| config.grpc.max_unauthenticated_streams = 20).start().await;
    let mut victim = Victim::of(&gateway).await;
    let watches = || (0..20).flat_map(|n| [Frame::request(2 * n + 1, WATCH, &[]), Frame::empty_message(2 * n + 1)]);
    let (mut attack, mut seen) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let mut peer = Peer::begin(gateway.addr, watches()).await;
        seen.push(refusals(&mut peer, 20).await);
        attack.push(peer);
    }
    assert_eq!(seen, [12, 12, 16, 20]);
    victim.is_served().await;
    let mut health = HealthClient::new(gateway.channel().await);
    health.check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(hits(&gateway, "grpc.max_unauthenticated_calls").await, 24);
    assert_eq!(hits(&gateway, "grpc.max_unauthenticated_streams").await, 36);
    drop((attack, victim, health));
    gateway.stop().await;
}

#[tokio::test]
async fn a_check_without_an_end_and_old_streams_are_ended_and_give_their_permits_back() {
    let gateway = TestGateway::builder()
        .config(|config| {
            config.grpc.message_timeout = Duration::from_millis(50);
            config.grpc.max_unauthenticated_stream_age = Duration::from_millis(50);
            config.grpc.max_unauthenticated_calls = 1;
        })
        .start()
        .await;
    let mut peer = Peer::begin(gateway.addr, []).await;
    for (stream, (path, message)) in
        (1..).step_by(2).zip([(CHECK, false), (WATCH, true), (REFLECTION, false), (CHECK, true)])
    {
        peer.send([Frame::request(stream, path, &[])]).await;
        if message {
            peer.send([Frame::empty_message(stream)]).await;
        }
        let ended = async { while peer.until(HEADERS).await.flags & END_STREAM == 0 {} };
        timeout(Duration::from_secs(10), ended).await.expect("an end in time");
    }
    assert_eq!(hits(&gateway, "grpc.max_unauthenticated_calls").await, 0);
    drop(peer);
    gateway.stop().await;
}
