//! Servers that fail or are changed under load: the messages are counted against the operations.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, interval},
};
use uuid::Uuid;
use verify_gateway::{
    config,
    pb::{Channel, CreateVerificationRequest},
};

use super::deployments::{cluster, watched};
use crate::support::{
    Clients, TestGateway,
    redis::{Redis, ask, connect},
};

const CALLERS: usize = 8;

/// Two gateways, whose callers repeat each operation until it is answered.
struct Load {
    gateways: [TestGateway; 2],
    callers: JoinSet<Vec<String>>,
    progress: Arc<Progress>,
}

#[derive(Default)]
struct Progress {
    stops: AtomicBool,
    answered: AtomicUsize,
    refused: AtomicUsize,
}

/// What the callers saw.
struct Counted {
    /// The operations that were answered or given up.
    operations: usize,
    messages: usize,
    /// How many operations have more than one message.
    repeated: usize,
}

impl Load {
    async fn start(store: &config::StoreConfig) -> Self {
        let one = TestGateway::builder().config(|config| config.store = store.clone()).start().await;
        let other =
            TestGateway::builder().upstream(one.simulator).config(|config| config.store = store.clone()).start().await;
        let profile_id = one.clients().await.sms_profile().await;
        let (progress, mut callers) = (Arc::new(Progress::default()), JoinSet::new());
        for caller in 0..CALLERS {
            let ways = [one.clients().await, other.clients().await];
            callers.spawn(call(caller, ways, profile_id.clone(), progress.clone()));
        }
        let load = Self { gateways: [one, other], callers, progress };
        load.answers(40).await;
        load
    }

    /// Waits for so many more answers.
    async fn answers(&self, more: usize) {
        let until = self.progress.answered.load(Ordering::Relaxed) + more;
        let mut look = interval(Duration::from_millis(5));
        while self.progress.answered.load(Ordering::Relaxed) < until {
            look.tick().await;
        }
    }

    /// Waits until a call is refused, and then for answers. Returns the time between.
    async fn recovers(&self) -> Duration {
        let (refused, begin) = (self.progress.refused.load(Ordering::Relaxed), Instant::now());
        let mut look = interval(Duration::from_millis(5));
        while self.progress.refused.load(Ordering::Relaxed) == refused {
            look.tick().await;
        }
        self.answers(40).await;
        begin.elapsed()
    }

    /// Waits until both gateways report this cause.
    async fn is_degraded_by(&self, cause: &str) {
        for gateway in &self.gateways {
            while !gateway.admin("/readyz").await.1.contains(cause) {}
        }
    }

    /// Ends the load, and counts.
    async fn end(self) -> Counted {
        let Self { gateways: [one, other], mut callers, progress } = self;
        progress.stops.store(true, Ordering::Relaxed);
        let mut operations = 0;
        while let Some(phones) = callers.join_next().await {
            operations += phones.unwrap().len();
        }
        let messages = one.all_messages().await;
        let mut phones: Vec<_> = messages.iter().map(|message| message["phone_number"].as_str().unwrap()).collect();
        phones.sort_unstable();
        let messages = phones.len();
        let repeated = phones.chunk_by(|a, b| a == b).filter(|same| same.len() > 1).count();
        other.stop().await;
        one.stop().await;
        Counted { operations, messages, repeated }
    }
}

