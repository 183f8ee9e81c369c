//! Several gateways with one store: one message for each operation, even if a gateway dies.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tokio::task::JoinSet;
use tonic::{Code, Request};

use crate::support::{
    Clients, PHONE, Refused, Served, TOKEN, TestGateway,
    redis::Redis,
    relay::{Fate, Relay},
    sms, sms_with_request_id,
};

#[tokio::test]
async fn equal_calls_at_two_gateways_send_one_message() {
    let Some(server) = Redis::start().await else { return };
    let one = TestGateway::builder().config(|config| config.store = server.store()).start().await;
    let other =
        TestGateway::builder().upstream(one.simulator).config(|config| config.store = server.store()).start().await;
    let profile_id = one.clients().await.sms_profile().await;
    one.fault(json!({"method": "POST", "delay_ms": 50})).await;
    let request = sms_with_request_id(&profile_id);
    let mut calls = JoinSet::new();
    for gateway in [&one, &other].repeat(4) {
        let (mut clients, request) = (gateway.clients().await, request.clone());
        calls.spawn(async move {
            let answer = clients.verifications.create_verification(request).await.unwrap();
            (answer.metadata().contains_key("replayed"), answer.into_inner().verification.unwrap().id)
        });
    }
    let answers = calls.join_all().await;
    let messages = one.messages(PHONE).await;
    assert_eq!(messages.len(), 1);
    assert!(answers.iter().all(|(_, id)| messages[0]["verification_id"] == **id), "{answers:?}");
    assert_eq!(answers.iter().filter(|(replayed, _)| !replayed).count(), 1);
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_send_of_a_killed_process_is_reconciled_by_another_one_and_not_repeated() {
    let Some(server) = Redis::start().await else { return };
    let set_up = TestGateway::start().await;
    let profile_id = set_up.clients().await.sms_profile().await;
    let settings = format!(
        "store: {{ backend: redis, redis: {{ url: '{}', hash_key_file: '{}' }} }}\nupstream: {{ attempt_timeout: 2s }}\n",
        server.url(),
        server.path("hash_key").display()
    );
    let (killed, other) =
        tokio::join!(Served::usual(set_up.simulator, &settings), Served::usual(set_up.simulator, &settings));
    let request = sms_with_request_id(&profile_id);
    let call = |clients: Clients, seconds: u64| {
        let mut request = Request::new(request.clone());
        request.set_timeout(Duration::from_secs(seconds));
        let mut verifications = clients.verifications;
        async move { verifications.create_verification(request).await }
    };
    // The message is sent, and the gateway gets no answer.
    set_up.fault(json!({"method": "POST", "act": "after", "delay_ms": 60_000})).await;
    let lost = tokio::spawn(call(Clients::of(killed.addr, Some(TOKEN)).await, 2));
    while set_up.messages(PHONE).await.is_empty() {}
    killed.process.end("KILL").await;
    assert!(lost.await.unwrap().is_err());

    // The other gateway waits for the lease to expire: the call's deadline, its attempt, and two reconciliations.
    let answer = call(Clients::of(other.addr, Some(TOKEN)).await, 60).await.unwrap();
    assert!(answer.metadata().contains_key("replayed"));
    let messages = set_up.messages(PHONE).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["verification_id"], *answer.into_inner().verification.unwrap().id);
    assert_eq!(other.process.end("TERM").await.code, Some(0));
    set_up.stop().await;
}

/// A connection to the server, and a switch: while it is on, no write to a target lock arrives.
fn relay_that_loses_targets(server: &Redis) -> (Relay, Arc<AtomicBool>) {
    let switch = Arc::new(AtomicBool::new(false));
    let loses = switch.clone();
    let fate = move |written: &[u8]| {
        let is_of_target = written.windows(7).any(|word| word == b"target:");
        if is_of_target && loses.load(Ordering::SeqCst) { Fate::Unsent } else { Fate::Good }
    };
    (Relay::start(&server.path("redis.sock"), "relay.sock", fate), switch)
}

/// Without the release, an equal send would wait until the lease ends, which is longer than its deadline.
#[tokio::test]
async fn a_release_that_fails_is_written_as_soon_as_the_store_accepts_it() {
    let Some(server) = Redis::start().await else { return };
    let (relay, loses) = relay_that_loses_targets(&server);
    let gateway = TestGateway::builder()
        .login(|login| login.duplicate_window = Some(Duration::from_mins(10)))
        .config(|config| {
            config.store = server.store();
            config.store.redis.urls = vec![relay.url()];
        })
        .start()
        .await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    gateway.fault(json!({"method": "POST", "act": "after", "delay_ms": 200})).await;
    let sending = tokio::spawn({
        let (mut verifications, send) = (gateway.clients().await.verifications, sms(&profile_id));
        async move { verifications.create_verification(send).await.unwrap().into_inner().verification.unwrap().id }
    });
    while gateway.messages(PHONE).await.is_empty() {}
    loses.store(true, Ordering::SeqCst);
    let sent = sending.await.unwrap();
    loses.store(false, Ordering::SeqCst);

    let equal = clients.verifications.create_verification(sms(&profile_id)).await.unwrap().into_inner();
    assert_eq!(equal.verification.unwrap().id, sent);
    assert_eq!(gateway.messages(PHONE).await.len(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn an_older_unresolved_send_does_not_claim_a_message_that_only_its_own_record_names() {
    let Some(server) = Redis::start().await else { return };
    let older = TestGateway::builder().config(|config| config.store = server.store()).start().await;
    // The second gateway loses every write to a target lock.
    let (relay, loses) = relay_that_loses_targets(&server);
    let settings = format!(
        "store: {{ backend: redis, redis: {{ url: '{}', hash_key_file: '{}' }} }}\n",
        relay.url(),
        server.path("hash_key").display()
    );
    let killed = Served::usual(older.simulator, &settings).await;
    let mut clients = older.clients().await;
    let profile_id = clients.sms_profile().await;

    // The older send has no effect, and its outcome is unknown.
    let unresolved = sms_with_request_id(&profile_id);
    older.fault(json!({"method": "POST", "status": 500})).await;
    let refused = clients.verifications.create_verification(unresolved.clone()).await;
    Refused::by(refused).is(Code::Unknown, "SEND_OUTCOME_UNKNOWN");
    older.fault(json!({"method": "POST", "act": "after", "delay_ms": 200})).await;
    let sending = tokio::spawn({
        let (mut verifications, newer) =
            (Clients::of(killed.addr, Some(TOKEN)).await.verifications, sms_with_request_id(&profile_id));
        async move { verifications.create_verification(newer).await.unwrap().into_inner().verification.unwrap().id }
    });
    while older.messages(PHONE).await.is_empty() {}
    loses.store(true, Ordering::SeqCst);
    let newer = sending.await.unwrap();
    killed.process.end("KILL").await;

    // After the lease of the killed gateway, and after the settle window of the older send.
    older.clock.advance(Duration::from_hours(1));
    let answer =
        clients.verifications.create_verification(unresolved).await.unwrap().into_inner().verification.unwrap();
    assert_ne!(answer.id, newer);
    assert_eq!(older.messages(PHONE).await.len(), 2);
    older.stop().await;
}
