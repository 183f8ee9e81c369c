//! JSON Web Key Sets: fetch, refresh and failures.

use std::{fs, time::Duration};

use serde_json::json;
use verify_gateway::{
    authn::{Authenticator, DenialCause},
    telemetry::Metrics,
};

use super::authenticator::{NOW, by_token, claims, clock, load, service, with_url};
use crate::support::{
    authority::Authority,
    issuer::{JwksServer, SigningKey, jwks},
};

/// Advances the clock.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// Waits until `count` fetches have ended, successful or not.
async fn fetched(metrics: &Metrics, times: usize) {
    let count = |line: &str| line.rsplit_once(' ').unwrap().1.parse::<usize>().unwrap();
    loop {
        let text = String::from_utf8(metrics.text().unwrap()).unwrap();
        let lines = text.lines().filter(|line| line.starts_with("verify_gateway_reloads_total{"));
        if lines.map(count).sum::<usize>() >= times {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn concurrent_calls_with_an_unknown_key_fetch_the_key_set_once() {
    let (old, new) = (SigningKey::ed25519("old"), SigningKey::ed25519("new"));
    let server = JwksServer::start(jwks(&[&old]), 1).await;
    let (known, _folder) = with_url(&server, &Metrics::default());
    let [by_old, by_new] = [&old, &new].map(|key| key.token(&claims(&json!({}))));
    assert_eq!(by_token(&known, &by_old).await, service());
    assert_eq!(server.requests(), ["Bearer of-the-gateway"]);

    // A caller can invent key IDs. An unknown key ID does not cause a fetch each time.
    server.show(jwks(&[&old, &new]));
    assert_eq!(by_token(&known, &by_new).await, Err(DenialCause::UnknownKey));
    assert_eq!(server.requests().len(), 1);

    pass(Duration::from_secs(11)).await;
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let (known, token) = (known.clone(), by_new.clone());
            tokio::spawn(async move { by_token(&known, &token).await })
        })
        .collect();
    server.until(2).await;
    // A call with a known key does not wait.
    assert_eq!(by_token(&known, &by_old).await, service());
    server.answer(1);
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap(), service());
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn key_sets_are_refreshed_in_time_and_kept_while_their_url_fails() {
    let (old, new) = (SigningKey::ed25519("old"), SigningKey::ed25519("new"));
    let server = JwksServer::start(jwks(&[&old]), 1000).await;
    let metrics = Metrics::default();
    let (known, folder) = with_url(&server, &metrics);
    let [by_old, by_new] = [&old, &new].map(|key| key.token(&claims(&json!({"exp": NOW + 10_000}))));
    assert_eq!(by_token(&known, &by_old).await, service());

    fetched(&metrics, 1).await;
    for (number, failure) in [(503, None), (200, Some("<html>")), (200, Some("{\"keys\": []}"))].into_iter().enumerate()
    {
        let (status, body) = failure;
        server.fail(status);
        server.show(body.map_or_else(|| jwks(&[&new]), str::to_owned));
        pass(Duration::from_secs(601)).await;
        fetched(&metrics, 2 + number).await;
        assert_eq!(by_token(&known, &by_old).await, service(), "{failure:?}");
    }
    server.fail(200);
    server.show(jwks(&[&new]));
    fs::write(folder.path().join("token"), "renewed").unwrap();
    pass(Duration::from_secs(601)).await;
    fetched(&metrics, 5).await;
    assert_eq!(by_token(&known, &by_new).await, service());
    assert_eq!(by_token(&known, &by_old).await, Err(DenialCause::UnknownKey));
    assert_eq!(server.requests().last().unwrap(), "Bearer renewed");
}

#[tokio::test]
async fn strict_and_lenient_servers_of_key_sets_are_read() {
    let key = SigningKey::ed25519("a");
    let servers = [
        JwksServer::start(jwks(&[&key]), 1).await,
        JwksServer::strict(jwks(&[&key]), "application/jwk-set+json").await,
        JwksServer::strict(jwks(&[&key]), "application/json").await,
    ];
    for server in servers {
        let (known, _folder) = with_url(&server, &Metrics::default());
        assert_eq!(by_token(&known, &key.token(&claims(&json!({})))).await, service(), "{}", server.url);
    }
}

#[tokio::test]
async fn key_sets_are_fetched_over_tls_with_the_configured_ca() {
    let (key, authority) = (SigningKey::ed25519("a"), Authority::new());
    let server = JwksServer::on(authority.listen().await, "https", jwks(&[&key]), 1);
    let token = key.token(&claims(&json!({})));
    for (ca, known) in [(authority.pem(), service()), (Authority::new().pem(), Err(DenialCause::UnknownKey))] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), ca).unwrap();
        let directory = load(folder.path(), &format!("{{ url: '{}', ca_file: ca.pem }}", server.url));
        let authenticator = Authenticator::new(directory, clock(), Metrics::default());
        assert_eq!(by_token(&authenticator, &token).await, known);
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn fetched_key_sets_survive_a_reload_of_the_tenants() {
    let key = SigningKey::ed25519("a");
    let server = JwksServer::start(jwks(&[&key]), 1).await;
    let (known, folder) = with_url(&server, &Metrics::default());
    let token = key.token(&claims(&json!({})));
    assert_eq!(by_token(&known, &token).await, service());
    let same = format!("{{ url: '{}', token_file: token }}", server.url);
    known.replace(load(folder.path(), &same));
    assert_eq!(by_token(&known, &token).await, service());
    assert_eq!(server.requests().len(), 1);
    // The new URL does not answer. The keys from the old URL remain valid.
    known.replace(load(folder.path(), &format!("{{ url: '{}?new' }}", server.url)));
    assert_eq!(by_token(&known, &token).await, service());
}
