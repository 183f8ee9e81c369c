//! Streams at several gateways with one server.

use jiff::Timestamp;
use tokio::time::timeout;
use tonic::Code;
use verify_gateway::{
    config::StoreConfig,
    domain::Permissions,
    pb::{CheckOutcome, EventType, StreamEventsRequest, StreamEventsResponse, VerificationEvent},
};

use super::{BOUND, end, next, next_type, stream, watch, with_events};
use crate::{
    store::deployments::cluster,
    support::{
        Clients, PHONE, Refused, TestGateway,
        redis::{Redis, ask},
        webhooks::{WEBHOOK_TOKEN, WebhookSigner, account_of, delivery},
    },
};

async fn replica(store: StoreConfig, upstream: Option<&TestGateway>) -> TestGateway {
    let directory = account_of(vec![WebhookSigner::new(1).key()], [Permissions::all(), Permissions::default()]);
    let mut builder = TestGateway::builder().tenants(directory).config(|config| {
        with_events(config);
        config.store = store;
        config.events.max_events = 100;
    });
    if let Some(other) = upstream {
        builder = builder.upstream(other.simulator);
    }
    builder.start().await
}

async fn post(gateway: &TestGateway, id: &str, status: &str) -> u16 {
    let (signer, now) = (WebhookSigner::new(1), Timestamp::now().as_second());
    signer.post(gateway.webhooks, WEBHOOK_TOKEN, now, &delivery(id, "p", status)).await
}

fn after(token: &str) -> StreamEventsRequest {
    StreamEventsRequest { resume_token: token.into(), ..Default::default() }
}

/// The next event, in time.
async fn soon(stream: &mut tonic::Streaming<StreamEventsResponse>) -> (VerificationEvent, String) {
    timeout(BOUND, next(stream)).await.expect("an event in time")
}

#[tokio::test]
async fn every_replica_shows_what_any_of_them_records() {
    let Some(server) = Redis::start().await else { return };
    let one = replica(server.store(), None).await;
    let other = replica(server.store(), Some(&one)).await;
    let (mut at_one, mut at_other) = (one.clients().await, other.clients().await);
    let profile = at_one.sms_profile().await;
    let mut streams = [stream(&mut at_one, after("")).await, stream(&mut at_other, after("")).await];
    let id = at_one.send(PHONE, &profile).await.id;
    let mut watched = watch(&mut at_one, &id).await;
    for status in ["delivered", "sent", "delivered"] {
        assert_eq!(post(&other, &id, status).await, 200);
    }
    let code = one.code(PHONE).await;
    assert_eq!(at_other.check(&id, &code).await, CheckOutcome::Accepted);
    for stream in &mut streams {
        let mut marks = Vec::new();
        for expected in [EventType::Created, EventType::Delivered, EventType::Accepted] {
            let (event, token) = soon(stream).await;
            assert_eq!((event.r#type(), &event.verification_id), (expected, &id));
            marks.push((event.event_id, token));
        }
        // A token is good at both.
        for clients in [&mut at_one, &mut at_other] {
            let mut resumed = super::stream(clients, after(&marks[0].1)).await;
            assert_eq!(soon(&mut resumed).await.0.event_id, marks[1].0);
        }
    }
    for expected in [Some(EventType::Created), Some(EventType::Delivered), Some(EventType::Accepted), None] {
        assert_eq!(timeout(BOUND, next_type(&mut watched)).await.unwrap(), expected);
    }
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_position_that_the_server_does_not_have_ends_the_stream() {
    let Some(server) = Redis::start().await else { return };
    let gateway = replica(server.store(), None).await;
    let mut clients = gateway.clients().await;
    let mut live = stream(&mut clients, after("")).await;
    let mut tokens = Vec::new();
    for number in 0..250 {
        assert_eq!(post(&gateway, &format!("v{number}"), "sent").await, 200);
        tokens.push(soon(&mut live).await.1);
    }
    let refused = async |clients: &mut Clients, token: &str| {
        Refused::by(clients.events.stream_events(after(token)).await)
            .is(Code::FailedPrecondition, "RESUME_TOKEN_EXPIRED");
    };
    // Too old. A server keeps up to a hundred more than it must.
    refused(&mut clients, &tokens[0]).await;
    let mut resumed = stream(&mut clients, after(&tokens[151])).await;
    for number in 152..250 {
        assert_eq!(soon(&mut resumed).await.0.verification_id, format!("v{number}"));
    }
    // A failover has lost the newest two. The live stream ends, and its token opens no other one.
    let mut connection = server.connect().await;
    let newest: Vec<(String, Vec<String>)> = ask(&mut connection, "XREVRANGE vg:1:event_log:{login} + - COUNT 2").await;
    let key = "vg:1:event_log:{login}";
    for (id, _) in &newest {
        assert_eq!(ask::<usize>(&mut connection, &format!("XDEL {key} {id}")).await, 1);
    }
    assert_eq!(
        timeout(BOUND, end(&mut live)).await.unwrap(),
        (Code::FailedPrecondition, "RESUME_TOKEN_EXPIRED".into())
    );
    for token in &tokens[248..] {
        refused(&mut clients, token).await;
    }
    assert_eq!(timeout(BOUND, end(&mut resumed)).await.unwrap().0, Code::FailedPrecondition);
    let mut again = stream(&mut clients, after("")).await;
    assert_eq!(post(&gateway, "v999", "sent").await, 200);
    let (event, token) = soon(&mut again).await;
    assert_eq!(event.verification_id, "v999");
    // All is lost: the next log has other numbers.
    let () = ask(&mut connection, &format!("DEL {key}")).await;
    refused(&mut clients, &token).await;
    gateway.stop().await;
}

/// Its user may do no more than OPERATIONS.md says.
#[tokio::test]
async fn a_cluster_has_the_events_of_a_tenant_at_one_node() {
    let Some((_nodes, store)) = cluster(false).await else { return };
    let (one, other) = (replica(store.clone(), None).await, replica(store, None).await);
    let mut stream = stream(&mut other.clients().await, after("")).await;
    for number in 0..20 {
        let id = format!("v{number}");
        assert_eq!(post(&one, &id, "sent").await, 200);
        assert_eq!(soon(&mut stream).await.0.verification_id, id);
    }
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_stream_outlives_its_store_and_shows_the_repetition_once() {
    let Some(mut server) = Redis::with(&["--appendonly", "yes", "--appendfsync", "always"]).await else { return };
    let gateway = replica(server.store(), None).await;
    let mut stream = stream(&mut gateway.clients().await, after("")).await;
    assert_eq!(post(&gateway, "v1", "sent").await, 200);
    assert_eq!(soon(&mut stream).await.0.verification_id, "v1");
    server.kill().await;
    assert_eq!(post(&gateway, "v2", "sent").await, 503);
    server.revive().await;
    let repeated = async { while post(&gateway, "v2", "sent").await != 200 {} };
    timeout(BOUND, repeated).await.expect("the store is back in time");
    for id in ["v2", "v3"] {
        assert_eq!(post(&gateway, id, "sent").await, 200);
        assert_eq!(soon(&mut stream).await.0.verification_id, id);
    }
    gateway.stop().await;
}
