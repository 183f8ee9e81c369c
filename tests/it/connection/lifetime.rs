//! Connections that are silent, old, idle, too many or invalid. Other connections are not affected.

use std::time::Duration;

use tonic::transport::Endpoint;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use verify_gateway::config::Config;

use crate::support::{
    Origin, Process, TestGateway, addr,
    peer::{DATA, END_STREAM, GOAWAY, HEADERS, NO_ERROR, PREFACE, Peer, list},
};

const TEMPLATES: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 41\r\n\r\n\
    {\"data\":[{\"id\":\"t1\",\"text\":\"{{code}}\"}]}   ";

/// A short time for settings that a test waits for.
const SOON: Duration = Duration::from_millis(50);

async fn gateway(change: impl FnOnce(&mut Config)) -> TestGateway {
    TestGateway::builder().config(change).start().await
}

#[tokio::test]
async fn a_connection_without_a_preface_is_closed_after_the_handshake_timeout() {
    let gateway = gateway(|config| config.grpc.handshake_timeout = SOON).await;
    Peer::silent(gateway.addr).await.closed().await;
    let mut slow = Peer::silent(gateway.addr).await;
    slow.write(&PREFACE[..20]).await;
    slow.closed().await;
    // The time-out ends with the preface.
    let mut begun = Peer::begin(gateway.addr, list(1)).await;
    assert_eq!(begun.until(DATA).await.stream, 1);
    drop(begun);
    gateway.stop().await;
}

#[tokio::test]
async fn a_connection_that_is_not_http_2_is_closed_at_once() {
    let gateway = gateway(|config| config.grpc.handshake_timeout = Duration::from_hours(1)).await;
    let mut browser = Peer::silent(gateway.addr).await;
    browser.write(b"GET / HTTP/1.1\r\nhost: gateway\r\n\r\n").await;
    browser.closed().await;
    gateway.stop().await;
}

#[tokio::test]
async fn an_idle_connection_gets_goaway() {
    let gateway = gateway(|config| config.grpc.max_connection_idle = SOON).await;
    let mut peer = Peer::begin(gateway.addr, []).await;
    assert_eq!(peer.until(GOAWAY).await.code(), NO_ERROR);
    peer.closed().await;
    gateway.stop().await;
}

#[tokio::test]
async fn an_old_connection_gets_goaway_and_its_calls_finish() {
    let origin = Origin::holding(TEMPLATES).await;
    let gateway = TestGateway::builder()
        .upstream(origin.addr)
        .config(|config| config.grpc.max_connection_age = SOON)
        .start()
        .await;
    let mut peer = Peer::begin(gateway.addr, list(1)).await;
    assert_eq!(peer.until(GOAWAY).await.code(), NO_ERROR);
    origin.release();
    // An error has no message.
    assert!(!peer.until(DATA).await.payload.is_empty());
    assert_eq!(peer.until(HEADERS).await.flags & END_STREAM, END_STREAM);
    peer.closed().await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_connection_that_ignores_goaway_is_closed_after_the_grace_period() {
    let origin = Origin::silent().await;
    let gateway = TestGateway::builder()
        .upstream(origin.addr)
        .config(|config| {
            config.grpc.max_connection_age = SOON;
            config.grpc.max_connection_age_grace = SOON;
            // Nothing else ends the call.
            config.grpc.default_deadline = Duration::from_hours(1);
            config.grpc.max_deadline = Duration::from_hours(1);
            config.upstream.attempt_timeout = Duration::from_hours(1);
        })
        .start()
        .await;
    let mut peer = Peer::begin(gateway.addr, list(1)).await;
    peer.until(GOAWAY).await;
    peer.closed().await;
    // The call and its upstream request have ended with the connection.
    origin.until(|seen| seen.given_up == 1).await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_closed() {
    let gateway = gateway(|config| {
        config.grpc.keepalive_interval = SOON;
        config.grpc.keepalive_timeout = SOON;
    })
    .await;
    let mut mute = Peer::silent(gateway.addr).await;
    mute.write(PREFACE).await;
    mute.closed_without_answers().await;
    gateway.stop().await;
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_at_once_and_the_others_go_on() {
    let gateway = gateway(|config| config.grpc.max_connections = 2).await;
    // Two, and those that the machine itself has beyond the bound.
    let mut served = Vec::new();
    for _ in 0..2 + 4 {
        let mut peer = Peer::begin(gateway.addr, list(1)).await;
        peer.until(DATA).await;
        served.push(peer);
    }
    Peer::begin(gateway.addr, list(1)).await.closed().await;
    served[0].send(list(3)).await;
    assert_eq!(served[0].until(DATA).await.stream, 3);
    drop(served);
    gateway.stop().await;
}

#[tokio::test]
async fn a_gateway_with_few_file_descriptors_keeps_a_reserve_and_serves_on() {
    let arguments =
        ["dev", "--listen", "127.0.0.1:0", "--simulator-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    let mut dev = Process::start_with_few("80", &arguments);
    let is_lowered = |line: &str| line.contains("max_connections is lowered").then_some(());
    dev.logged(is_lowered).await;
    let grpc = loop {
        let line = dev.line().await;
        if line.contains("gRPC ") {
            break addr(&line).unwrap();
        }
    };
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(Peer::silent(grpc).await);
    }
    let channel = Endpoint::new(format!("http://{grpc}")).unwrap().connect().await.unwrap();
    HealthClient::new(channel).check(HealthCheckRequest::default()).await.unwrap();
    assert!(dev.descriptors() < 80);
    drop(silent);
    let end = dev.end("TERM").await;
    assert_eq!(end.code, Some(0));
    assert!(!end.err.contains("can't accept connections"), "{}", end.err);
}
