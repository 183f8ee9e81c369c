//! A server that is down or slow, or whose answers are lost: nothing happens twice, and the gateway recovers.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tokio::task::JoinSet;
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use verify_gateway::{
    pb::GetVerificationRequest,
    store::{self, Connectivity, Store},
};

use super::contract::{add, get, open};
use crate::support::{
    PHONE, Refused, TestGateway,
    redis::{Redis, ask},
    relay::{Fate, Relay},
    sms_with_request_id,
};

/// Makes `times` additions in each of several tasks. Returns how many certainly happened, and how many may have.
/// A refused addition has not happened, and is repeated.
async fn add_often(stores: &[Store], times: u32) -> (u32, u32) {
    let mut tasks = JoinSet::new();
    for store in stores {
        for _ in 0..4 {
            let store = store.clone();
            tasks.spawn(async move {
                let (mut done, mut unknown) = (0, 0);
                while done + unknown < times {
                    match add(&store, "n").await {
                        Ok(_) => done += 1,
                        Err(store::Error::Unknown(_)) => unknown += 1,
                        Err(_) => tokio::task::yield_now().await,
                    }
                }
                (done, unknown)
            });
        }
    }
    let mut sum = (0, 0);
    while let Some(task) = tasks.join_next().await {
        let (done, unknown) = task.unwrap();
        sum = (sum.0 + done, sum.1 + unknown);
    }
    sum
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_write_whose_answer_is_lost_is_applied_once() {
    let Some(server) = Redis::start().await else { return };
    let relays: Vec<_> = (0..2)
        .map(|number| {
            let count = AtomicUsize::new(0);
            let fate = move |written: &[u8]| match count.fetch_add(1, Ordering::Relaxed) % 11 {
                // Only commands fail. A gateway that can not connect writes nothing.
                _ if !written.windows(4).any(|word| word == b"EVAL") => Fate::Good,
                5 => Fate::Lost,
                8 => Fate::Unsent,
                // Longer than the time-out of the command.
                10 => Fate::Late(Duration::from_millis(120)),
                _ => Fate::Good,
            };
            Relay::start(&server.path("redis.sock"), &format!("{number}.sock"), fate)
        })
        .collect();
    let stores: Vec<_> = relays
        .iter()
        .map(|relay| {
            let mut config = server.store();
            config.redis.urls = vec![relay.url()];
            config.redis.timeout = Duration::from_millis(100);
            open(&config)
        })
        .collect();
    let (done, unknown) = add_often(&stores, 50).await;
    let sum = add(&open(&server.store()), "n").await.unwrap() - 1;
    assert!(done > 0 && (done..=done + unknown).contains(&sum), "{sum} of {done} and {unknown}");
}

/// Loses the answer to a write of an existing record. `then` happens before the gateway repeats the write, and decides about
/// all that it writes from then on. Returns the result of that update, and the record in the end.
async fn after_a_lost_write(
    then: impl Fn(&mut redis::Connection) -> Fate + Send + Sync + 'static,
) -> Option<(Result<u32, store::Error>, u32)> {
    let server = Redis::start().await?;
    let itself = open(&server.store());
    add(&itself, "n").await.unwrap();
    let (lost, client) = (AtomicBool::new(false), redis::Client::open(server.url()).unwrap());
    let (writes, fates) = (AtomicUsize::new(0), Mutex::new(None));
    let relay = Relay::start(&server.path("redis.sock"), "relay.sock", move |written: &[u8]| {
        let is_write = written.windows(8).any(|word| word == b"vg:1:n\r\n");
        if lost.load(Ordering::Relaxed) {
            let first = || then(&mut client.get_connection().unwrap());
            return *fates.lock().unwrap().get_or_insert_with(first);
        }
        // The first write assumes that there is no record.
        if is_write && writes.fetch_add(1, Ordering::Relaxed) == 1 {
            lost.store(true, Ordering::Relaxed);
            return Fate::Lost;
        }
        Fate::Good
    });
    let mut config = server.store();
    config.redis.urls = vec![relay.url()];
    let result = add(&open(&config), "n").await;
    Some((result, add(&itself, "n").await.unwrap() - 1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_write_whose_answer_is_lost_stays_unknown_where_nothing_shows_whether_it_arrived() {
    // The write arrived, the record was removed, and the record that tells is gone.
    let removed = after_a_lost_write(|server| {
        redis::cmd("DEL").arg("vg:1:n").exec(server).unwrap();
        Fate::Good
    });
    let Some((result, record)) = removed.await else { return };
    assert!(matches!(result, Err(store::Error::Unknown(_))), "{result:?}");
    assert_eq!(record, 0);
    // The server can't be reached any more: the refusal of a new connection says nothing about the write before it.
    let (result, record) = after_a_lost_write(|_| Fate::Unsent).await.unwrap();
    assert!(matches!(result, Err(store::Error::Unknown(_))), "{result:?}");
    assert_eq!(record, 2);
    let (result, record) = after_a_lost_write(|_| Fate::Good).await.unwrap();
    assert_eq!((result.unwrap(), record), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_pauses_dies_and_restarts_has_every_write_once() {
    let Some(mut server) = Redis::with(&["--appendonly", "yes", "--appendfsync", "always"]).await else { return };
    let mut config = server.store();
    config.redis.timeout = Duration::from_millis(100);
    let stores = [open(&config), open(&config)];
    let adding = tokio::spawn({
        let stores = stores.clone();
        async move { add_often(&stores, 100).await }
    });
    let mut itself = server.connect().await;
    let written = |n: u32| {
        let store = open(&server.store());
        async move { while get(&store, "written").await.is_err() || add(&store, "turns").await.unwrap_or(0) < n {} }
    };
    written(20).await;
    let () = ask(&mut itself, "CLIENT PAUSE 300 ALL").await;
    let () = ask(&mut itself, "PING").await;
    for _ in 0..5 {
        let _: i64 = ask(&mut itself, "CLIENT KILL TYPE normal SKIPME yes").await;
        written(40).await;
    }
    server.kill().await;
    server.revive().await;
    let (done, unknown) = adding.await.unwrap();
    let sum = add(&open(&server.store()), "n").await.unwrap() - 1;
    assert!(done > 0 && (done..=done + unknown).contains(&sum), "{sum} of {done} and {unknown}");
    // Each store reconnects on its own.
    for store in stores {
        while store.status(None).await.connectivity != Connectivity::Up {}
        add(&store, "n").await.unwrap();
    }
}

#[tokio::test]
async fn without_the_server_reads_go_on_and_nothing_is_dispatched() {
    let Some(mut server) = Redis::with(&["--appendonly", "yes", "--appendfsync", "always"]).await else { return };
    let gateway = TestGateway::builder().config(|config| config.store = server.store()).start().await;
    ready(&gateway, true, &[]).await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    let id = clients.send(PHONE, &profile_id).await.id;
    let code = gateway.code(PHONE).await;

    server.kill().await;
    for _ in 0..3 {
        let refused =
            Refused::by(clients.try_send(PHONE, &profile_id).await).is(Code::Unavailable, "STORE_UNAVAILABLE");
        assert_eq!(refused.retry_after, Some(Duration::from_secs(1)));
    }
    let refused = Refused::by(clients.try_check(&id, &code).await).is(Code::Unavailable, "STORE_UNAVAILABLE");
    assert_eq!(refused.retry_after, Some(Duration::from_secs(1)));
    clients.verifications.get_verification(GetVerificationRequest { verification_id: id.clone() }).await.unwrap();
    ready(&gateway, true, &["store"]).await;
    let (_, metrics) = gateway.admin("/metrics").await;
    assert!(metrics.contains("\nverify_gateway_store_up 0\n"), "{metrics}");
    assert!(
        metrics.contains("verify_gateway_store_update_duration_seconds_count{outcome=\"unreachable\"}"),
        "{metrics}"
    );

    server.revive().await;
    ready(&gateway, true, &[]).await;
    assert_eq!(clients.check(&id, &code).await, verify_gateway::pb::CheckOutcome::Accepted);
    clients.send(PHONE, &profile_id).await;
    assert_eq!(gateway.messages(PHONE).await.len(), 2);
    gateway.stop().await;
}

#[tokio::test]
async fn a_gateway_is_not_ready_until_it_has_reached_the_server() {
    let Some(mut server) = Redis::start().await else { return };
    server.kill().await;
    let gateway = TestGateway::builder().config(|config| config.store = server.store()).start().await;
    ready(&gateway, false, &[]).await;
    let mut health =
        HealthClient::new(gateway.channel().await).watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(health.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    let (status, why) = gateway.admin("/readyz").await;
    assert_eq!((status, why.as_str()), (503, r#"{"degraded":[],"ready":false,"reasons":["store"],"stale":[]}"#));
    server.revive().await;
    assert_eq!(health.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    ready(&gateway, true, &[]).await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_gateway_survives_a_flushed_and_a_paused_server() {
    let Some(server) = Redis::start().await else { return };
    let gateway = TestGateway::builder()
        .config(|config| {
            config.store = server.store();
            config.store.redis.refuse_at_risk = false;
        })
        .start()
        .await;
    let mut itself = server.connect().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    clients.send(PHONE, &profile_id).await;
    let () = ask(&mut itself, "FLUSHALL").await;
    clients.send(PHONE, &profile_id).await;
    // The records vanish while the send is running, and the caller still gets the answer.
    gateway.fault(json!({"method": "POST", "delay_ms": 200})).await;
    let sending = tokio::spawn({
        let (mut clients, profile_id) = (gateway.clients().await, profile_id.clone());
        async move { clients.send(PHONE, &profile_id).await }
    });
    while ask::<Vec<String>>(&mut itself, "KEYS vg:1:target:*").await.is_empty() {}
    let () = ask(&mut itself, "FLUSHALL").await;
    sending.await.unwrap();
    // Shorter than the time-out of the writes that a call makes.
    let () = ask(&mut itself, "CLIENT PAUSE 700 ALL").await;
    clients.send(PHONE, &profile_id).await;
    assert_eq!(gateway.messages(PHONE).await.len(), 4);
    gateway.stop().await;
}

#[tokio::test]
async fn an_outcome_that_is_not_persisted_is_returned_only_after_it_is_reconciled() {
    let Some(mut server) = Redis::with(&["--appendonly", "yes", "--appendfsync", "always"]).await else { return };
    let gateway = TestGateway::builder().config(|config| config.store = server.store()).start().await;
    let mut itself = server.connect().await;
    let mut clients = gateway.clients().await;
    let request = sms_with_request_id(&clients.sms_profile().await);
    gateway.fault(json!({"method": "POST", "act": "after", "delay_ms": 200})).await;
    let sending = tokio::spawn({
        let (mut verifications, request) = (gateway.clients().await.verifications, request.clone());
        async move { verifications.create_verification(request).await }
    });
    while gateway.messages(PHONE).await.is_empty() {}
    assert_eq!(ask::<Vec<String>>(&mut itself, "KEYS vg:1:request:*").await.len(), 1);
    server.kill().await;
    Refused::by(sending.await.unwrap()).is(Code::Unknown, "SEND_OUTCOME_UNKNOWN");
    ready(&gateway, true, &["store"]).await;

    server.revive().await;
    ready(&gateway, true, &[]).await;
    // After the lease of the job that could not persist its outcome.
    gateway.clock.advance(Duration::from_mins(2));
    let answer = clients.verifications.create_verification(request).await.unwrap();
    assert!(answer.metadata().contains_key("replayed"));
    let messages = gateway.messages(PHONE).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["verification_id"], *answer.into_inner().verification.unwrap().id);
    gateway.stop().await;
}

/// Waits until the admin port reports this.
pub async fn ready(gateway: &TestGateway, is: bool, degraded: &[&str]) {
    loop {
        let (_, body) = gateway.admin("/readyz").await;
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        if body["ready"] == is && body["degraded"] == json!(degraded) {
            return;
        }
    }
}
