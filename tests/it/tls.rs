//! TLS: who is let in, with which versions, and certificates that change while calls run.

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
    domain::TenantId,
    pb::ListTemplatesRequest,
    tenant::{ApiKey, Credential, Directory, Identity, Permissions, Tenant, TokenHash},
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

    /// Has the gateway use them.
    fn apply(&self, config: &mut Config) {
        config.grpc.tls.certificate_file = Some(self.0.path().join("tls.crt"));
        config.grpc.tls.key_file = Some(self.0.path().join("tls.key"));
    }

    /// Has it ask for certificates of `authority`.
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
    let gateway = TestGateway::with(
        |config| {
            files.apply(config);
            change(config, &files);
        },
        Permissions::all(),
    )
    .await;
    (gateway, files)
}

/// A call over a connection of its own.
async fn call(addr: SocketAddr, client: ClientConfig) -> Result<(), String> {
    let stream = shake_hands(addr, client).await.map_err(|error| format!("handshake: {error}"))?;
    let channel = over(stream).await.map_err(|error| format!("connection: {error:?}"))?;
    check(channel).await.map_err(|error| format!("call: {error:?}"))
}

async fn check(channel: Channel) -> Result<(), Status> {
    HealthClient::new(channel).check(HealthCheckRequest::default()).await.map(|_| ())
}

/// Asks until it `is` so, each time over the network. What never comes is a failure, and not a test without an end.
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
    until(line, async || gateway.admin("/metrics").await.1.lines().any(|told| told == line)).await;
}

fn failures(cause: &str, count: usize) -> String {
    format!("verify_gateway_tls_handshakes_failed_total{{cause=\"{cause}\"}} {count}")
}

