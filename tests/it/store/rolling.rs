//! Gateways that are replaced one after the other under load: no call fails, and no message is repeated.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::json;
use tokio::{
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
};
use tonic::{
    Status,
    transport::{Channel, Endpoint, channel::Change},
};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use uuid::Uuid;
use verify_gateway::pb::{Channel as Via, CreateVerificationRequest};

use crate::support::{Clients, Served, TOKEN, TestGateway, redis::Redis};

const GATEWAYS: usize = 3;
const CALLERS: usize = 8;
/// The number of answers between two replacements.
const BETWEEN: usize = 60;

/// A client that balances over the gateways that are serving.
struct Balanced {
    channel: Channel,
    changes: mpsc::Sender<Change<SocketAddr, Endpoint>>,
}

impl Balanced {
    fn new() -> Self {
        let (channel, changes) = Channel::balance_channel(16);
        Self { channel, changes }
    }

    /// Watches the health of the gateway at `addr`, and returns when the gateway gets calls.
    async fn follow(&self, addr: SocketAddr) -> JoinHandle<()> {
        let endpoint = Endpoint::new(format!("http://{addr}")).unwrap();
        let mut health = HealthClient::new(endpoint.connect().await.unwrap());
        let request = HealthCheckRequest { service: "verify.v1.VerificationService".into() };
        let mut updates = health.watch(request).await.unwrap().into_inner();
        while updates.message().await.unwrap().unwrap().status() != ServingStatus::Serving {}
        self.changes.send(Change::Insert(addr, endpoint)).await.unwrap();
        let changes = self.changes.clone();
        tokio::spawn(async move {
            while updates
                .message()
                .await
                .is_ok_and(|next| next.is_some_and(|next| next.status() == ServingStatus::Serving))
            {}
            changes.send(Change::Remove(addr)).await.unwrap();
        })
    }
}

/// Sends until `stop`, each message to a new number. Returns the numbers.
async fn send(
    caller: usize,
    mut clients: Clients,
    profile_id: String,
    stop: Arc<AtomicBool>,
    answered: watch::Sender<usize>,
) -> Result<Vec<String>, Status> {
    let mut sent = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let phone = format!("+1303{:03}{:04}", 555 + caller, 2000 + sent.len());
        let request = CreateVerificationRequest {
            request_id: Uuid::new_v4().to_string(),
            phone_number: phone.clone(),
            channel: Via::Sms.into(),
            profile_id: profile_id.clone(),
            ..CreateVerificationRequest::default()
        };
        clients.verifications.create_verification(request).await?;
        sent.push(phone);
        answered.send_modify(|answered| *answered += 1);
    }
    Ok(sent)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replacing_every_gateway_under_load_fails_no_call_and_repeats_no_message() {
    let Some(server) = Redis::start().await else { return };
    let set_up = TestGateway::start().await;
    let profile_id = set_up.clients().await.sms_profile().await;
    // Long enough that some sends are running when a gateway gets its signal.
    set_up.fault(json!({"times": 1_000_000, "method": "POST", "path": "/verifications", "delay_ms": 20})).await;
    // The logs are read when the processes exit. A line for each call would fill the pipe.
    let settings = format!(
        "store: {{ backend: redis, replicas: {GATEWAYS}, redis: {{ url: '{}', hash_key_file: '{}', timeout: 5s }} }}\n\
         shutdown: {{ delay: 1s }}\ntelemetry: {{ log: {{ audit: false, level: info }} }}\n",
        server.url(),
        server.path("hash_key").display()
    );
    let balanced = Balanced::new();
    let mut gateways = Vec::new();
    for _ in 0..GATEWAYS {
        let gateway = Served::usual(set_up.simulator, &settings).await;
        gateways.push((balanced.follow(gateway.addr).await, gateway));
    }

    let (stop, (answered, mut count)) = (Arc::new(AtomicBool::new(false)), watch::channel(0));
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let clients = Clients::over(balanced.channel.clone(), Some(TOKEN));
        callers.spawn(send(caller, clients, profile_id.clone(), stop.clone(), answered.clone()));
    }
    drop(answered);
    let mut enough = async || {
        let until = *count.borrow() + BETWEEN;
        // The end of all callers is detected below.
        _ = count.wait_for(|count| *count >= until).await;
    };
    for slot in &mut gateways {
        enough().await;
        let new = Served::usual(set_up.simulator, &settings).await;
        let new = (balanced.follow(new.addr).await, new);
        let (gone, old) = std::mem::replace(slot, new);
        let ended = old.process.end("TERM").await;
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert!(!ended.err.contains("grace period"), "{}", ended.err);
        gone.await.unwrap();
    }
    enough().await;
    stop.store(true, Ordering::Relaxed);
    let mut sent = Vec::new();
    while let Some(caller) = callers.join_next().await {
        sent.extend(caller.unwrap().unwrap());
    }

    assert!(sent.len() >= BETWEEN * (GATEWAYS + 1), "{}", sent.len());
    let messages = set_up.all_messages().await;
    let mut phones: Vec<_> = messages.iter().map(|message| message["phone_number"].as_str().unwrap()).collect();
    phones.sort_unstable();
    let distinct: BTreeSet<&str> = sent.iter().map(String::as_str).collect();
    assert_eq!(phones, distinct.into_iter().collect::<Vec<_>>());
    for (_, gateway) in gateways {
        assert_eq!(gateway.process.end("TERM").await.code, Some(0));
    }
    set_up.stop().await;
}
