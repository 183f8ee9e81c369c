//! When connections end, by a clock that stands still until everybody waits.

use std::{
    fs,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use axum::{Extension, Router};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    net::TcpListener,
    task::yield_now,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use super::{ConnectionContext, Connections, calls::ConnectionCalls, connection};
use crate::{
    authn::Authenticator,
    clock::Clock,
    config::{Config, GrpcConfig},
    domain::PeerCertificate,
    grpc::edge::{CallTracing, GatewayService},
    limits::CallLimiter,
    telemetry::{Metrics, Refusals, Sampling},
    tenant::Directory,
    tls::{CertificateReloader, TlsPort},
};

const SECOND: Duration = Duration::from_secs(1);

/// The connections of a server with the default settings, changed by `change`, and no services.
fn connections(change: impl FnOnce(&mut GrpcConfig)) -> Connections {
    connections_to(Routes::default(), change)
}

/// The same with these services.
fn connections_to(routes: Routes, change: impl FnOnce(&mut GrpcConfig)) -> Connections {
    let mut grpc = Config::default().grpc;
    change(&mut grpc);
    let draining = CancellationToken::new();
    let service = service(&grpc, routes, draining.clone());
    let tls = CertificateReloader::load(TlsPort::grpc(&grpc), Clock::default(), Metrics::default()).unwrap();
    Connections::new(service, grpc, tls.as_ref().map(CertificateReloader::current), Metrics::default(), draining)
}

/// `routes` behind an edge that knows no identity.
fn service(grpc: &GrpcConfig, routes: Routes, draining: CancellationToken) -> GatewayService {
    let tracing = CallTracing {
        sampling: Sampling::new(&Config::default().telemetry),
        metrics: Metrics::default(),
        refusals: Refusals::new(false),
        trusted_proxies: 0,
    };
    let authenticator = Authenticator::new(Directory::default(), Clock::default(), Metrics::default());
    let calls = CallLimiter::new(&Clock::default(), Metrics::default());
    GatewayService::new((grpc, &Config::default().events), tracing, authenticator, calls, routes, draining)
}

async fn serve(io: DuplexStream, context: Arc<ConnectionContext>) {
    connection::serve(io, context.service.of_peer(None), ConnectionCalls::new(), context).await;
}

/// How long a connection lives whose peer does what `peer` says.
async fn life<P: Future<Output = ()> + Send + 'static>(
    connections: &Connections,
    peer: impl FnOnce(DuplexStream) -> P,
) -> Duration {
    let (ours, theirs) = duplex(1 << 16);
    tokio::spawn(peer(theirs));
    let start = Instant::now();
    serve(ours, Arc::clone(&connections.context)).await;
    start.elapsed()
}

