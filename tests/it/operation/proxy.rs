//! Requests that leave through an HTTP proxy.

use std::{
    fs,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use tonic::Code;
use verify_gateway::pb::ListTemplatesRequest;

use crate::support::{Clients, Collector, KEY, PHONE, Process, Refused, TOKEN, TestGateway, addr, tenants_file};

const PROFILE: &str = "49000000-0000-4000-8000-000000000001";

/// A proxy that connects to this machine whatever host it is asked for.
#[derive(Clone, Default)]
struct Forward(Arc<Mutex<Vec<String>>>);

impl Forward {
    async fn start() -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (proxy, addr) = (Self::default(), listener.local_addr().unwrap());
        let accepting = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(accepting.clone().connect(client));
            }
        });
        (proxy, addr)
    }

    async fn connect(self, client: TcpStream) {
        let (mut client, mut head) = (BufReader::new(client), String::new());
        while !head.ends_with("\r\n\r\n") {
            if client.read_line(&mut head).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let target = head.split(' ').nth(1).unwrap().to_owned();
        let credentials = head.to_lowercase().contains("proxy-authorization: basic dtpzzxnhbwu=");
        self.0.lock().unwrap().push(format!("{target} {credentials}"));
        let port = target.rsplit(':').next().and_then(|port| port.parse().ok()).filter(|port| *port != 443);
        let Some(port) = port else {
            _ = client.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await;
            return;
        };
        let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        _ = copy_bidirectional(&mut client, &mut server).await;
    }

    fn saw(&self, target: &str) -> bool {
        self.0.lock().unwrap().iter().any(|seen| seen == target)
    }
}

/// The binary, whose upstream, issuer and collector have names that only the proxy knows. `more` are lines for `upstream`.
async fn started(simulator: SocketAddr, more: &str, variables: &[(&str, &str)]) -> (Process, Clients, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let issuer = "jwt_issuers:\n  - { name: pods, issuer: 'https://issuer.test', audiences: [a], jwks: { url: 'https://issuer.test/keys' } }\n";
    let tenants = format!("{issuer}{}", tenants_file("login", TOKEN, &format!("{{ inline: {KEY} }}")));
    fs::write(folder.path().join("tenants.yaml"), tenants).unwrap();
    let config = folder.path().join("gateway.yaml");
    let text = format!(
        "grpc: {{ listen: '127.0.0.1:0', plaintext: true }}\nadmin: {{ listen: '' }}\n\
         upstream: {{ base_url: 'http://telnyx.test:{}/v2'{more} }}\n",
        simulator.port()
    );
    fs::write(&config, text).unwrap();
    let mut process = Process::with_variables(&["serve", "--config", config.to_str().unwrap()], variables);
    // The issuer does not answer, so the gateway gives up its first fetch of keys before it warns.
    let grpc = process.logged(|line| line.contains("listening").then(|| addr(line)).flatten()).await;
    process.logged(|line| line.contains("pods").then_some(())).await;
    (process, Clients::of(grpc, Some(TOKEN)).await, folder)
}

#[tokio::test]
async fn the_upstream_the_issuers_and_the_collector_are_reached_through_the_proxy_of_the_environment() {
    let upstream = TestGateway::start().await;
    let (collector, collected) = Collector::grpc().await;
    let (proxy, addr) = Forward::start().await;
    let (url, endpoint) = (format!("http://u:sesame@{addr}"), format!("http://collector.test:{}", collected.port()));
    let variables = [
        ("HTTPS_PROXY", url.as_str()),
        ("http_proxy", &url),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &endpoint),
        ("OTEL_TRACES_SAMPLER", "always_on"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/sesame"),
    ];
    let (process, mut clients, _folder) = started(upstream.simulator, "", &variables).await;
    clients.templates.list_templates(ListTemplatesRequest::default()).await.unwrap();
    let ended = process.end("TERM").await;
    assert!(!collector.spans().is_empty());
    for host in [
        format!("telnyx.test:{}", upstream.simulator.port()),
        "issuer.test:443".to_owned(),
        format!("collector.test:{}", collected.port()),
    ] {
        assert!(proxy.saw(&format!("{host} true")), "{host}");
    }
    let ignored = "is ignored: it must be one of grpc, http/protobuf";
    assert!(ended.err.contains(ignored) && !ended.err.contains("sesame"), "{}", ended.err);
}

#[tokio::test]
async fn a_setting_names_a_proxy_for_the_upstream_alone() {
    let upstream = TestGateway::start().await;
    let (proxy, addr) = Forward::start().await;
    let host = format!("telnyx.test:{}", upstream.simulator.port());
    let (process, mut clients, _folder) =
        started(upstream.simulator, &format!(", proxy: '{addr}'"), &[("NO_PROXY", "*")]).await;
    clients.templates.list_templates(ListTemplatesRequest::default()).await.unwrap();
    assert!(proxy.saw(&format!("{host} false")) && !proxy.saw("issuer.test:443 false"));
    assert_eq!(process.end("TERM").await.code, Some(0));
}

#[tokio::test]
async fn a_proxy_that_refuses_proves_that_nothing_was_sent() {
    let upstream = TestGateway::start().await;
    let (_, addr) = Forward::start().await;
    // The proxy of the test refuses this port.
    let (process, mut clients, _folder) =
        started(SocketAddr::from(([127, 0, 0, 1], 443)), &format!(", proxy: '{addr}'"), &[]).await;
    // A send is repeated, and its outcome known, only if it provably never left.
    Refused::by(clients.try_send(PHONE, PROFILE).await).is(Code::Unavailable, "UPSTREAM_UNAVAILABLE");
    assert!(upstream.all_messages().await.is_empty());
    assert_eq!(process.end("TERM").await.code, Some(0));
}
