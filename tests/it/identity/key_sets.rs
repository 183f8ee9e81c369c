//! JSON Web Key Sets: fetch, refresh and failures.

use std::{fs, time::Duration};

use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;
use tonic::{Code, Response, Status};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use verify_gateway::{
    authn::{Authenticator, DenialCause},
    config::{Config, Environment},
    pb::{ListTemplatesRequest, ListTemplatesResponse},
    telemetry::Metrics,
    tenant::Directory,
};

use super::authenticator::{NOW, by_token, claims, clock, load, service, with_url};
use crate::support::{
    Refused, TestGateway,
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
    let waiting: Vec<_> = (0..16)
        .map(|_| {
            let (known, token) = (known.clone(), by_new.clone());
            tokio::spawn(async move { by_token(&known, &token).await })
        })
        .collect();
    server.until(2).await;
    // A call with a known key does not wait.
    assert_eq!(by_token(&known, &by_old).await, service());
    // As many wait as may. Some that go away do not make room for others.
    waiting[0].abort();
    for _ in 0..20 {
        assert_eq!(by_token(&known, &by_new).await, Err(DenialCause::KeysPending));
    }
    server.answer(1);
    for waiting in waiting.into_iter().skip(1) {
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

/// Long for what happens at once, and short for an hour.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_failed_fetch_is_repeated_soon_and_a_silent_one_ends() {
    let key = SigningKey::ed25519("a");
    let server = JwksServer::start(jwks(&[&key]), 1).await;
    server.fail(503);
    let metrics = Metrics::default();
    let (_known, _folder) = with_url(&server, &metrics);
    fetched(&metrics, 1).await;
    // The second fetch gets no answer.
    pass(Duration::from_secs(31)).await;
    timeout(SOON, server.until(2)).await.expect("a second fetch after half a minute");
    pass(Duration::from_secs(6)).await;
    timeout(SOON, fetched(&metrics, 2)).await.expect("an end of the second fetch after five seconds");
}

#[tokio::test]
async fn a_key_set_that_is_too_large_is_not_used() {
    let key = SigningKey::ed25519("a");
    let token = key.token(&claims(&json!({})));
    for (size, known) in [(255 << 10, service()), (256 << 10, Err(DenialCause::NoKeys))] {
        let server = JwksServer::start(jwks(&[&key]) + &" ".repeat(size), 1).await;
        let (authenticator, _folder) = with_url(&server, &Metrics::default());
        assert_eq!(by_token(&authenticator, &token).await, known, "{size}");
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_end_the_fetch_that_it_caused() {
    let (old, new) = (SigningKey::ed25519("old"), SigningKey::ed25519("new"));
    let server = JwksServer::start(jwks(&[&old]), 1).await;
    let (known, _folder) = with_url(&server, &Metrics::default());
    let [by_old, by_new] = [&old, &new].map(|key| key.token(&claims(&json!({}))));
    assert_eq!(by_token(&known, &by_old).await, service());
    server.show(jwks(&[&new]));
    pass(Duration::from_secs(11)).await;
    let gone = tokio::spawn({
        let (known, token) = (known.clone(), by_new.clone());
        async move { by_token(&known, &token).await }
    });
    server.until(2).await;
    gone.abort();
    gone.await.unwrap_err();
    server.answer(2);
    assert_eq!(by_token(&known, &by_new).await, service());
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn key_sets_are_fetched_over_tls_with_the_configured_ca() {
    let (key, authority) = (SigningKey::ed25519("a"), Authority::new());
    let server = JwksServer::on(authority.listen().await, "https", jwks(&[&key]), 1);
    let token = key.token(&claims(&json!({})));
    for (ca, known) in [(authority.pem(), service()), (Authority::new().pem(), Err(DenialCause::NoKeys))] {
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

/// A gateway whose tenants have an issuer with its keys at `server`.
async fn gateway(server: &JwksServer, max_concurrent_calls: usize) -> (TestGateway, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let tenants = load(folder.path(), &format!("{{ url: '{}' }}", server.url));
    let config = |config: &mut Config| config.grpc.max_concurrent_calls = max_concurrent_calls;
    (TestGateway::builder().clock(clock()).tenants(tenants).config(config).start().await, folder)
}

async fn list(gateway: &TestGateway, token: &str) -> Result<Response<ListTemplatesResponse>, Status> {
    gateway.clients_with(Some(token)).await.templates.list_templates(ListTemplatesRequest::default()).await
}

#[tokio::test]
async fn a_gateway_is_not_ready_before_it_has_the_keys_of_each_issuer() {
    let key = SigningKey::ed25519("a");
    let server = JwksServer::start(jwks(&[&key]), 1000).await;
    server.fail(503);
    let (gateway, _folder) = gateway(&server, 1000).await;
    let token = key.token(&claims(&json!({"exp": NOW + 10_000})));
    let mut health = HealthClient::new(gateway.channel().await);
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    // Valid or not: nobody knows yet.
    for token in [&token, &SigningKey::ed25519("a").token(&claims(&json!({})))] {
        let refused = Refused::by(list(&gateway, token).await).is(Code::Unavailable, "ISSUER_UNAVAILABLE");
        assert_eq!(refused.retry_after, Some(Duration::from_secs(5)));
    }
    let (status, why) = gateway.admin("/readyz").await;
    assert_eq!(
        (status, why.as_str()),
        (503, r#"{"degraded":[],"ready":false,"reasons":["issuers"],"stale":["jwks"]}"#)
    );

    server.fail(200);
    pass(Duration::from_secs(5)).await;
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    assert_eq!(gateway.admin("/readyz").await.0, 200);
    list(&gateway, &token).await.unwrap();

    // A gateway that has the keys stays ready when they can't be fetched any more.
    server.fail(503);
    pass(Duration::from_secs(601)).await;
    server.until(3).await;
    list(&gateway, &token).await.unwrap();
    assert_eq!(gateway.admin("/readyz").await.0, 200);
    drop((watch, health));
    gateway.stop().await;
}

#[tokio::test]
async fn a_gateway_that_is_not_ready_yet_follows_a_reload_of_its_issuers() {
    let key = SigningKey::ed25519("a");
    let [failing, working] = [1000, 1000].map(|answers| JwksServer::start(jwks(&[&key]), answers));
    let (failing, working) = (failing.await, working.await);
    failing.fail(503);
    let (known, folder) = with_url(&failing, &Metrics::default());
    let waiting = tokio::spawn({
        let known = known.clone();
        async move { known.keys_known().await }
    });
    failing.until(1).await;
    known.replace(load(folder.path(), &format!("{{ url: '{}' }}", working.url)));
    waiting.await.unwrap();
    assert_eq!(by_token(&known, &key.token(&claims(&json!({})))).await, service());
}

#[tokio::test]
async fn a_call_that_waits_for_keys_holds_no_permit() {
    let (old, new) = (SigningKey::ed25519("old"), SigningKey::ed25519("new"));
    let server = JwksServer::start(jwks(&[&old]), 1).await;
    let (gateway, _folder) = gateway(&server, 1).await;
    let [by_old, by_new] = [&old, &new].map(|key| key.token(&claims(&json!({"exp": NOW + 10_000}))));
    list(&gateway, &by_old).await.unwrap();
    server.show(jwks(&[&old, &new]));
    pass(Duration::from_secs(11)).await;
    let mut clients = gateway.clients_with(Some(&by_new)).await;
    let waiting = tokio::spawn(async move { clients.templates.list_templates(ListTemplatesRequest::default()).await });
    server.until(2).await;
    list(&gateway, &by_old).await.unwrap();
    server.answer(1);
    waiting.await.unwrap().unwrap();
    gateway.stop().await;
}

#[tokio::test]
async fn each_issuer_has_its_own_state_which_goes_with_it() {
    let key = SigningKey::ed25519("a");
    let [right, wrong] = [JwksServer::start(jwks(&[&key]), 9).await, JwksServer::start("{}".into(), 9).await];
    let (folder, metrics) = (tempfile::tempdir().unwrap(), Metrics::default());
    let path = folder.path().join("tenants.yaml");
    let directory = |issuers: &[(&str, &JwksServer)]| {
        let issuer = |(name, server): &(&str, &JwksServer)| {
            format!(
                "  - {{ name: {name}, issuer: 'https://{name}', audiences: [a], jwks: {{ url: '{}' }} }}\n",
                server.url
            )
        };
        let issuers: String = issuers.iter().map(issuer).collect();
        let tenants = crate::support::tenants_file("t", "a token that is long enough", "{ inline: KEY1 }");
        fs::write(&path, format!("jwt_issuers:\n{issuers}{tenants}")).unwrap();
        Directory::watch(&path, &Environment::default()).map(|(directory, _)| directory).unwrap()
    };
    let known = Authenticator::new(directory(&[("one", &right), ("two", &wrong)]), clock(), metrics.clone());
    fetched(&metrics, 2).await;
    let failed = || {
        let text = String::from_utf8(metrics.text().unwrap()).unwrap();
        let lines = text.lines().filter_map(|line| line.strip_prefix("verify_gateway_reload_failed{"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(failed(), [r#"source="one",what="jwks"} 0"#, r#"source="two",what="jwks"} 1"#]);
    assert_eq!(metrics.stale().into_iter().collect::<Vec<_>>(), ["jwks"]);

    known.replace(directory(&[("one", &right)]));
    // The task that fetched the other keys ends soon.
    while failed().len() > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(failed(), [r#"source="one",what="jwks"} 0"#]);
    assert!(metrics.stale().is_empty());
}