/// A client that keeps the rules, and its connection for as long as it may.
async fn client(io: DuplexStream) {
    let (_requests, connection) = h2::client::handshake(io).await.unwrap();
    connection.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_drips_its_preface_has_the_handshake_timeout_in_all() {
    let dripping = async |mut io: DuplexStream| {
        for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" {
            sleep(SECOND).await;
            let _ = io.write_all(&[*byte]).await;
        }
    };
    assert_eq!(life(&connections(|_| ()), dripping).await, SECOND * 10);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_drips_its_handshake_has_the_handshake_timeout_in_all() {
    let folder = tempfile::tempdir().unwrap();
    let [certificate_file, key_file] = ["tls.crt", "tls.key"].map(|file| folder.path().join(file));
    let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
    fs::write(&certificate_file, cert.pem()).unwrap();
    fs::write(&key_file, signing_key.serialize_pem()).unwrap();
    let connections = connections(|grpc| {
        grpc.tls.certificate_file = Some(certificate_file);
        grpc.tls.key_file = Some(key_file);
    });
    let dripping = async |mut io: DuplexStream| {
        // The head of a ClientHello of 512 bytes.
        for byte in [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3].into_iter().chain([0; 32]) {
            sleep(SECOND).await;
            let _ = io.write_all(&[byte]).await;
        }
    };
    assert_eq!(life(&connections, dripping).await, SECOND * 10);
    assert_eq!(life(&connections, async |_io| sleep(SECOND * 3600).await).await, SECOND * 10);
}

#[tokio::test(start_paused = true)]
async fn an_http_1_connection_that_is_silent_for_the_keepalive_interval_is_closed() {
    const HEAD: &str = "POST / HTTP/1.1\r\ncontent-length: 0\r\n";
    let connections = connections(|grpc| grpc.web.enabled = true);
    let slow = async |mut io: DuplexStream| {
        io.write_all(HEAD.as_bytes()).await.unwrap();
        sleep(SECOND * 3600).await;
    };
    assert_eq!(life(&connections, slow).await, SECOND * 30);
    let silent = async |mut io: DuplexStream| {
        sleep(SECOND * 5).await;
        for _ in 0..3 {
            io.write_all(format!("{HEAD}\r\n").as_bytes()).await.unwrap();
            sleep(SECOND * 20).await;
        }
        sleep(SECOND * 3600).await;
    };
    assert_eq!(life(&connections, silent).await, SECOND * (5 + 2 * 20 + 30));
}

#[tokio::test(start_paused = true)]
async fn a_connection_with_http_1_gets_old_and_idle_like_others() {
    let busy = async |mut io: DuplexStream| {
        while io.write_all(b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n").await.is_ok() {
            let mut answer = [0; 1024];
            let _ = io.read(&mut answer).await;
            sleep(SECOND * 20).await;
        }
    };
    let aged = |idle| {
        connections(move |grpc| {
            grpc.web.enabled = true;
            grpc.max_connection_idle = idle;
        })
    };
    let age = life(&aged(SECOND * 25), busy).await;
    assert!(
        (SECOND * 27 * 60..=SECOND * 33 * 60).contains(&age),
        "calls every 20 s leave it no time to be idle: {age:?}"
    );
    assert_eq!(life(&aged(SECOND * 15), busy).await, SECOND * 15);
}

#[tokio::test(start_paused = true)]
async fn a_connection_with_http_1_is_not_idle_while_a_call_runs_which_is_counted_where_it_is_cut() {
    let never = Router::new().fallback(std::future::pending::<()>);
    let connections = connections_to(Routes::from(never), |grpc| grpc.web.enabled = true);
    let asking = async |mut io: DuplexStream| {
        let request = b"POST /grpc.health.v1.Health/Watch HTTP/1.1\r\ncontent-type: application/grpc-web\r\n\r\n";
        io.write_all(request).await.unwrap();
        sleep(SECOND * 86_400).await;
    };
    let age = life(&connections, asking).await;
    assert!(age > SECOND * 27 * 60, "{age:?}");

    let cut = async {
        sleep(SECOND).await;
        connections.context.abort.cancel();
    };
    assert_eq!(tokio::join!(life(&connections, asking), cut).0, SECOND);
    assert_eq!(connections.context.aborted_calls.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_lives_its_quarter_of_an_hour_and_that_of_a_stranger_a_minute() {
    let connections = connections(|_| ());
    assert_eq!(life(&connections, client).await, SECOND * 60);
    let (ours, theirs) = duplex(1 << 16);
    tokio::spawn(client(theirs));
    let (start, service) = (Instant::now(), connections.context.service.of_peer(None));
    service.peer().set_authenticated();
    connection::serve(ours, service, ConnectionCalls::new(), Arc::clone(&connections.context)).await;
    assert_eq!(start.elapsed(), SECOND * 900);
}

#[tokio::test(start_paused = true)]
async fn connections_get_old_at_different_times_within_a_tenth() {
    let connections = connections(|grpc| {
        grpc.max_connection_idle = SECOND * 86_400;
        grpc.max_unauthenticated_idle = SECOND * 86_400;
    });
    let mut ages = Vec::new();
    for _ in 0..20 {
        let age = life(&connections, client).await;
        assert!((SECOND * 27 * 60..=SECOND * 33 * 60).contains(&age), "{age:?}");
        ages.push(age);
    }
    ages.sort_unstable();
    ages.dedup();
    assert!(ages.len() > 1, "{ages:?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_detected_by_the_keep_alive() {
    let mute = async |mut io: DuplexStream| {
        io.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        sleep(SECOND * 3600).await;
    };
    assert_eq!(life(&connections(|_| ()), mute).await, SECOND * 50);
}

/// The head of a call.
fn check() -> http::Request<()> {
    let request = http::Request::post("http://gateway.test/grpc.health.v1.Health/Check");
    request.header("content-type", "application/grpc").body(()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_does_not_end_is_cut_after_the_grace_period() {
    let never = Router::new().fallback(std::future::pending::<()>);
    let connections = connections_to(Routes::from(never), |grpc| grpc.max_connection_age_grace = SECOND * 7);
    let calling = async |io: DuplexStream| {
        let (mut calls, connection) = h2::client::handshake(io).await.unwrap();
        let request = check();
        let _answer = calls.send_request(request, true).unwrap();
        let _ = connection.await;
    };
    let draining = async {
        sleep(SECOND).await;
        connections.context.draining.cancel();
    };
    assert_eq!(tokio::join!(life(&connections, calling), draining).0, SECOND * (1 + 7));
}

#[tokio::test(start_paused = true)]
async fn the_drain_ends_the_request_of_an_open_service_that_never_ends() {
    let reading = Router::new().fallback(async |_body: axum::body::Bytes| ());
    let connections = connections_to(Routes::from(reading), |_| ());
    let calling = async |io: DuplexStream| {
        let (mut calls, connection) = h2::client::handshake(io).await.unwrap();
        let request = check();
        let _half = calls.send_request(request, false).unwrap();
        let _ = connection.await;
    };
    let draining = async {
        sleep(SECOND).await;
        connections.context.draining.cancel();
    };
    assert_eq!(tokio::join!(life(&connections, calling), draining).0, SECOND);
}

#[tokio::test]
async fn a_connection_that_the_system_has_accepted_is_served_although_the_listener_closes() {
    // Which of two events comes first is random.
    for _ in 0..20 {
        let connections = connections(|_| ());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addr, mut peer) = (listener.local_addr().unwrap(), None);
        let closing = async {
            peer = Some(std::net::TcpStream::connect(addr).unwrap());
            yield_now().await;
        };
        connections.accept(listener, closing).await;
        assert_eq!(connections.running.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn connections_end_with_their_server() {
    let connections = connections(|_| ());
    let context = Arc::clone(&connections.context);
    let (ours, theirs) = duplex(1 << 16);
    tokio::spawn(client(theirs));
    let dropping = async {
        sleep(SECOND).await;
        drop(connections);
    };
    let start = Instant::now();
    tokio::join!(serve(ours, context), dropping);
    assert_eq!(start.elapsed(), SECOND);
}

#[tokio::test]
async fn every_call_knows_whose_certificate_its_connection_began_with() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = {
        let seen = Arc::clone(&seen);
        async move |certificate: Option<Extension<Arc<PeerCertificate>>>| {
            seen.lock().unwrap().push(certificate.map(|Extension(certificate)| certificate));
        }
    };
    let routes = Routes::from(Router::new().fallback(note));
    let service = service(&Config::default().grpc, routes, CancellationToken::new());
    let certificate = Arc::new(PeerCertificate { dns_names: vec!["login.test".into()], uris: Vec::new() });

    for shown in [Some(&certificate), None] {
        let (ours, theirs) = duplex(1 << 16);
        let service = service.clone().with_certificate(shown.cloned());
        tokio::spawn(async move {
            let server = hyper::server::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new());
            server.serve_connection(hyper_util::rt::TokioIo::new(ours), service).await
        });
        let (mut calls, connection) = h2::client::handshake(theirs).await.unwrap();
        tokio::spawn(connection);
        for _ in 0..2 {
            let request = check();
            calls = calls.ready().await.unwrap();
            calls.send_request(request, true).unwrap().0.await.unwrap();
        }
    }
    let expected = [Some(Arc::clone(&certificate)), Some(certificate), None, None];
    assert_eq!(*seen.lock().unwrap(), expected);
}
