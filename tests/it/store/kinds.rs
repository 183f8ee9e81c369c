//! Servers of every kind: with a password and TLS, in a cluster, with sentinels.

use std::{fs, time::Duration};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::task::JoinSet;
use verify_gateway::store;

use super::{
    contract::{add, get, open, put},
    deployments::{cluster, user, watched},
};
use crate::support::redis::{Redis, ask, at, connect, free_port, program};

const MINUTE: Duration = Duration::from_mins(1);
/// Asks a sentinel for the master's address.
const MASTER: &str = "SENTINEL GET-MASTER-ADDR-BY-NAME verify";

#[tokio::test]
async fn a_server_with_tls_and_a_user_of_few_rights_is_enough() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(file("cert.pem"), cert.pem()).unwrap();
    fs::write(file("key.pem"), signing_key.serialize_pem()).unwrap();
    fs::write(file("password"), "not this one\n").unwrap();
    let (ca, key, port) = (file("cert.pem"), file("key.pem"), free_port().to_string());
    let users = [&user("")[..], &["--user", "default", "off"]].concat();
    let tls = ["--port", "0", "--tls-port", &port, "--tls-cert-file", &ca, "--tls-key-file", &key];
    let arguments = [&tls[..], &["--tls-auth-clients", "no"], &users].concat();
    let (ca, password) = (folder.path().join("cert.pem"), folder.path().join("password"));
    let server = Redis::within(program, folder, &arguments).await;

    let mut config = at(&[&format!("rediss://localhost:{port}")], &server.path("hash_key"));
    config.redis.username = "gateway".into();
    config.redis.password_file = Some(password.clone());
    config.redis.ca_file = Some(ca);
    config.redis.timeout = Duration::from_secs(10);
    let store = open(&config);
    let Err(store::Error::Unreachable(cause)) = get(&store, "a").await else { panic!("the password is wrong") };
    assert!(!cause.to_string().contains("this one"), "{cause}");
    // The next connection reads the corrected password file.
    fs::write(password, "s3cret\n").unwrap();
    while put(&store, "a", "there", MINUTE).await.is_err() {}
    assert_eq!(get(&store, "a").await.unwrap().as_deref(), Some("there"));

    // Without the CA file, the certificate is not trusted.
    config.redis.ca_file = None;
    assert!(matches!(get(&open(&config), "a").await, Err(store::Error::Unreachable(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_keeps_each_record_on_its_own_node_and_follows_those_that_move() {
    let Some((nodes, config)) = cluster(false).await else { return };
    let stores = [open(&config), open(&config)];
    let mut tasks = JoinSet::new();
    for store in stores.clone() {
        tasks.spawn(async move {
            for n in 0..60 {
                put(&store, &format!("key-{n}"), "there", MINUTE).await.unwrap();
                add(&store, "n").await.unwrap();
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    for node in &nodes {
        let keys: i64 = ask(&mut node.connect().await, "DBSIZE").await;
        assert!(keys > 5, "{keys}");
    }
    // The slot of "vg:1:n" moves to another node.
    let mut others = Vec::new();
    for node in &nodes {
        let mut node = node.connect().await;
        let id: String = ask(&mut node, "CLUSTER MYID").await;
        others.push((node, id));
    }
    let slot: i64 = ask(&mut others[0].0, "CLUSTER KEYSLOT vg:1:n").await;
    let from = usize::try_from(slot / 5461).unwrap().min(2);
    let to = (from + 1) % 3;
    let (from_id, to_id) = (others[from].1.clone(), others[to].1.clone());
    let () = ask(&mut others[to].0, &format!("CLUSTER SETSLOT {slot} IMPORTING {from_id}")).await;
    let () = ask(&mut others[from].0, &format!("CLUSTER SETSLOT {slot} MIGRATING {to_id}")).await;
    let port = port_of(&mut others[to].0).await;
    let keys: Vec<String> = ask(&mut others[from].0, &format!("CLUSTER GETKEYSINSLOT {slot} 10")).await;
    for key in keys {
        let () = ask(&mut others[from].0, &format!("MIGRATE 127.0.0.1 {port} {key} 0 5000")).await;
    }
    // The keys have moved, but the slot is still assigned to the old node.
    assert_eq!(add(&stores[0], "n").await.unwrap(), 121);
    for (node, _) in &mut others {
        let () = ask(node, &format!("CLUSTER SETSLOT {slot} NODE {to_id}")).await;
    }
    for (store, n) in stores.iter().zip(122..) {
        assert_eq!(add(store, "n").await.unwrap(), n);
    }
}

async fn port_of(node: &mut redis::aio::MultiplexedConnection) -> String {
    let port: Vec<String> = ask(node, "CONFIG GET port").await;
    port[1].clone()
}

/// A master, a replica, and three sentinels that watch them.
/// Adds one, and repeats an addition that was refused or whose server died.
async fn until_added(store: &store::Store) -> u32 {
    loop {
        if let Ok(n) = add(store, "n").await {
            return n;
        }
        tokio::task::yield_now().await;
    }
}

/// The replication offset of a server.
async fn offset(server: &mut redis::aio::MultiplexedConnection) -> String {
    let info: String = ask(server, "INFO replication").await;
    info.lines().find_map(|line| line.strip_prefix("master_repl_offset:")).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_replica_is_found_with_every_record() {
    let Some(mut watched) = watched(1, "0").await else { return };
    let store = open(&watched.config);
    for n in 1..=20 {
        assert_eq!(add(&store, "n").await.unwrap(), n);
    }
    // Writes that are not replicated are lost with the master.
    let mut itself = watched.master.connect().await;
    let mut replica = watched.replicas[0].connect().await;
    while offset(&mut itself).await != offset(&mut replica).await {}
    let mut sentinels = Vec::new();
    for url in &watched.urls {
        sentinels.push(connect(url).await);
    }
    let old: Vec<String> = ask(&mut sentinels[0], MASTER).await;
    watched.master.kill().await;
    let n = until_added(&store).await;
    assert_eq!(n, 21);
    // A sentinel that does not know the new master yet would give it back to the old one, which has no records.
    for sentinel in &mut sentinels {
        while ask::<Vec<String>>(sentinel, MASTER).await == old {}
    }
    // The old master returns as a replica, and the gateway does not write to it.
    watched.master.revive().await;
    let info = async || -> redis::RedisResult<String> {
        let client = redis::Client::open(watched.master.url())?;
        redis::cmd("INFO").arg("replication").query_async(&mut client.get_multiplexed_async_connection().await?).await
    };
    // A server that becomes a replica closes all connections, new ones too.
    while !info().await.is_ok_and(|text| text.contains("master_link_status:up")) {}
    // The server may have closed a connection whose addition it had made.
    let n = until_added(&store).await;
    assert!((22..=23).contains(&n), "{n}");
}
