//! Authentication by token, JWT and certificate.

use std::{fs, path::Path, time::Duration};

use aws_lc_rs::hmac;
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use verify_gateway::{
    authn::{Authenticator, Authorization, Credentials, DenialCause},
    clock::Clock,
    config::Environment,
    domain::{PeerCertificate, TokenHash},
    telemetry::Metrics,
    tenant::Directory,
};

use crate::support::{
    authority::Authority,
    issuer::{AUDIENCE, ISSUER, JwksServer, SigningKey, encode, jwks, message},
};

const TOKEN: &str = "vgw_a-token-of-the-service";
/// The time of the tests, in Unix seconds.
const NOW: i64 = 1_800_000_000;

/// Tenants with an identity for each kind of credentials.
fn tenants(jwks: &str) -> String {
    let hash = TokenHash::of(TOKEN);
    format!(
        "jwt_issuers:
  - name: one
    issuer: {ISSUER}
    audiences: [{AUDIENCE}]
    algorithms: [RS256, PS256, ES256, EdDSA]
    jwks: {jwks}
tenants:
  - id: login
    telnyx_api_key: {{ inline: KEY1 }}
    identities:
      - name: service
        roles: [reader]
        tokens: ['{hash}']
        jwt: {{ issuer: one, subject: service }}
        certificate: {{ dns: service.login.internal }}
      - name: pods
        roles: [reader]
        jwt: {{ issuer: one, claims: {{ /kubernetes.io/namespace: login, groups: senders, admin: 'true' }} }}
      - {{ name: web, roles: [reader], certificate: {{ uri: spiffe://acme/web }} }}
  - id: other
    telnyx_api_key: {{ inline: KEY2 }}
    identities:
      - {{ name: service, roles: [reader], certificate: {{ uri: spiffe://acme/other }} }}
"
    )
}

fn load(folder: &Path, jwks: &str) -> Directory {
    let path = folder.join("tenants.yaml");
    fs::write(&path, tenants(jwks)).unwrap();
    Directory::load(&path, &Environment::default()).unwrap()
}

fn clock() -> Clock {
    Clock::starting_at(Timestamp::from_second(NOW).unwrap())
}

/// An authenticator with these public keys in a file.
fn with_keys(keys: &[&SigningKey]) -> (Authenticator, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("jwks"), jwks(keys)).unwrap();
    let directory = load(folder.path(), "{ file: jwks }");
    (Authenticator::new(directory, clock(), Metrics::default()), folder)
}

/// An authenticator with the public keys at a URL.
fn with_url(server: &JwksServer, metrics: &Metrics) -> (Authenticator, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("token"), "of-the-gateway\n").unwrap();
    let directory = load(folder.path(), &format!("{{ url: '{}', token_file: token }}", server.url));
    (Authenticator::new(directory, clock(), metrics.clone()), folder)
}

/// The claims of a valid token with `changes`. A null removes a claim.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "service", "exp": NOW + 60, "nbf": NOW - 60});
    for (claim, value) in changes.as_object().unwrap() {
        claims[claim] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

/// The tenant and the identity of these credentials.
async fn who(
    known: &Authenticator,
    authorization: Authorization<'_>,
    certificate: Option<&PeerCertificate>,
) -> Result<String, DenialCause> {
    let caller = known.authenticate(Credentials { authorization, certificate }).await;
    caller.map(|caller| format!("{} {}", caller.tenant.id, caller.identity.name))
}

async fn by_token(known: &Authenticator, token: &str) -> Result<String, DenialCause> {
    who(known, Authorization::Bearer(token), None).await
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with what may fail")]
fn service() -> Result<String, DenialCause> {
    Ok("login service".into())
}

#[tokio::test]
async fn a_jwt_of_each_algorithm_is_accepted() {
    for key in [SigningKey::ed25519("a"), SigningKey::p256("a"), SigningKey::rsa("a")] {
        let (known, _folder) = with_keys(&[&key]);
        assert_eq!(by_token(&known, &key.token(&claims(&json!({})))).await, service(), "{}", key.algorithm());
        // A token without a key ID is verified with the only key.
        let unnamed = key.with_header(&json!({"alg": key.algorithm()}), &claims(&json!({})));
        assert_eq!(by_token(&known, &unnamed).await, service(), "{}", key.algorithm());
        if key.algorithm() == "RS256" {
            let pss = key.with_header(&json!({"alg": "PS256", "kid": "a"}), &claims(&json!({})));
            assert_eq!(by_token(&known, &pss).await, service());
        }
    }
}

#[tokio::test]
async fn each_defect_of_a_jwt_has_its_own_cause() {
    let (key, other) = (SigningKey::rsa("a"), SigningKey::rsa("a"));
    let (known, _folder) = with_keys(&[&key]);
    let with = |changes| key.token(&claims(&changes));
    let header = |header| key.with_header(&header, &claims(&json!({})));
    let right = with(json!({}));
    let none = format!("{}.", message(&json!({"alg": "none", "kid": "a"}), &claims(&json!({}))));
    let symmetric = {
        // The algorithm confusion attack: the public key is used as an HMAC secret.
        let message = message(&json!({"alg": "HS256", "kid": "a"}), &claims(&json!({})));
        let secret = hmac::Key::new(hmac::HMAC_SHA256, &key.public());
        format!("{message}.{}", encode(hmac::sign(&secret, message.as_bytes())))
    };
    let cut = &right[..right.len() - 4];
    let swapped = {
        // The claims of one token with the signature of another.
        let message = message(&json!({"alg": "RS256", "kid": "a", "typ": "JWT"}), &claims(&json!({"sub": "root"})));
        format!("{message}.{}", right.rsplit_once('.').unwrap().1)
    };
    let cases = [
        (none, DenialCause::Algorithm),
        (symmetric, DenialCause::Algorithm),
        (header(json!({"alg": "RS512", "kid": "a"})), DenialCause::Algorithm),
        // The key does not support this algorithm.
        (header(json!({"alg": "ES256", "kid": "a"})), DenialCause::Algorithm),
        (header(json!({"alg": "RS256", "kid": "b"})), DenialCause::UnknownKey),
        (header(json!({"alg": "RS256", "kid": 1})), DenialCause::Malformed),
        (header(json!({"alg": "RS256", "kid": "a", "crit": ["b64"], "b64": false})), DenialCause::Malformed),
        (header(json!({"kid": "a"})), DenialCause::Malformed),
        (other.token(&claims(&json!({}))), DenialCause::BadSignature),
        (cut.to_owned(), DenialCause::BadSignature),
        (swapped, DenialCause::BadSignature),
        (with(json!({"aud": "another-service"})), DenialCause::WrongAudience),
        (with(json!({"aud": ["a", "b"]})), DenialCause::WrongAudience),
        (with(json!({"aud": null})), DenialCause::WrongAudience),
        (with(json!({"iss": "https://other.example"})), DenialCause::UnknownIssuer),
        (with(json!({"iss": format!("{ISSUER}/")})), DenialCause::UnknownIssuer),
        (with(json!({"iss": [ISSUER]})), DenialCause::UnknownToken),
        (with(json!({"iss": null})), DenialCause::UnknownToken),
        // The leeway is 30 seconds.
        (with(json!({"exp": NOW - 30})), DenialCause::Expired),
        (with(json!({"exp": 0})), DenialCause::Expired),
        (with(json!({"exp": null})), DenialCause::Malformed),
        (with(json!({"exp": "never"})), DenialCause::Malformed),
        (with(json!({"nbf": NOW + 31})), DenialCause::NotYetValid),
        (with(json!({"nbf": "now"})), DenialCause::Malformed),
        (with(json!({"sub": "Service"})), DenialCause::UnknownSubject),
        (with(json!({"sub": null})), DenialCause::UnknownSubject),
    ];
    for (number, (token, cause)) in cases.into_iter().enumerate() {
        assert_eq!(by_token(&known, &token).await, Err(cause), "case {number}");
    }
    for fine in
        [json!({"exp": NOW - 29}), json!({"nbf": NOW + 30}), json!({"nbf": null}), json!({"aud": ["a", AUDIENCE]})]
    {
        assert_eq!(by_token(&known, &with(fine.clone())).await, service(), "{fine}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_expired_jwt_is_refused() {
    let key = SigningKey::ed25519("a");
    let (known, _folder) = with_keys(&[&key]);
    let token = key.token(&claims(&json!({"exp": NOW + 60})));
    tokio::time::advance(Duration::from_secs(89)).await;
    assert_eq!(by_token(&known, &token).await, service());
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(by_token(&known, &token).await, Err(DenialCause::Expired));
}

#[tokio::test]
async fn claims_select_the_identity_and_a_jwt_that_matches_two_is_refused() {
    let key = SigningKey::ed25519("a");
    let (known, _folder) = with_keys(&[&key]);
    let of = |changes| key.token(&claims(&changes));
    let pod = json!({"sub": "x", "kubernetes.io": {"namespace": "login"}, "groups": ["a", "senders"], "admin": true});
    assert_eq!(by_token(&known, &of(pod.clone())).await, Ok("login pods".into()));
    for (claim, value) in [
        ("kubernetes.io", json!({"namespace": "logins"})),
        ("kubernetes.io", json!("login")),
        ("groups", json!(["sender"])),
        ("groups", json!({"senders": true})),
        ("admin", json!(false)),
        ("admin", Value::Null),
    ] {
        let mut pod = pod.clone();
        pod[claim] = value.clone();
        assert_eq!(by_token(&known, &of(pod)).await, Err(DenialCause::UnknownSubject), "{claim}: {value}");
    }
    let mut both = pod;
    both["sub"] = "service".into();
    assert_eq!(by_token(&known, &of(both)).await, Err(DenialCause::ConflictingCredentials));
}

fn certificate(dns: &[&str], uris: &[&str]) -> PeerCertificate {
    let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    PeerCertificate { dns_names: owned(dns), uris: owned(uris) }
}

#[tokio::test]
async fn a_certificate_is_known_by_its_names_and_must_agree_with_the_token() {
    let (known, _folder) = with_keys(&[&SigningKey::ed25519("a")]);
    let of_service = certificate(&["x.internal", "Service.login.internal"], &[]);
    let (web, other) = (certificate(&[], &["spiffe://acme/web"]), certificate(&[], &["spiffe://acme/other"]));
    let nobody = certificate(&["login.internal"], &["spiffe://acme/web/"]);
    assert_eq!(who(&known, Authorization::Missing, Some(&of_service)).await, service());
    assert_eq!(who(&known, Authorization::Missing, Some(&web)).await, Ok("login web".into()));
    assert_eq!(who(&known, Authorization::Missing, Some(&nobody)).await, Err(DenialCause::UnknownCertificate));
    assert_eq!(who(&known, Authorization::Missing, None).await, Err(DenialCause::Missing));
    let two = certificate(&["service.login.internal"], &["spiffe://acme/web"]);
    assert_eq!(who(&known, Authorization::Missing, Some(&two)).await, Err(DenialCause::ConflictingCredentials));

    let token = Authorization::Bearer(TOKEN);
    assert_eq!(who(&known, token, None).await, service());
    assert_eq!(who(&known, token, Some(&of_service)).await, service());
    // The certificate secures the connection and selects no identity.
    assert_eq!(who(&known, token, Some(&nobody)).await, service());
    // The same name in another tenant is another identity.
    for other in [&web, &other, &two] {
        assert_eq!(who(&known, token, Some(other)).await, Err(DenialCause::ConflictingCredentials));
    }
    // A presented token must be valid, even if the certificate alone is enough.
    assert_eq!(who(&known, Authorization::Bearer("x"), Some(&of_service)).await, Err(DenialCause::UnknownToken));
    assert_eq!(who(&known, Authorization::Malformed, Some(&of_service)).await, Err(DenialCause::Malformed));
}

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
