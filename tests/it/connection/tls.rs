//! TLS versions, client certificates and handshakes.

mod process;
mod reload;

use std::{
    fs,
    io::ErrorKind,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rustls::{
    AlertDescription, ClientConfig, Error, SupportedProtocolVersion,
    pki_types::{CertificateDer, pem::PemObject},
    version::{TLS12, TLS13},
};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use verify_gateway::{
    config::{ClientCertificate, Config, TlsVersion},
    domain::{ApiKey, Identity, Permissions, Tenant, TenantId, TokenHash},
    pb::ListTemplatesRequest,
    tenant::{Credential, Directory},
};

use crate::support::{
    Clients, KEY, Origin, Process, TOKEN, TestGateway,
    authority::{Authority, Pair, SERVER, over, shake_hands},
    peer::Peer,
    tenants_file,
};

const BOTH: &[&SupportedProtocolVersion] = &[&TLS12, &TLS13];
const SOON: Duration = Duration::from_millis(10);

/// A folder for the files of `grpc.tls`.
struct Files(TempDir);

impl Files {
    fn new(pair: &Pair) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.write(pair);
        files
    }

    fn write(&self, Pair { certificate, key }: &Pair) {
        fs::write(self.0.path().join("tls.crt"), certificate).unwrap();
        fs::write(self.0.path().join("tls.key"), key).unwrap();
    }

    /// Makes the gateway use the files.
    fn apply(&self, config: &mut Config) {
        config.grpc.tls.certificate_file = Some(self.0.path().join("tls.crt"));
        config.grpc.tls.key_file = Some(self.0.path().join("tls.key"));
    }

    /// Makes the gateway request certificates of `authority`.
    fn ask(&self, config: &mut Config, authority: &Authority, how: ClientCertificate) {
        let file = self.0.path().join("ca.crt");
        fs::write(&file, authority.pem()).unwrap();
        config.grpc.tls.client_ca_file = Some(file);
        config.grpc.tls.client_certificate = how;
    }
}

/// A gateway with a certificate of `authority`.
async fn gateway(authority: &Authority, change: impl FnOnce(&mut Config, &Files)) -> (TestGateway, Files) {
    let files = Files::new(&authority.server());
    let gateway = TestGateway::builder()
        .config(|config| {
            files.apply(config);
            change(config, &files);
        })
        .start()
        .await;
    (gateway, files)
}

/// A call over a new connection.
async fn call(addr: SocketAddr, client: ClientConfig) -> Result<(), String> {
    let stream = shake_hands(addr, client).await.map_err(|error| format!("handshake: {error}"))?;
    let channel = over(stream).await.map_err(|error| format!("connection: {error:?}"))?;
    check(channel).await.map_err(|error| format!("call: {error:?}"))
}

async fn check(channel: Channel) -> Result<(), Status> {
    HealthClient::new(channel).check(HealthCheckRequest::default()).await.map(|_| ())
}

/// Repeats `is`, which uses the network, until it is true. Fails after a time-out.
async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    for _ in 0..10_000 {
        if is().await {
            return;
        }
    }
    panic!("{what} did not come");
}

/// Waits until the metrics have `line`.
async fn until_counted(gateway: &TestGateway, line: &str) {
    until(line, async || gateway.admin("/metrics").await.1.lines().any(|metric| metric == line)).await;
}