#[tokio::test]
async fn both_versions_are_spoken_and_a_higher_minimum_is_held() {
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

/// The alert that a handshake ended with.
fn alert(error: &std::io::Error) -> Option<AlertDescription> {
    match error.get_ref()?.downcast_ref()? {
        Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

#[tokio::test]
async fn a_client_that_does_not_say_h2_is_told_so_in_the_handshake() {
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
    // One that offers it among others is served.
    let mut client = authority.trusted_by(None, BOTH);
    client.alpn_protocols = vec![b"http/1.1".to_vec(), b"h2".to_vec()];
    call(gateway.addr, client).await.unwrap();
    gateway.stop().await;
}

#[tokio::test]
async fn a_client_that_trusts_another_authority_goes_away() {
    let (gateway, _files) = gateway(&Authority::new(), |_, _| ()).await;
    let client = Authority::new().trusted_by(None, BOTH);
    let refused = shake_hands(gateway.addr, client).await.unwrap_err();
    assert!(refused.to_string().contains("invalid peer certificate"), "{refused}");
    until_counted(&gateway, &failures("refused_by_client", 1)).await;
    gateway.stop().await;
}

#[tokio::test]
async fn clients_certificates_are_asked_for_and_verified_as_configured() {
    let (authority, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let known = clients.client("login.test", "spiffe://test/login");
    let foreign = others.client("login.test", "spiffe://test/login");
    // Certificates of servers are none of clients.
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
async fn a_certificate_says_who_calls_and_must_agree_with_a_token() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let files = Files::new(&authority.server());
    let tenant = Tenant::new(TenantId::new("login").unwrap(), ApiKey::new(KEY).unwrap());
    let of = |name: &str, credentials| (Identity { name: name.into(), permissions: Permissions::all() }, credentials);
    let identities = vec![
        of("service", vec![Credential::uri("spiffe://test/service").unwrap(), Credential::Token(TokenHash::of(TOKEN))]),
        of("web", vec![Credential::dns("web.test").unwrap()]),
    ];
    let gateway = TestGateway::serving(
        |config| {
            files.apply(config);
            files.ask(config, &clients, ClientCertificate::Optional);
        },
        Directory::new(vec![(tenant, identities)]),
    )
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
    for (cause, count) in [("unknown_certificate", 1), ("disagreement", 1), ("unknown_token", 1), ("missing", 1)] {
        until_counted(&gateway, &format!("verify_gateway_authentication_failures_total{{cause=\"{cause}\"}} {count}"))
            .await;
    }
    gateway.stop().await;
}

/// The certificate that is shown to new clients.
async fn shown(addr: SocketAddr, authority: &Authority) -> CertificateDer<'static> {
    let stream = shake_hands(addr, authority.trusted_by(None, BOTH)).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// Waits until `pair` is shown to new clients.
async fn until_shown(addr: SocketAddr, authority: &Authority, pair: &Pair) {
    let expected = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
    until("the new certificate", async || shown(addr, authority).await == expected).await;
}

#[tokio::test]
async fn certificates_change_under_load_and_no_call_fails() {
    let authority = Arc::new(Authority::new());
    let (gateway, files) = gateway(&authority, |config, _| config.grpc.tls.reload_interval = SOON).await;
    let (done, kept_alive) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut callers = JoinSet::new();
    for _ in 0..3 {
        // One connection for all calls, which began with the first certificate.
        let stream = shake_hands(gateway.addr, authority.trusted_by(None, BOTH)).await.unwrap();
        let channel = over(stream).await.unwrap();
        let (end, calls) = (Arc::clone(&done), Arc::clone(&kept_alive));
        callers.spawn(async move {
            while !end.load(Ordering::Relaxed) {
                check(channel.clone()).await.unwrap();
                calls.fetch_add(1, Ordering::Relaxed);
            }
        });
        // A connection for each call.
        let (addr, end, authority) = (gateway.addr, Arc::clone(&done), Arc::clone(&authority));
        callers.spawn(async move {
            while !end.load(Ordering::Relaxed) {
                call(addr, authority.trusted_by(None, BOTH)).await.unwrap();
            }
        });
    }
    for _ in 0..5 {
        let (next, before) = (authority.server(), kept_alive.load(Ordering::Relaxed));
        files.write(&next);
        until_shown(gateway.addr, &authority, &next).await;
        until("a call on an old connection", async || {
            call(gateway.addr, authority.trusted_by(None, BOTH)).await.unwrap();
            kept_alive.load(Ordering::Relaxed) > before
        })
        .await;
    }
    done.store(true, Ordering::Relaxed);
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    gateway.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_change_by_links_as_kubernetes_makes_it_is_seen() {
    use std::os::unix::fs::symlink;

    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let (path, first, second) = (folder.path(), authority.server(), authority.server());
    for (version, Pair { certificate, key }) in [("..1", &first), ("..2", &second)] {
        fs::create_dir(path.join(version)).unwrap();
        fs::write(path.join(version).join("tls.crt"), certificate).unwrap();
        fs::write(path.join(version).join("tls.key"), key).unwrap();
    }
    symlink("..1", path.join("..data")).unwrap();
    for file in ["tls.crt", "tls.key"] {
        symlink(Path::new("..data").join(file), path.join(file)).unwrap();
    }
    let change = |config: &mut Config| {
        config.grpc.tls.certificate_file = Some(path.join("tls.crt"));
        config.grpc.tls.key_file = Some(path.join("tls.key"));
        config.grpc.tls.reload_interval = SOON;
    };
    let gateway = TestGateway::with(change, Permissions::all()).await;
    until_shown(gateway.addr, &authority, &first).await;
    symlink("..2", path.join("..data_tmp")).unwrap();
    fs::rename(path.join("..data_tmp"), path.join("..data")).unwrap();
    until_shown(gateway.addr, &authority, &second).await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_change_that_is_of_no_use_changes_nothing_and_is_told_of() {
    let (authority, clients, new_clients) = (Authority::new(), Authority::new(), Authority::new());
    let (gateway, files) = gateway(&authority, |config, files| {
        config.grpc.tls.reload_interval = SOON;
        files.ask(config, &clients, ClientCertificate::Required);
    })
    .await;
    let [old, new] = [&clients, &new_clients].map(|clients| clients.client("login.test", "spiffe://test/login"));
    let is_served = async |pair| call(gateway.addr, authority.trusted_by(Some(pair), BOTH)).await.is_ok();
    let stale = async |expected: &str| {
        let expected = format!(r#"{{"degraded":[],"ready":true,"reasons":[],"stale":{expected}}}"#);
        until(&expected, async || gateway.admin("/readyz").await == (200, expected.clone())).await;
    };
    assert!(is_served(&old).await && !is_served(&new).await);
    let before = shown(gateway.addr, &authority).await;

    // The certificate is not that of the key, the authorities are right: neither is taken up.
    fs::write(files.0.path().join("tls.crt"), authority.server().certificate).unwrap();
    fs::write(files.0.path().join("ca.crt"), new_clients.pem()).unwrap();
    stale(r#"["certificate"]"#).await;
    until_counted(&gateway, r#"verify_gateway_reload_failed{what="certificate"} 1"#).await;
    for broken in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n"] {
        fs::write(files.0.path().join("tls.crt"), broken).unwrap();
    }
    fs::remove_file(files.0.path().join("tls.key")).unwrap();
    assert!(is_served(&old).await && !is_served(&new).await);
    assert_eq!(shown(gateway.addr, &authority).await, before);

    files.write(&authority.server());
    stale("[]").await;
    until_counted(&gateway, r#"verify_gateway_reload_failed{what="certificate"} 0"#).await;
    assert!(!is_served(&old).await && is_served(&new).await);
    gateway.stop().await;
}

#[tokio::test]
async fn how_long_the_certificate_is_valid_is_told() {
    let authority = Authority::new();
    let (gateway, files) = gateway(&authority, |config, _| config.grpc.tls.reload_interval = SOON).await;
    let left = async || {
        let (_, metrics) = gateway.admin("/metrics").await;
        let line =
            metrics.lines().find(|line| line.starts_with("verify_gateway_tls_certificate_left_seconds ")).unwrap();
        line.split(' ').nth(1).unwrap().parse::<f64>().unwrap()
    };
    // Until the year 2100.
    assert!((1e9..4e9).contains(&left().await));
    files.write(&authority.expired());
    until("the end of the certificate", async || left().await < 0.0).await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_client_that_speaks_no_tls_gets_a_clean_end() {
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
async fn a_handshake_that_takes_too_long_is_cut_and_frees_its_place() {
    let authority = Authority::new();
    let (gateway, _files) = gateway(&authority, |config, _| {
        config.grpc.max_connections = 1;
        config.grpc.handshake_timeout = Duration::from_millis(100);
    })
    .await;
    Peer::silent(gateway.addr).await.closed_without_answers().await;
    until_counted(&gateway, &failures("timeout", 1)).await;
    // One that has shaken hands and then says nothing has no more time.
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
    let gateway = TestGateway::in_front_of(origin.addr, |config| files.apply(config)).await;
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

/// What `verify-gateway` with `arguments` ends with: its exit code, output and errors.
async fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let command =
        tokio::process::Command::new(env!("CARGO_BIN_EXE_verify-gateway")).args(arguments).current_dir(folder).output();
    let output = command.await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn every_mistake_about_certificates_is_listed_at_once() {
    let authority = Authority::new();
    let files = Files::new(&authority.server());
    let folder = files.0.path();
    fs::write(folder.join("other.key"), authority.server().key).unwrap();
    fs::write(folder.join("garbage"), "garbage").unwrap();
    let tenants = tenants_file("a", TOKEN, "{ inline: KEY }");
    fs::write(folder.join("tenants.yaml"), tenants).unwrap();
    let mistakes = async |tls: &str| {
        fs::write(folder.join("gateway.yaml"), format!("grpc: {{ {tls} }}\n")).unwrap();
        // `serve` finds the same before it does anything.
        let (code, _, err) = run(folder, &["serve"]).await;
        assert_eq!((code, &err), (Some(64), &run(folder, &["check"]).await.2));
        err
    };
    let pair = "certificate_file: tls.crt, key_file: tls.key";
    for (tls, expected) in [
        (
            String::new(),
            "gateway.yaml: grpc: has no certificate: set tls.certificate_file and tls.key_file, or say plaintext: true\n",
        ),
        (
            "tls: { certificate_file: gone.crt, key_file: garbage, client_ca_file: garbage, client_certificate: optional }"
                .into(),
            "garbage: grpc.tls.client_ca_file: holds no certificate in PEM\n\
             garbage: grpc.tls.key_file: holds no private key in PEM that is not encrypted\n\
             gone.crt: grpc.tls.certificate_file: there is no such file\n",
        ),
        (
            "tls: { certificate_file: tls.crt, key_file: other.key }".into(),
            "other.key: grpc.tls.key_file: is not the key of the certificate in grpc.tls.certificate_file\n",
        ),
        (
            format!("plaintext: true, tls: {{ {pair}, client_certificate: required }}"),
            "gateway.yaml:1:20: grpc.plaintext: plaintext and tls.certificate_file exclude each other\n\
             gateway.yaml:1:99: grpc.tls.client_certificate: client_ca_file is needed if, and only if, \
             client_certificate is optional or required\n",
        ),
        (
            "tls: { certificate_file: tls.crt, min_version: 1.1 }".into(),
            "gateway.yaml:1:34: grpc.tls.certificate_file: certificate_file and key_file need each other\n\
             gateway.yaml:1:56: grpc.tls.min_version: must be 1.2 or 1.3\n",
        ),
    ] {
        let told = mistakes(&tls).await;
        assert!(told.starts_with(expected), "{tls}:\n{told}");
    }
}

#[tokio::test]
async fn an_expired_certificate_is_warned_of() {
    let files = Files::new(&Authority::new().expired());
    let folder = files.0.path();
    let tenants = tenants_file("a", TOKEN, "{ inline: KEY }");
    fs::write(folder.join("tenants.yaml"), tenants).unwrap();
    let config = "grpc: { listen: '127.0.0.1:0', tls: { certificate_file: tls.crt, key_file: tls.key } }\n";
    fs::write(folder.join("gateway.yaml"), config).unwrap();
    let (code, out, _) = run(folder, &["check"]).await;
    let expected = "TLS for gateway.test until 2020-01-02T00:00:00Z; clients asked for no certificate\n\
        warning: the certificate has expired: no client will accept it\n";
    assert!(code == Some(0) && out.contains(expected), "{out}");
}

#[tokio::test]
async fn changes_of_the_certificate_are_audited() {
    let authority = Authority::new();
    let files = Files::new(&authority.server());
    let folder = files.0.path();
    fs::write(folder.join("tenants.yaml"), tenants_file("a", TOKEN, "{ inline: KEY }")).unwrap();
    let config = folder.join("gateway.yaml");
    let text = "\
grpc: { listen: '127.0.0.1:0', tls: { certificate_file: tls.crt, key_file: tls.key, reload_interval: 10ms } }
admin: { listen: '127.0.0.1:0' }
telemetry: { log: { format: json } }
";
    fs::write(&config, text).unwrap();
    let mut serve = Process::start(&["serve", "--config", config.to_str().unwrap()]);
    let event = |outcome: &str| {
        let outcome = format!(r#""outcome":"{outcome}""#);
        move |line: &str| {
            let parts = [r#""event":"reload""#, r#""target":"audit""#, r#""what":"certificate""#, &outcome];
            parts.iter().all(|part| line.contains(part)).then_some(())
        }
    };
    serve.logged_addr().await;
    files.write(&Pair { certificate: "garbage".into(), ..authority.server() });
    serve.logged(event("failed")).await;
    files.write(&authority.server());
    serve.logged(event("ok")).await;
    assert_eq!(serve.end("TERM").await.code, Some(0));
}

#[tokio::test]
async fn health_is_asked_for_over_tls() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let (gateway, files) = gateway(&authority, |config, files| {
        files.ask(config, &clients, ClientCertificate::Required);
    })
    .await;
    let folder = files.0.path();
    let Pair { certificate, key } = clients.client("probe.test", "spiffe://test/probe");
    fs::write(folder.join("server-ca.crt"), authority.pem()).unwrap();
    fs::write(folder.join("probe.crt"), certificate).unwrap();
    fs::write(folder.join("probe.key"), key).unwrap();
    let addr = gateway.addr.to_string();
    let health =
        async |more: &[&str]| run(folder, &[&["health", "--timeout", "30s", "--addr", &addr], more].concat()).await;
    let trust = ["--tls", "--ca", "server-ca.crt", "--server-name", SERVER];
    let show = ["--cert", "probe.crt", "--key", "probe.key"];

    let (code, out, err) = health(&[&trust[..], &show].concat()).await;
    assert_eq!((code, out.as_str()), (Some(0), "SERVING\n"), "{err}");
    for (without, code) in [
        (&trust[..], 1),
        // The address is no name in the certificate.
        (&[&trust[..3], &show].concat(), 1),
        (&[&["--tls", "--server-name", SERVER][..], &show].concat(), 1),
        (&[], 1),
        (&["--ca", "server-ca.crt"], 64),
        (&[&trust[..], &show[..2]].concat(), 64),
        (&["--tls", "--ca", "gone.crt"], 64),
    ] {
        let (found, _, err) = health(without).await;
        assert_eq!(found, Some(code), "{without:?}: {err}");
    }
    gateway.stop().await;
}
