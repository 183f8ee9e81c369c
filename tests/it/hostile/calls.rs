//! Calls of one tenant that keep others waiting.

use std::time::Duration;

use tokio::time::timeout;
use tonic::Code;

use super::{Victim, hits};
use crate::support::{
    OTHER_TOKEN, Origin, TOKEN, TestGateway,
    peer::{END_STREAM, Frame, HEADERS, LIST, Peer},
    raw::{EMPTY, LIST_TEMPLATES, post},
    sms,
};

#[tokio::test]
async fn calls_whose_messages_never_end_take_the_share_of_their_tenant_and_no_more() {
    let gateway =
        TestGateway::builder().config(|config| config.grpc.message_timeout = Duration::from_hours(1)).start().await;
    let mut victim = Victim::of(&gateway).await;
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str())];
    let mut attack = Vec::new();
    for _ in 0..5 {
        attack.push(Peer::begin(gateway.addr, (0..250).map(|n| Frame::request(2 * n + 1, LIST, &headers))).await);
    }
    // A quarter of `max_concurrent_calls` waits. The others are refused, and only then is the attack complete.
    for peer in &mut attack[2..] {
        for _ in 0..250 {
            assert_eq!(peer.until(HEADERS).await.flags & END_STREAM, END_STREAM);
        }
    }
    victim.is_served().await;
    let refused = post(&gateway, LIST_TEMPLATES, &headers, EMPTY).await;
    refused.is(Code::ResourceExhausted, "CONCURRENCY_LIMIT_REACHED");
    assert!(hits(&gateway, "grpc.tenant_share").await > 750);
    drop((attack, victim));
    gateway.stop().await;
}

#[tokio::test]
async fn a_message_that_does_not_end_ends_its_call_before_the_deadline() {
    let gateway =
        TestGateway::builder().config(|config| config.grpc.message_timeout = Duration::from_millis(50)).start().await;
    let bearer = format!("Bearer {TOKEN}");
    let open = Frame::request(1, LIST, &[("authorization", &bearer), ("grpc-timeout", "1H")]);
    let mut peer = Peer::begin(gateway.addr, [open]).await;
    // Everything else that ends it takes longer.
    let end = timeout(Duration::from_secs(10), peer.until(HEADERS)).await.expect("an end in time");
    assert_eq!(end.flags & END_STREAM, END_STREAM);
    drop(peer);
    gateway.stop().await;
}

#[tokio::test]
async fn a_send_that_waits_for_another_one_to_its_number_holds_no_permit() {
    let origin = Origin::silent().await;
    let gateway = TestGateway::builder()
        .upstream(origin.addr)
        .config(|config| {
            config.grpc.max_concurrent_calls = 2;
            config.grpc.tenant_share = 1.0;
        })
        .start()
        .await;
    let send = || {
        let clients = gateway.clients();
        async { clients.await.verifications.create_verification(sms("profile-1")).await }
    };
    // It is refused when it has had its permit.
    let bearer = format!("Bearer {OTHER_TOKEN}");
    let is_shed = async || {
        let refused = post(&gateway, LIST_TEMPLATES, &[("authorization", &bearer)], b"\0\0\0\0\x02\xff\xff").await;
        refused.reason == "GATEWAY_OVERLOADED"
    };
    let attack = async { tokio::join!(send(), send()) };
    let served = async {
        origin.until(|seen| seen.requests == 1).await;
        let is_active = |line: &str| line.starts_with("verify_gateway_calls_active") && line.ends_with(" 2");
        while !gateway.admin("/metrics").await.1.lines().any(is_active) {}
        // The second send may not wait yet. It would never give its permit back if it waited with it.
        while is_shed().await {}
        for _ in 0..20 {
            assert!(!is_shed().await);
        }
    };
    tokio::select! {
        _ = attack => panic!("the sends ended"),
        () = served => {}
    }
    gateway.stop().await;
}