/// Sends to one number after the other, at one gateway and then the other, until the load stops. Then repeats every call: a
/// record that was lost shows by a second message. Returns the numbers.
async fn call(caller: usize, ways: [Clients; 2], profile_id: String, progress: Arc<Progress>) -> Vec<String> {
    let (mut sent, mut requests, mut ways) = (Vec::new(), Vec::new(), ways.into_iter().cycle());
    let mut pace = interval(Duration::from_millis(10));
    while !progress.stops.load(Ordering::Relaxed) {
        let phone = format!("+1303{:03}{:04}", 555 + caller, 2000 + sent.len());
        let request = CreateVerificationRequest {
            request_id: Uuid::new_v4().to_string(),
            phone_number: phone.clone(),
            channel: Channel::Sms.into(),
            profile_id: profile_id.clone(),
            ..CreateVerificationRequest::default()
        };
        sent.push(phone);
        requests.push(request.clone());
        // Half of the callers lose every answer, and repeat the call.
        let mut missing = 1 + caller % 2;
        while missing > 0 && !progress.stops.load(Ordering::Relaxed) {
            pace.tick().await;
            let mut clients = ways.next().unwrap();
            if clients.verifications.create_verification(request.clone()).await.is_ok() {
                missing -= 1;
                progress.answered.fetch_add(1, Ordering::Relaxed);
            } else {
                progress.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    for request in requests {
        let _ = ways.next().unwrap().verifications.create_verification(request).await;
    }
    sent
}

fn report(what: &str, counted: &Counted, refused: Duration) {
    let Counted { operations, messages, repeated } = counted;
    println!("{what}: {operations} operations, {messages} messages, {repeated} repeated, refused for {refused:?}");
}

/// Fails over while the load runs.
async fn fails_over(replicas: usize, needed: &str, is_planned: bool) -> Option<Counted> {
    let mut servers = watched(replicas, needed).await?;
    let load = Load::start(&servers.config).await;
    if needed == "0" {
        load.is_degraded_by("store_unreplicated").await;
    }
    let recovered = {
        let recovers = load.recovers();
        if is_planned {
            let () = ask(&mut connect(&servers.urls[0]).await, "SENTINEL FAILOVER verify").await;
        } else {
            servers.master.kill().await;
        }
        recovers.await
    };
    load.answers(200).await;
    let counted = load.end().await;
    report(&format!("planned {is_planned}, {needed} of {replicas} replicas needed"), &counted, recovered);
    Some(counted)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planned_failover_of_sentinels_repeats_no_message() {
    for (replicas, needed) in [(1, "0"), (2, "1")] {
        let Some(counted) = fails_over(replicas, needed, true).await else { return };
        assert_eq!(counted.repeated, 0, "{needed} of {replicas}");
        assert!(counted.messages <= counted.operations);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_master_of_sentinels_repeats_no_message() {
    let Some(counted) = fails_over(2, "1", false).await else { return };
    assert_eq!(counted.repeated, 0);
    assert!(counted.messages <= counted.operations);
}

/// Does something to the servers of a cluster while the load runs.
async fn disturbs(what: &str, disturb: impl AsyncFnOnce(&mut Vec<Redis>)) -> Option<Counted> {
    let (mut nodes, config) = cluster(true).await?;
    let load = Load::start(&config).await;
    let begin = Instant::now();
    disturb(&mut nodes).await;
    load.answers(300).await;
    let took = begin.elapsed();
    let counted = load.end().await;
    report(what, &counted, took);
    Some(counted)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_fails_over_or_moves_slots_repeats_no_message() {
    let killed = disturbs("a killed master", async |nodes| nodes[1].kill().await).await;
    let Some(killed) = killed else { return };
    let planned = disturbs("a planned failover", async |nodes| {
        let () = ask(&mut nodes[4].connect().await, "CLUSTER FAILOVER").await;
    });
    let moved = disturbs("500 slots that move", async |nodes| move_slots(nodes, 500).await);
    for counted in [killed, planned.await.unwrap(), moved.await.unwrap()] {
        assert_eq!(counted.repeated, 0);
        assert!(counted.messages <= counted.operations);
    }
}

/// Moves so many slots of the first master to the second one, with their keys.
async fn move_slots(nodes: &[Redis], slots: u16) {
    let (mut from, mut to) = (nodes[0].connect().await, nodes[1].connect().await);
    let (from_id, to_id) =
        (ask::<String>(&mut from, "CLUSTER MYID").await, ask::<String>(&mut to, "CLUSTER MYID").await);
    let port: Vec<String> = ask(&mut to, "CONFIG GET port").await;
    for slot in 0..slots {
        let () = ask(&mut to, &format!("CLUSTER SETSLOT {slot} IMPORTING {from_id}")).await;
        let () = ask(&mut from, &format!("CLUSTER SETSLOT {slot} MIGRATING {to_id}")).await;
        loop {
            let keys: Vec<String> = ask(&mut from, &format!("CLUSTER GETKEYSINSLOT {slot} 10")).await;
            if keys.is_empty() {
                break;
            }
            for key in keys {
                let () = ask(&mut from, &format!("MIGRATE 127.0.0.1 {} {key} 0 5000", port[1])).await;
            }
        }
        for node in [&mut to, &mut from] {
            let () = ask(node, &format!("CLUSTER SETSLOT {slot} NODE {to_id}")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_made_to_evict_or_is_emptied_repeats_no_message_that_is_repeated_at_once() {
    for (commands, condition) in [
        (&["CONFIG SET maxmemory-policy allkeys-random", "CONFIG SET maxmemory 3mb"][..], "store_eviction"),
        (&["FLUSHALL"], "store_records_lost"),
    ] {
        let Some(server) = Redis::start().await else { return };
        let load = Load::start(&server.store()).await;
        let mut itself = server.connect().await;
        for command in commands {
            let () = ask(&mut itself, command).await;
        }
        load.is_degraded_by(condition).await;
        // From now on each send is refused.
        let messages = load.gateways[0].all_messages().await.len();
        let begin = Instant::now();
        let refused = load.progress.refused.load(Ordering::Relaxed);
        let mut look = interval(Duration::from_millis(5));
        while load.progress.refused.load(Ordering::Relaxed) < refused + 200 {
            look.tick().await;
        }
        let took = begin.elapsed();
        let counted = load.end().await;
        report(condition, &counted, took);
        // A send that had started may have ended since.
        assert!(counted.messages <= messages + CALLERS, "{condition}");
    }
}