fn failures(cause: &str, count: usize) -> String {
    format!("verify_gateway_tls_handshakes_failed_total{{cause=\"{cause}\",port=\"grpc\"}} {count}")
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_accepted_and_the_minimum_version_is_enforced() {
    let authority = Authority::new();
    let (both, _files) = gateway(&authority, |_, _| ()).await;
    let (new, _new_files) = gateway(&authority, |config, _| config.grpc.tls.min_version = TlsVersion::V1_3).await;
    for version in BOTH {
        call(both.addr, authority.trusted_by(None, &[version])).await.unwrap();
    }
    call(new.addr, authority.trusted_by(None, &[&TLS13])).await.unwrap();
    let refused = shake_hands(new.addr, authority.trusted_by(None, &[&TLS12])).await.unwrap_err();
    assert_eq!(alert(&refused), Some(AlertDescription::ProtocolVersion), "{refused:?}");
    until_counted(&new, &failures("incompatible", 1)).await;
    both.stop().await;
    new.stop().await;
}

/// The TLS alert of a failed handshake.
fn alert(error: &std::io::Error) -> Option<AlertDescription> {
    match error.get_ref()?.downcast_ref()? {
        Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

#[tokio::test]
async fn a_client_without_h2_fails_in_the_handshake() {
    let authority = Authority::new();
    let (gateway, _files) = gateway(&authority, |_, _| ()).await;
    for version in BOTH {
        for offered in [&[][..], &[b"http/1.1".to_vec()]] {
            let mut client = authority.trusted_by(None, &[version]);
            client.alpn_protocols = offered.to_vec();
            let refused = shake_hands(gateway.addr, client).await.unwrap_err();
            assert_eq!(alert(&refused), Some(AlertDescription::NoApplicationProtocol), "{offered:?} {refused:?}");
        }
    }
    until_counted(&gateway, &failures("no_protocol", 4)).await;
    // A client that offers h2 among others is served.
    let mut client = authority.trusted_by(None, BOTH);
    client.alpn_protocols = vec![b"http/1.1".to_vec(), b"h2".to_vec()];
    call(gateway.addr, client).await.unwrap();
    gateway.stop().await;
}

#[tokio::test]
async fn a_client_that_trusts_another_authority_closes_the_connection() {
    let (gateway, _files) = gateway(&Authority::new(), |_, _| ()).await;
    let client = Authority::new().trusted_by(None, BOTH);
    let refused = shake_hands(gateway.addr, client).await.unwrap_err();
    assert!(refused.to_string().contains("invalid peer certificate"), "{refused}");
    until_counted(&gateway, &failures("refused_by_client", 1)).await;
    gateway.stop().await;
}

#[tokio::test]
async fn client_certificates_are_requested_and_verified_as_configured() {
    let (authority, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let known = clients.client("login.test", "spiffe://test/login");
    let foreign = others.client("login.test", "spiffe://test/login");
    // A server certificate is not valid for a client.
    let server = clients.server();
    for (how, without) in [(ClientCertificate::Optional, true), (ClientCertificate::Required, false)] {
        let (gateway, _files) = gateway(&authority, |config, files| files.ask(config, &clients, how)).await;
        for version in BOTH {
            let call = async |shown| call(gateway.addr, authority.trusted_by(shown, &[version])).await;
            call(Some(&known)).await.unwrap();
            assert_eq!(call(None).await.is_ok(), without, "{how:?} {version:?}");
            assert!(call(Some(&foreign)).await.is_err(), "{how:?} {version:?}");
            assert!(call(Some(&server)).await.is_err(), "{how:?} {version:?}");
        }
        until_counted(&gateway, &failures("client_certificate", if without { 4 } else { 6 })).await;
        gateway.stop().await;
    }
}

#[tokio::test]
async fn a_client_certificate_selects_the_identity_and_must_agree_with_a_token() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let files = Files::new(&authority.server());
    let tenant = Tenant::new(TenantId::new("login").unwrap(), ApiKey::new(KEY).unwrap());
    let of = |name: &str, credentials| (Identity { name: name.into(), permissions: Permissions::all() }, credentials);
    let identities = vec![
        of("service", vec![Credential::uri("spiffe://test/service").unwrap(), Credential::Token(TokenHash::of(TOKEN))]),
        of("web", vec![Credential::dns("web.test").unwrap()]),
    ];
    let gateway = TestGateway::builder()
        .config(|config| {
            files.apply(config);
            files.ask(config, &clients, ClientCertificate::Optional);
        })
        .tenants(Directory::new(vec![(tenant, identities)]))
        .start()
        .await;
    let call = async |names: Option<(&str, &str)>, token: Option<&str>| {
        let shown = names.map(|(dns, uri)| clients.client(dns, uri));
        let stream = shake_hands(gateway.addr, authority.trusted_by(shown.as_ref(), BOTH)).await.unwrap();
        let mut clients = Clients::over(over(stream).await.unwrap(), token);
        let answer = clients.templates.list_templates(ListTemplatesRequest::default()).await;
        answer.map_or_else(|status| status.code(), |_| Code::Ok)
    };
    let (service, web) = (Some(("x.test", "spiffe://test/service")), Some(("web.test", "spiffe://test/web")));
    let nobody = Some(("login.test", "spiffe://test/service/of/others"));
    for fine in [(service, None), (service, Some(TOKEN)), (web, None), (nobody, Some(TOKEN)), (None, Some(TOKEN))] {
        assert_eq!(call(fine.0, fine.1).await, Code::Ok, "{fine:?}");
    }
    for refused in [(nobody, None), (web, Some(TOKEN)), (service, Some("nobody's")), (None, None)] {
        assert_eq!(call(refused.0, refused.1).await, Code::Unauthenticated, "{refused:?}");
    }
    for (cause, count) in
        [("unknown_certificate", 1), ("conflicting_credentials", 1), ("unknown_token", 1), ("missing", 1)]
    {
        until_counted(&gateway, &format!("verify_gateway_authentication_failures_total{{cause=\"{cause}\"}} {count}"))
            .await;
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_plaintext_client_gets_a_clean_close() {
    let authority = Authority::new();
    let (gateway, _files) = gateway(&authority, |config, _| {
        config.grpc.handshake_timeout = Duration::from_hours(1);
    })
    .await;
    Peer::begin(gateway.addr, []).await.closed().await;
    let plain = Endpoint::new(format!("http://{}", gateway.addr)).unwrap().connect_lazy();
    assert!(check(plain).await.is_err());
    until_counted(&gateway, &failures("not_tls", 2)).await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_slow_handshake_is_closed_and_returns_its_permit() {
    let authority = Authority::new();
    let (gateway, _files) = gateway(&authority, |config, _| {
        config.grpc.max_connections = 1;
        config.grpc.handshake_timeout = Duration::from_millis(100);
    })
    .await;
    Peer::silent(gateway.addr).await.closed_without_answers().await;
    until_counted(&gateway, &failures("timeout", 1)).await;
    // A client that completes the handshake and then is silent is closed too.
    let mute = shake_hands(gateway.addr, authority.trusted_by(None, BOTH)).await.unwrap();
    let (mut reader, _writer) = tokio::io::split(mute);
    let read = tokio::io::copy(&mut reader, &mut tokio::io::sink()).await;
    assert!(read.is_ok() || read.is_err_and(|error| error.kind() == ErrorKind::UnexpectedEof));
    call(gateway.addr, authority.trusted_by(None, BOTH)).await.unwrap();
    gateway.stop().await;
}

#[tokio::test]
async fn a_draining_gateway_finishes_calls_over_tls() {
    const TEMPLATES: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"data\":[]}";
    let (authority, origin) = (Authority::new(), Origin::holding(TEMPLATES).await);
    let files = Files::new(&authority.server());
    let gateway = TestGateway::builder().upstream(origin.addr).config(|config| files.apply(config)).start().await;
    let stream = shake_hands(gateway.addr, authority.trusted_by(None, BOTH)).await.unwrap();
    let mut clients = Clients::over(over(stream).await.unwrap(), Some(TOKEN));
    let call = tokio::spawn(async move { clients.templates.list_templates(ListTemplatesRequest::default()).await });
    origin.until(|seen| seen.requests == 1).await;
    gateway.begin_to_stop();
    let is_closed = async || shake_hands(gateway.addr, authority.trusted_by(None, BOTH)).await.is_err();
    until("the end of the listener", is_closed).await;
    origin.release();
    call.await.unwrap().unwrap();
    gateway.stop().await;
}
