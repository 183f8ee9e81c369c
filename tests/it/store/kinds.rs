//! Servers of every kind: with a password and TLS, in a cluster, with sentinels.

use std::{fs, time::Duration};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::task::JoinSet;
use verify_gateway::{
    config::{self, RedisMode},
    store,
};

use super::contract::{add, get, open, put};
use crate::support::redis::{Redis, ask, at, connect, free_port, program};

const MINUTE: Duration = Duration::from_mins(1);

/// A user with only the permissions that docs/OPERATIONS.md lists, as arguments of a server.
fn user(more: &'static str) -> Vec<&'static str> {
    let user = "gateway on >s3cret ~vg:* resetchannels -@all +get +set +pexpire +eval +evalsha +info +time";
    ["--user"].into_iter().chain(user.split(' ')).chain(more.split_terminator(' ')).collect()
}

/// Makes the gateway log in as that user.
fn log_in(config: &mut config::StoreConfig, server: &Redis) {
    fs::write(server.path("password"), "s3cret\n").unwrap();
    config.redis.username = "gateway".into();
    config.redis.password_file = Some(server.path("password"));
}

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

/// Three nodes that know each other, and the settings for them.
async fn cluster() -> Option<(Vec<Redis>, config::StoreConfig)> {
    let program = program()?;
    let (mut nodes, mut ports) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let (port, bus) = (free_port().to_string(), free_port().to_string());
        let arguments = ["--port", &port, "--cluster-port", &bus, "--cluster-enabled", "yes", "--bind", "127.0.0.1"];
        let arguments = [&arguments[..], &user("+ping +asking +cluster|slots")].concat();
        nodes.push(Redis::within(program.clone(), tempfile::tempdir().unwrap(), &arguments).await);
        ports.push((port, bus));
    }
    for (node, slots) in nodes.iter().zip(["0 5460", "5461 10922", "10923 16383"]) {
        let mut node = node.connect().await;
        let () = ask(&mut node, &format!("CLUSTER ADDSLOTSRANGE {slots}")).await;
        for (port, bus) in &ports {
            let () = ask(&mut node, &format!("CLUSTER MEET 127.0.0.1 {port} {bus}")).await;
        }
    }
    for node in &nodes {
        let mut node = node.connect().await;
        while !ask::<String>(&mut node, "CLUSTER INFO").await.contains("cluster_state:ok") {}
        while ask::<String>(&mut node, "CLUSTER NODES").await.lines().count() < 3 {}
    }
    let urls: Vec<_> = ports.iter().map(|(port, _)| format!("redis://127.0.0.1:{port}")).collect();
    let mut config = at(&[&urls[0], &urls[1]], &nodes[0].path("hash_key"));
    config.redis.mode = RedisMode::Cluster;
    log_in(&mut config, &nodes[0]);
    config.redis.timeout = Duration::from_secs(2);
    Some((nodes, config))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_keeps_each_record_on_its_own_node_and_follows_those_that_move() {
    let Some((nodes, config)) = cluster().await else { return };
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
struct Watched {
    master: Redis,
    replica: Redis,
    _sentinels: Vec<Redis>,
    config: config::StoreConfig,
}

async fn watched() -> Option<Watched> {
    let program = program()?;
    let server = async |port: &str, more: &[&str]| {
        let arguments = [&["--port", port, "--bind", "127.0.0.1"], more, &user("")].concat();
        Redis::within(program.clone(), tempfile::tempdir().unwrap(), &arguments).await
    };
    let (master_port, replica_port) = (free_port().to_string(), free_port().to_string());
    let master = server(&master_port, &[]).await;
    let replica = server(&replica_port, &["--replicaof", &format!("127.0.0.1 {master_port}")]).await;
    let mut itself = replica.connect().await;
    while !ask::<String>(&mut itself, "INFO replication").await.contains("master_link_status:up") {}
    let (mut sentinels, mut urls) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let port = free_port().to_string();
        sentinels.push(sentinel(&program, &port, &master_port).await);
        urls.push(format!("redis://127.0.0.1:{port}"));
    }
    for url in &urls {
        let mut sentinel = connect(url).await;
        let knows = "num-other-sentinels".to_owned();
        loop {
            let fields: Vec<String> = ask(&mut sentinel, "SENTINEL MASTER verify").await;
            let field = |key: &str| fields.iter().position(|word| word == key).map(|at| fields[at + 1].clone());
            if (field(&knows), field("num-slaves")) == (Some("2".into()), Some("1".into())) {
                break;
            }
        }
    }
    let urls: Vec<_> = urls.iter().map(String::as_str).collect();
    let mut config = at(&urls, &master.path("hash_key"));
    config.redis.mode = RedisMode::Sentinel;
    config.redis.sentinel_master = "verify".into();
    log_in(&mut config, &master);
    config.redis.timeout = Duration::from_secs(1);
    Some(Watched { master, replica, _sentinels: sentinels, config })
}

/// The replication offset of a server.
async fn offset(server: &mut redis::aio::MultiplexedConnection) -> String {
    let info: String = ask(server, "INFO replication").await;
    info.lines().find_map(|line| line.strip_prefix("master_repl_offset:")).unwrap().to_owned()
}

async fn sentinel(program: &str, port: &str, master_port: &str) -> Redis {
    let folder: TempDir = tempfile::tempdir().unwrap();
    let file = folder.path().join("sentinel.conf");
    let text = format!(
        "port {port}\nbind 127.0.0.1\nsentinel monitor verify 127.0.0.1 {master_port} 2\n\
         sentinel down-after-milliseconds verify 300\nsentinel failover-timeout verify 3000\n"
    );
    fs::write(&file, text).unwrap();
    Redis::configured(program.to_owned(), folder, &[file.to_str().unwrap(), "--sentinel"]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_replica_is_found_with_every_record() {
    let Some(mut watched) = watched().await else { return };
    let store = open(&watched.config);
    for n in 1..=20 {
        assert_eq!(add(&store, "n").await.unwrap(), n);
    }
    // Writes that are not replicated are lost with the master.
    let mut itself = watched.master.connect().await;
    let mut replica = watched.replica.connect().await;
    while offset(&mut itself).await != offset(&mut replica).await {}
    watched.master.kill().await;
    let n = loop {
        if let Ok(n) = add(&store, "n").await {
            break n;
        }
    };
    assert_eq!(n, 21);
    // The old master returns as a replica, and the gateway does not write to it.
    watched.master.revive().await;
    let info = async || -> redis::RedisResult<String> {
        let client = redis::Client::open(watched.master.url())?;
        redis::cmd("INFO").arg("replication").query_async(&mut client.get_multiplexed_async_connection().await?).await
    };
    // A server that becomes a replica closes all connections, new ones too.
    while !info().await.is_ok_and(|text| text.contains("master_link_status:up")) {}
    assert_eq!(add(&store, "n").await.unwrap(), 22);
}
