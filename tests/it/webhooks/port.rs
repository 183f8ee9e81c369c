//! TLS on the webhook port, and its bounds.

use std::{fs, time::Duration};

use rustls::{
    AlertDescription, Error,
    pki_types::{CertificateDer, pem::PemObject},
    version::TLS13,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use verify_gateway::domain::{Permissions, WebhookKey};

use crate::support::{
    TestGateway,
    authority::{Authority, Pair, shake_hands},
    webhooks::{WEBHOOK_TOKEN, WebhookSigner, account_of, delivery, with_webhooks},
};

/// A gateway that takes webhooks of `signer`.
async fn gateway(
    signer: &WebhookSigner,
    change: impl FnOnce(&mut verify_gateway::config::WebhooksConfig),
) -> TestGateway {
    let directory = account_of(vec![signer.key()], [Permissions::all(), Permissions::default()]);
    let builder = TestGateway::builder().config(|config| {
        with_webhooks(config);
        change(&mut config.webhooks);
    });
    builder.tenants(directory).start().await
}

/// The status of a webhook that is sent over `io`.
async fn status(mut io: impl AsyncRead + AsyncWrite + Unpin, signer: &WebhookSigner) -> String {
    let body = delivery("v1", "p", "sent").to_string();
    let headers = signer.headers(jiff::Timestamp::now().as_second(), body.as_bytes());
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap())).collect();
    let length = body.len();
    let request = format!(
        "POST /webhooks/{WEBHOOK_TOKEN} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    io.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    io.read_exact(&mut answer).await.unwrap();
    String::from_utf8(answer.into()).unwrap()
}

/// Whether the metrics have `line`.
async fn is_counted(gateway: &TestGateway, line: &str) -> bool {
    gateway.admin("/metrics").await.1.lines().any(|metric| metric == line)
}

