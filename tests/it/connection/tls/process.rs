//! Errors and warnings of the binary about certificates.

use super::*;

/// The exit code, standard output and standard error of `verify-gateway` with `arguments`.
async fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let command =
        tokio::process::Command::new(env!("CARGO_BIN_EXE_verify-gateway")).args(arguments).current_dir(folder).output();
    let output = command.await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn every_error_about_certificates_is_listed_at_once() {
    let authority = Authority::new();
    let files = Files::new(&authority.server());
    let folder = files.0.path();
    fs::write(folder.join("other.key"), authority.server().key).unwrap();
    fs::write(folder.join("garbage"), "garbage").unwrap();
    let tenants = tenants_file("a", TOKEN, "{ inline: KEY }");
    fs::write(folder.join("tenants.yaml"), tenants).unwrap();
    let errors = async |tls: &str| {
        fs::write(folder.join("gateway.yaml"), format!("grpc: {{ {tls} }}\n")).unwrap();
        // `serve` reports the same errors at its start.
        let (code, _, err) = run(folder, &["serve"]).await;
        assert_eq!((code, &err), (Some(64), &run(folder, &["check"]).await.2));
        err
    };
    let pair = "certificate_file: tls.crt, key_file: tls.key";
    for (tls, expected) in [
        (
            String::new(),
            "gateway.yaml: grpc: needs tls.certificate_file and tls.key_file, or plaintext: true\n",
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
             gateway.yaml:1:56: grpc.tls.min_version: must be one of 1.2, 1.3\n",
        ),
    ] {
        let reported = errors(&tls).await;
        assert!(reported.starts_with(expected), "{tls}:\n{reported}");
    }
}

#[tokio::test]
async fn an_expired_certificate_logs_a_warning() {
    let files = Files::new(&Authority::new().expired());
    let folder = files.0.path();
    let tenants = tenants_file("a", TOKEN, "{ inline: KEY }");
    fs::write(folder.join("tenants.yaml"), tenants).unwrap();
    let config = "grpc: { listen: '127.0.0.1:0', tls: { certificate_file: tls.crt, key_file: tls.key } }\n";
    fs::write(folder.join("gateway.yaml"), config).unwrap();
    let (code, out, _) = run(folder, &["check"]).await;
    let expected = "TLS for gateway.test localhost until 2020-01-02T00:00:00Z; clients need no certificate\n\
        warning: the certificate has expired: no client will accept it\n";
    assert!(code == Some(0) && out.contains(expected), "{out}");
}

#[tokio::test]
async fn a_certificate_near_its_end_is_a_warning() {
    let said = async |days: u64| {
        let files = Files::new(&Authority::new().expires_in(Duration::from_hours(24 * days)));
        let folder = files.0.path();
        fs::write(folder.join("tenants.yaml"), tenants_file("a", TOKEN, "{ inline: KEY }")).unwrap();
        let config = "grpc: { tls: { certificate_file: tls.crt, key_file: tls.key } }\n";
        fs::write(folder.join("gateway.yaml"), config).unwrap();
        run(folder, &["check"]).await.1
    };
    assert!(said(13).await.contains("\nwarning: the certificate expires within 14 days: renew it\n"));
    assert!(!said(16).await.contains("expires"));
}

#[tokio::test]
async fn certificate_changes_are_audited() {
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
async fn the_health_command_uses_tls() {
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
        // The certificate does not have this address.
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
