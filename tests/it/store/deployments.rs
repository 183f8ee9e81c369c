//! Servers that replicate: a cluster, and a master with replicas and sentinels.

use std::{fs, time::Duration};

use redis::cmd;
use tempfile::TempDir;
use verify_gateway::{
    config::{self, RedisMode},
    store::Connectivity,
};

use super::contract::open;
use crate::support::redis::{Redis, ask, at, connect, free_port, program};

/// A user with only the permissions that docs/OPERATIONS.md lists, as arguments of a server.
pub fn user(more: &'static str) -> Vec<&'static str> {
    let user = "gateway on >s3cret ~vg:* resetchannels -@all +get +set +pexpire +eval +evalsha +info +time +wait \
                +xadd +xtrim +xrange +xrevrange";
    ["--user"].into_iter().chain(user.split(' ')).chain(more.split_terminator(' ')).collect()
}

/// Makes the gateway log in as that user.
pub fn log_in(config: &mut config::StoreConfig, server: &Redis) {
    fs::write(server.path("password"), "s3cret\n").unwrap();
    config.redis.username = "gateway".into();
    config.redis.password_file = Some(server.path("password"));
}

/// The nodes of a cluster, three masters before their replicas, and the settings for it.
pub async fn cluster(with_replicas: bool) -> Option<(Vec<Redis>, config::StoreConfig)> {
    let program = program()?;
    let (mut nodes, mut ports) = (Vec::new(), Vec::new());
    for _ in 0..if with_replicas { 6 } else { 3 } {
        let (port, bus) = (free_port().to_string(), free_port().to_string());
        let arguments = ["--port", &port, "--cluster-port", &bus, "--cluster-enabled", "yes", "--bind", "127.0.0.1"];
        let more = ["--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0"];
        let users = user("+ping +asking +cluster|slots");
        let arguments = [&arguments[..], &more, &users].concat();
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
        while ask::<String>(&mut node, "CLUSTER NODES").await.lines().count() < nodes.len() {}
    }
    for (master, replica) in nodes.iter().zip(nodes.iter().skip(3)) {
        let id: String = ask(&mut master.connect().await, "CLUSTER MYID").await;
        let () = ask(&mut replica.connect().await, &format!("CLUSTER REPLICATE {id}")).await;
        is_followed(master, 1).await;
    }
    let urls: Vec<_> = ports.iter().map(|(port, _)| format!("redis://127.0.0.1:{port}")).collect();
    let mut config = at(&[&urls[0], &urls[1]], &nodes[0].path("hash_key"));
    config.redis.mode = RedisMode::Cluster;
    log_in(&mut config, &nodes[0]);
    config.redis.timeout = Duration::from_secs(2);
    Some((nodes, config))
}

/// A master with replicas, and its sentinels.
pub struct Watched {
    pub master: Redis,
    pub replicas: Vec<Redis>,
    _sentinels: Vec<Redis>,
    /// The URLs of the sentinels.
    pub urls: Vec<String>,
    pub config: config::StoreConfig,
}

/// A master that refuses writes with fewer than `needed` of its `replicas`.
pub async fn watched(replicas: usize, needed: &str) -> Option<Watched> {
    let program = program()?;
    let server = async |port: &str, more: &[&str]| {
        let bound = ["--min-replicas-to-write", needed, "--min-replicas-max-lag", "2"];
        let arguments = [&["--port", port, "--bind", "127.0.0.1"], &bound[..], more, &user("")].concat();
        Redis::within(program.clone(), tempfile::tempdir().unwrap(), &arguments).await
    };
    let master_port = free_port().to_string();
    let master = server(&master_port, &["--repl-diskless-sync-delay", "0"]).await;
    let mut followers = Vec::new();
    for _ in 0..replicas {
        let of = format!("127.0.0.1 {master_port}");
        let replica = server(&free_port().to_string(), &["--replicaof", &of, "--repl-diskless-sync-delay", "0"]).await;
        followers.push(replica);
        is_followed(&master, followers.len()).await;
    }
    let (mut sentinels, mut urls) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let port = free_port().to_string();
        sentinels.push(sentinel(&program, &port, &master_port, "2", "").await);
        urls.push(format!("redis://127.0.0.1:{port}"));
    }
    for url in &urls {
        let mut sentinel = connect(url).await;
        loop {
            let fields: Vec<String> = ask(&mut sentinel, "SENTINEL MASTER verify").await;
            let field = |key: &str| fields.iter().position(|word| word == key).map(|at| fields[at + 1].clone());
            let (others, known) = (field("num-other-sentinels"), field("num-slaves"));
            if (others, known) == (Some("2".into()), Some(replicas.to_string())) {
                break;
            }
        }
    }
    let known: Vec<_> = urls.iter().map(String::as_str).collect();
    let mut config = at(&known, &master.path("hash_key"));
    config.redis.mode = RedisMode::Sentinel;
    config.redis.sentinel_master = "verify".into();
    log_in(&mut config, &master);
    config.redis.timeout = Duration::from_secs(1);
    Some(Watched { master, replicas: followers, _sentinels: sentinels, urls, config })
}

/// Waits until so many replicas get each write of `master`, which is empty, at once. A replica may say that its link is up, and
/// get the first write a second later. It may have the first one from its copy of the whole data, so it must have a second one.
pub async fn is_followed(master: &Redis, replicas: usize) {
    let mut master = master.connect().await;
    for _ in 0..2 {
        while cmd("FLUSHALL").exec_async(&mut master).await.is_err() {}
        while ask::<usize>(&mut master, &format!("WAIT {replicas} 100")).await < replicas {}
    }
}

/// A sentinel that needs `quorum` of its kind for a failover, with `more` lines of its configuration.
async fn sentinel(program: &str, port: &str, master_port: &str, quorum: &str, more: &str) -> Redis {
    let folder: TempDir = tempfile::tempdir().unwrap();
    let file = folder.path().join("sentinel.conf");
    let text = format!(
        "port {port}\nbind 127.0.0.1\nsentinel monitor verify 127.0.0.1 {master_port} {quorum}\n\
         sentinel down-after-milliseconds verify 1000\nsentinel failover-timeout verify 3000\n{more}"
    );
    fs::write(&file, text).unwrap();
    Redis::configured(program.to_owned(), folder, &[file.to_str().unwrap(), "--sentinel"]).await
}

#[tokio::test]
async fn sentinels_may_want_a_user() {
    let Some(program) = program() else { return };
    let (port, of_sentinel) = (free_port().to_string(), free_port().to_string());
    let arguments = ["--port", &port, "--bind", "127.0.0.1"];
    let master = Redis::within(program.clone(), tempfile::tempdir().unwrap(), &arguments).await;
    let users = "user default off\nuser gateway on >s3cret allchannels +@all\n";
    let _sentinel = sentinel(&program, &of_sentinel, &port, "1", users).await;
    let url = format!("redis://127.0.0.1:{of_sentinel}");
    let mut config = at(&[&url], &master.path("hash_key"));
    config.redis.mode = RedisMode::Sentinel;
    config.redis.sentinel_master = "verify".into();
    fs::write(master.path("password"), "s3cret\n").unwrap();
    config.redis.sentinel_password_file = Some(master.path("password"));
    let connectivity = async |config: &config::StoreConfig| open(config).status(None).await.connectivity;
    // Without its name, the password is that of the default user.
    assert_eq!(connectivity(&config).await, Connectivity::Down);
    config.redis.sentinel_username = "gateway".into();
    assert_eq!(connectivity(&config).await, Connectivity::Up);
}
