//! Two real gateways with TLS and sentinels for minutes, whose tokens, key files and certificates are rotated and which are
//! restarted: no call fails for good, and no message is repeated. `tests/redis/soak` runs it.

use std::{
    collections::BTreeSet,
    env, fs,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tokio::{sync::watch, task::JoinSet, time::interval};
use uuid::Uuid;
use verify_gateway::{
    domain::TokenHash,
    pb::{Channel, CreateVerificationRequest},
};

use super::deployments::{Watched, watched};
use crate::support::{
    Clients, KEY, Process, TestGateway, Volume, addr,
    authority::{Authority, over, shake_hands},
    redis::{ask, connect},
    tenants_file,
};

const CALLERS: usize = 8;

/// How to call the gateways now.
#[derive(Clone)]
struct Way {
    addrs: Vec<SocketAddr>,
    token: String,
}

/// What both gateways share.
struct Shared {
    authority: Arc<Authority>,
    servers: Watched,
    simulator: SocketAddr,
    volume: Volume,
}

impl Shared {
    /// The files for the token of this `minute` and of the one before.
    fn rotate(&mut self, minute: usize) -> String {
        let [old, new] = [minute, minute + 1].map(|minute| format!("vg_token_of_minute_{minute:08}"));
        let certificate = self.authority.server();
        let key = self.volume.path().join("key").display().to_string();
        let tenants = tenants_file("login", &new, &format!("{{ file: {key} }}"));
        let hash = TokenHash::of(&old);
        let tenants = tenants.replace("tokens: [", &format!("tokens: ['{hash}', "));
        // The files of a key are replaced, and the key stays: another key is another account.
        let key = format!("{KEY}{}", "\n".repeat(minute % 2));
        let (pem, private) = (&*certificate.certificate, &*certificate.key);
        self.volume.swap(&[("tenants.yaml", &tenants), ("key", &key), ("tls.crt", pem), ("tls.key", private)]);
        new
    }

    /// Starts a gateway.
    async fn start(&self) -> (Process, SocketAddr) {
        let (redis, at) =
            (&self.servers.config.redis, |file: &str| self.volume.path().join(file).display().to_string());
        let file = |path: &Option<PathBuf>| path.as_ref().unwrap().display().to_string();
        let text = format!(
            "grpc: {{ listen: '127.0.0.1:0', tls: {{ certificate_file: {}, key_file: {} }} }}\n\
             admin: {{ listen: '127.0.0.1:0' }}\ntelemetry: {{ log: {{ audit: false }} }}\ntenants: {{ file: {}, reload_interval: 1s }}\n\
             store: {{ backend: redis, replicas: 2, redis: {{ mode: sentinel, urls: '{}', sentinel_master: verify,\n\
             \x20 username: gateway, password_file: {}, hash_key_file: {}, timeout: 2s }} }}\n",
            at("tls.crt"),
            at("tls.key"),
            at("tenants.yaml"),
            redis.urls.join(","),
            file(&redis.password_file),
            file(&redis.hash_key_file),
        );
        let config = self.servers.master.path("gateway.yaml");
        fs::write(&config, text).unwrap();
        let upstream = format!("http://{}/v2", self.simulator);
        let variables = [("VERIFY_GATEWAY_UPSTREAM__BASE_URL", upstream.as_str())];
        let mut process = Process::with_variables(&["serve", "--config", config.to_str().unwrap()], &variables);
        let listening = process.logged(|line| line.contains("listening").then(|| line.to_owned())).await;
        process.logged(|line| line.contains("the store is available").then_some(())).await;
        (process, addr(&listening).unwrap())
    }
}

/// Sends, each message to a new number, and repeats each call once it was answered.
async fn call(
    caller: usize,
    authority: Arc<Authority>,
    way: watch::Receiver<Way>,
    profile_id: String,
    stops: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
) -> usize {
    let (mut sent, mut pace, mut at, mut open) = (0, interval(Duration::from_millis(10)), caller, None);
    while !stops.load(Ordering::Relaxed) {
        let request = CreateVerificationRequest {
            request_id: Uuid::new_v4().to_string(),
            phone_number: format!("+1{}{:03}{:04}", 303 + sent / 8000, 555 + caller, 1000 + sent % 8000),
            channel: Channel::Sms.into(),
            profile_id: profile_id.clone(),
            ..CreateVerificationRequest::default()
        };
        sent += 1;
        let mut missing = 2;
        while missing > 0 {
            pace.tick().await;
            let now = way.borrow().clone();
            if open.as_ref().is_none_or(|(token, _)| *token != now.token) {
                at += 1;
                let client = authority.trusted_by(None, &[&rustls::version::TLS13]);
                let Ok(stream) = shake_hands(now.addrs[at % now.addrs.len()], client).await else { continue };
                let Ok(channel) = over(stream).await else { continue };
                open = Some((now.token.clone(), Clients::over(channel, Some(&now.token))));
            }
            let Some((_, clients)) = &mut open else { continue };
            calls.fetch_add(1, Ordering::Relaxed);
            match clients.verifications.create_verification(request.clone()).await {
                Ok(_) => missing -= 1,
                Err(_) => open = None,
            }
        }
    }
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes minutes: tests/redis/soak"]
async fn nothing_that_is_rotated_or_restarted_repeats_a_message() {
    let Some(servers) = watched(2, "1").await else { return };
    let set_up = TestGateway::start().await;
    // The simulator counts all messages of the run.
    set_up.control("settings", json!({"keep": 10_000_000})).await;
    let profile_id = set_up.clients().await.sms_profile().await;
    let (authority, simulator) = (Arc::new(Authority::new()), set_up.simulator);
    let mut shared = Shared { authority: authority.clone(), servers, simulator, volume: Volume::new(&[]) };
    let token = shared.rotate(0);
    let mut gateways = [shared.start().await, shared.start().await];
    let addrs = |gateways: &[(Process, SocketAddr); 2]| gateways.iter().map(|(_, addr)| *addr).collect();
    let (tell, way) = watch::channel(Way { addrs: addrs(&gateways), token });
    let (stops, calls, mut callers) = (Arc::new(AtomicBool::new(false)), Arc::<AtomicUsize>::default(), JoinSet::new());
    for caller in 0..CALLERS {
        let (authority, stops, calls) = (authority.clone(), stops.clone(), calls.clone());
        callers.spawn(call(caller, authority, way.clone(), profile_id.clone(), stops, calls));
    }
    let mut clock = interval(Duration::from_secs(number("SOAK_SECONDS", 60)));
    clock.tick().await;
    for minute in 1..=usize::try_from(number("SOAK_MINUTES", 20)).unwrap() {
        clock.tick().await;
        let token = shared.rotate(minute);
        tell.send_modify(|way| way.token = token);
        if minute % 2 == 0 {
            let new = shared.start().await;
            let (old, _) = std::mem::replace(&mut gateways[minute / 2 % 2], new);
            tell.send_modify(|way| way.addrs = addrs(&gateways));
            assert_eq!(old.end("TERM").await.code, Some(0));
        }
        if minute % 5 == 0 {
            let () = ask(&mut connect(&shared.servers.urls[0]).await, "SENTINEL FAILOVER verify").await;
        }
    }
    stops.store(true, Ordering::Relaxed);
    let operations: usize = callers.join_all().await.into_iter().sum();
    let messages = set_up.all_messages().await;
    let phones: BTreeSet<_> = messages.iter().map(|message| message["phone_number"].as_str().unwrap()).collect();
    println!("{} calls of {operations} operations, {} messages", calls.load(Ordering::Relaxed), messages.len());
    assert_eq!((messages.len(), phones.len()), (operations, operations));
    for (gateway, _) in gateways {
        assert_eq!(gateway.end("TERM").await.code, Some(0));
    }
    set_up.stop().await;
}

/// The number in a variable.
fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |value| value.parse().unwrap())
}