#[tokio::test]
async fn webhooks_arrive_over_tls_and_the_certificate_follows_its_files() {
    let (authority, signer, folder) = (Authority::new(), WebhookSigner::new(1), tempfile::tempdir().unwrap());
    let (certificate_file, key_file) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    let write = |Pair { certificate, key }: &Pair| {
        fs::write(&certificate_file, certificate).unwrap();
        fs::write(&key_file, key).unwrap();
    };
    write(&authority.server());
    let gateway = gateway(&signer, |webhooks| {
        webhooks.tls.certificate_file = Some(certificate_file.clone());
        webhooks.tls.key_file = Some(key_file.clone());
        webhooks.tls.reload_interval = Duration::from_millis(10);
    })
    .await;
    let connect = async |offered: &[&str]| {
        let mut client = authority.trusted_by(None, &[&TLS13]);
        client.alpn_protocols = offered.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        shake_hands(gateway.webhooks, client).await
    };
    // A client that offers nothing speaks HTTP/1.1.
    for offered in [&[][..], &["http/1.1"], &["h2", "http/1.1"]] {
        assert_eq!(status(connect(offered).await.unwrap(), &signer).await, "HTTP/1.1 200", "{offered:?}");
    }
    let refused = connect(&["h2"]).await.unwrap_err();
    let alert = refused.get_ref().and_then(|error| error.downcast_ref::<Error>());
    assert_eq!(alert, Some(&Error::AlertReceived(AlertDescription::NoApplicationProtocol)));

    let next = authority.server();
    write(&next);
    let expected = CertificateDer::from_pem_slice(next.certificate.as_bytes()).unwrap();
    while connect(&[]).await.unwrap().get_ref().1.peer_certificates().unwrap()[0] != expected {}
    write(&Pair { certificate: "garbage".into(), ..next });
    while !is_counted(&gateway, r#"verify_gateway_reload_failed{what="webhook_certificate"} 1"#).await {}
    assert_eq!(status(connect(&[]).await.unwrap(), &signer).await, "HTTP/1.1 200");

    let mut plain = TcpStream::connect(gateway.webhooks).await.unwrap();
    plain.write_all(b"POST / HTTP/1.1\r\n\r\n").await.unwrap();
    plain.read_to_end(&mut Vec::new()).await.unwrap_or_default();
    let failed = |cause| format!(r#"verify_gateway_tls_handshakes_failed_total{{cause="{cause}",port="webhooks"}} 1"#);
    for cause in ["no_protocol", "not_tls"] {
        while !is_counted(&gateway, &failed(cause)).await {}
    }
    let (_, metrics) = gateway.admin("/metrics").await;
    assert!(metrics.contains(r#"verify_gateway_tls_certificate_left_seconds{port="webhooks"}"#), "{metrics}");
    gateway.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_handshake_and_a_head_have_five_seconds() {
    let (authority, signer, folder) = (Authority::new(), WebhookSigner::new(1), tempfile::tempdir().unwrap());
    let Pair { certificate, key } = authority.server();
    let (certificate_file, key_file) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    fs::write(&certificate_file, certificate).unwrap();
    fs::write(&key_file, key).unwrap();
    let with_tls = gateway(&signer, |webhooks| {
        webhooks.tls.certificate_file = Some(certificate_file);
        webhooks.tls.key_file = Some(key_file);
    })
    .await;
    let plain = gateway(&signer, |_| ()).await;
    for (gateway, first) in [(&with_tls, &b"\x16\x03\x01"[..]), (&plain, b"POST /webhooks/a HTTP/1.1\r\nhost: a\r\n")] {
        let began = tokio::time::Instant::now();
        let mut slow = TcpStream::connect(gateway.webhooks).await.unwrap();
        slow.write_all(first).await.unwrap();
        slow.read_to_end(&mut Vec::new()).await.unwrap_or_default();
        assert!((5..6).contains(&began.elapsed().as_secs()), "{first:?}");
    }
    assert!(
        is_counted(&with_tls, r#"verify_gateway_tls_handshakes_failed_total{cause="timeout",port="webhooks"} 1"#).await
    );
}

#[tokio::test]
async fn silent_connections_do_not_keep_webhooks_out() {
    let signer = WebhookSigner::new(1);
    let gateway = gateway(&signer, |webhooks| webhooks.max_connections = 20).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(gateway.webhooks).await.unwrap());
    }
    let fresh = TcpStream::connect(gateway.webhooks).await.unwrap();
    assert_eq!(status(fresh, &signer).await, "HTTP/1.1 200");
    // The oldest ones gave way.
    assert_eq!(silent[0].read(&mut [0; 1]).await.unwrap_or_default(), 0);
    let hits = r#"verify_gateway_limit_hits_total{limit="webhooks.max_connections",mode="enforced"} 31"#;
    assert!(is_counted(&gateway, hits).await);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_command_knows_what_the_gateway_must_answer() {
    // The first key of RFC 8032, section 7.1.
    const KEY: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
    let keys = ["11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="].map(|key| WebhookKey::parse(key).unwrap());
    let directory = account_of(keys.into(), [Permissions::all(), Permissions::default()]);
    let gateway = TestGateway::builder().config(with_webhooks).tenants(directory).start().await;
    for (token, key, said) in [
        (WEBHOOK_TOKEN, None, Some("a webhook that a stranger signed was refused\n")),
        (WEBHOOK_TOKEN, Some(KEY), Some("the webhook was taken\n")),
        ("fedcba9876543210", Some(KEY), None),
    ] {
        let url = format!("http://{}/webhooks/{token}", gateway.webhooks);
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_verify-gateway"));
        command.args(["webhook", "--url", &url]).args(key.map(|key| format!("--key={key}")));
        let output = command.output().await.unwrap();
        assert_eq!(output.status.success(), said.is_some(), "{output:?}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), said.unwrap_or_default());
        assert!(!String::from_utf8(output.stderr).unwrap().contains(token));
    }
    gateway.stop().await;
}
