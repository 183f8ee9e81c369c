//! The drain: no call is lost, no send is repeated, and no client can delay it.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{sync::Notify, task::JoinSet};
use tonic::{Status, transport::Endpoint};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::v1;
use verify_gateway::pb::ListTemplatesRequest;

use crate::support::{
    Clients, Origin, Served, TOKEN, TestGateway,
    peer::{DATA, END_STREAM, Frame, GOAWAY, HEADERS, NO_ERROR, Peer},
};

const LIST: &str = "/verify.v1.TemplateService/ListTemplates";
const WATCH: &str = "/grpc.health.v1.Health/Watch";

#[tokio::test]
async fn a_draining_gateway_sends_goaway_on_every_connection() {
    let gateway = TestGateway::start().await;
    let bearer = format!("Bearer {TOKEN}");
    let list = [Frame::request(1, LIST, &[("authorization", &bearer)]), Frame::empty_message(1)];
    let mut used = Peer::begin(gateway.addr, list).await;
    used.until(DATA).await;
    let mut unused = Peer::begin(gateway.addr, []).await;
    gateway.begin_to_stop();
    for peer in [&mut used, &mut unused] {
        assert_eq!(peer.until(GOAWAY).await.code(), NO_ERROR);
    }
    used.closed().await;
    unused.closed().await;
    gateway.stop().await;
}

#[tokio::test]
async fn calls_are_served_during_the_drain_delay_and_health_is_not_serving() {
    const TEMPLATES: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"data\":[]}";
    let origin = Origin::answering(TEMPLATES).await;
    let delay = Duration::from_hours(1);
    let gateway =
        TestGateway::builder().upstream(origin.addr).config(|config| config.shutdown.delay = delay).start().await;
    let channel = Endpoint::new(format!("http://{}", gateway.addr)).unwrap().connect().await.unwrap();
    let mut health = HealthClient::new(channel);
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    gateway.begin_to_stop();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    // The liveness probe still succeeds.
    let alive = health.check(HealthCheckRequest { service: "liveness".into() }).await.unwrap().into_inner();
    assert_eq!(alive.status(), ServingStatus::Serving);
    // A client that does not know of the drain.
    let mut clients = gateway.clients().await;
    clients.templates.list_templates(ListTemplatesRequest::default()).await.unwrap();
    // The gateway would wait for an hour, so it is dropped with the test.
}

#[tokio::test]
async fn endless_streams_do_not_delay_the_drain() {
    let hour = Duration::from_hours(1);
    let gateway = TestGateway::builder().config(|config| config.shutdown.grace_period = hour).start().await;
    let channel = Endpoint::new(format!("http://{}", gateway.addr)).unwrap().connect().await.unwrap();
    let mut reflection = v1::server_reflection_client::ServerReflectionClient::new(channel);
    let mut answers = reflection.server_reflection_info(tokio_stream::pending()).await.unwrap().into_inner();
    let mut watcher = Peer::begin(gateway.addr, [Frame::request(1, WATCH, &[]), Frame::empty_message(1)]).await;
    watcher.until(DATA).await;
    let until_the_end = async { while watcher.until(HEADERS).await.flags & END_STREAM == 0 {} };
    let (answer, (), ()) = tokio::join!(answers.message(), until_the_end, gateway.stop());
    assert_eq!(answer.unwrap_err().code(), tonic::Code::Unavailable);
}

#[tokio::test]
async fn a_call_that_does_not_end_is_aborted_after_the_grace_period() {
    let origin = Origin::silent().await;
    let gateway = TestGateway::builder()
        .upstream(origin.addr)
        .config(|config| {
            config.shutdown.grace_period = Duration::from_millis(50);
        })
        .start()
        .await;
    let mut clients = gateway.clients().await;
    let call = tokio::spawn(async move { clients.templates.list_templates(ListTemplatesRequest::default()).await });
    origin.until(|seen| seen.requests == 1).await;
    gateway.stop().await;
    assert!(call.await.unwrap().is_err());
    origin.until(|seen| seen.given_up == 1).await;
}

#[tokio::test]
async fn a_silent_connection_does_not_delay_the_drain() {
    let gateway = TestGateway::builder()
        .config(|config| {
            config.grpc.handshake_timeout = Duration::from_hours(1);
            config.shutdown.grace_period = Duration::from_millis(50);
        })
        .start()
        .await;
    let silent = Peer::silent(gateway.addr).await;
    gateway.stop().await;
    silent.closed().await;
}

/// The number of sends that are answered before the process gets the signal.
const BEFORE: usize = 60;
const CALLERS: usize = 6;

#[tokio::test]
async fn a_drain_under_load_loses_no_send_and_repeats_none() {
    let set_up = TestGateway::start().await;
    let profile_id = set_up.clients().await.sms_profile().await;
    // Long enough that some sends are running when the signal arrives.
    let slow = json!({"times": 100_000, "method": "POST", "path": "/verifications", "delay_ms": 20});
    set_up.fault(slow).await;
    let Served { process, addr, .. } = Served::usual(set_up.simulator, "").await;

    let (answered, enough) = (std::sync::Arc::new(AtomicUsize::new(0)), std::sync::Arc::new(Notify::new()));
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (answered, enough, profile_id) = (answered.clone(), enough.clone(), profile_id.clone());
        let mut clients = Clients::of(addr, Some(TOKEN)).await;
        callers.spawn(async move {
            // Sends until the gateway is gone. Returns the numbers and the last error.
            let mut sent = Vec::new();
            loop {
                let phone = format!("+1303{:03}{:04}", 555 + caller, 2000 + sent.len());
                match clients.try_send(&phone, &profile_id).await {
                    Ok(_) => sent.push(phone),
                    Err(status) => return (sent, phone, status),
                }
                if answered.fetch_add(1, Ordering::Relaxed) + 1 == BEFORE {
                    enough.notify_one();
                }
            }
        });
    }
    enough.notified().await;
    let ended = process.end("TERM").await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(!ended.err.contains("grace period"), "{}", ended.err);

    let mut all_sent = Vec::new();
    while let Some(caller) = callers.join_next().await {
        let (sent, phone, status): (Vec<String>, String, Status) = caller.unwrap();
        // The error comes from the client: an error of the gateway has details.
        assert!(status.details().is_empty(), "{status:?}");
        assert!(set_up.messages(&phone).await.is_empty(), "{phone} {status:?}");
        all_sent.extend(sent);
    }
    assert!(all_sent.len() >= BEFORE);
    let messages: Vec<Value> = set_up.all_messages().await;
    let mut phones: Vec<_> = messages.iter().map(|message| message["phone_number"].as_str().unwrap()).collect();
    phones.sort_unstable();
    all_sent.sort_unstable();
    assert_eq!(phones, all_sent);
    set_up.stop().await;
}
