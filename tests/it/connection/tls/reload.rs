//! Certificates that change while calls run.

use super::*;

/// The certificate that new clients get.
async fn shown(addr: SocketAddr, authority: &Authority) -> CertificateDer<'static> {
    let stream = shake_hands(addr, authority.trusted_by(None, BOTH)).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// Waits until new clients get `pair`.
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
        // One connection for all calls, which was opened with the first certificate.
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
async fn a_kubernetes_style_symlink_swap_is_noticed() {
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
    let gateway = TestGateway::builder().config(change).start().await;
    until_shown(gateway.addr, &authority, &first).await;
    symlink("..2", path.join("..data_tmp")).unwrap();
    fs::rename(path.join("..data_tmp"), path.join("..data")).unwrap();
    until_shown(gateway.addr, &authority, &second).await;
    gateway.stop().await;
}

#[tokio::test]
async fn an_invalid_certificate_change_is_ignored_and_reported() {
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

    // The certificate does not match the key. The authorities are valid, but nothing is applied.
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
async fn the_expiry_of_the_certificate_is_reported() {
    let authority = Authority::new();
    let (gateway, files) = gateway(&authority, |config, _| config.grpc.tls.reload_interval = SOON).await;
    let left = async || {
        let (_, metrics) = gateway.admin("/metrics").await;
        let line = metrics
            .lines()
            .find(|line| line.starts_with("verify_gateway_tls_certificate_left_seconds{port=\"grpc\"} "))
            .unwrap();
        line.split(' ').nth(1).unwrap().parse::<f64>().unwrap()
    };
    // Until the year 2100.
    assert!((1e9..4e9).contains(&left().await));
    files.write(&authority.expired());
    until("the end of the certificate", async || left().await < 0.0).await;
    gateway.stop().await;
}
