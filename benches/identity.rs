//! The cost of authentication for each call, by kind of credentials: `cargo bench --bench identity`.

use std::{fmt::Write, fs, hint::black_box, sync::Arc};

use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use http::HeaderValue;
use jiff::Timestamp;
use serde_json::json;
use verify_gateway::{
    authn::{Authenticator, Authorization, Credentials},
    clock::Clock,
    config::Environment,
    domain::{PeerCertificate, TokenHash},
    telemetry::Metrics,
    tenant::Directory,
};

#[path = "../tests/it/support/issuer.rs"]
#[expect(dead_code, unreachable_pub, clippy::unwrap_used, reason = "it is a part of the tests")]
mod issuer;

use self::issuer::{AUDIENCE, ISSUER, SigningKey, jwks};

const TOKEN: &str = "vgw_9Yk0dJb1x2yR4mTq8sLwEe3uVf7hGzAa5cNnKoPiXtM";
const URI: &str = "spiffe://acme.example/ns/login/sa/service-7";
/// The number of identities. Each has a token, a JWT rule and a certificate, and the benchmark authenticates one of them.
const IDENTITIES: usize = 100;

fn tenants() -> String {
    let mut text = format!(
        "jwt_issuers: [{{ name: i, issuer: '{ISSUER}', audiences: [{AUDIENCE}], jwks: {{ file: jwks }}, algorithms: [RS256, ES256, EdDSA] }}]
tenants:
  - id: login
    telnyx_api_key: {{ inline: KEY }}
    identities:
"
    );
    for number in 0..IDENTITIES {
        let token = if number == 7 { TOKEN.to_owned() } else { format!("token {number}") };
        let hash = TokenHash::of(&token);
        let _ = writeln!(
            text,
            "      - {{ name: i{number}, roles: [reader], tokens: ['{hash}'], jwt: {{ issuer: i, subject: 's{number}' }}, certificate: {{ uri: 'spiffe://acme.example/ns/login/sa/service-{number}' }} }}"
        );
    }
    text
}

fn identity(criterion: &mut Criterion) {
    let keys = [SigningKey::rsa("rsa"), SigningKey::p256("ec"), SigningKey::ed25519("ed")];
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let path = folder.path().join("tenants.yaml");
    fs::write(folder.path().join("jwks"), jwks(&keys.each_ref())).expect("it can be written");
    fs::write(&path, tenants()).expect("it can be written");
    let directory =
        Directory::watch(&path, &Environment::default()).map(|(directory, _)| directory).expect("it is right");
    let known = Authenticator::new(directory, Clock::default(), Metrics::default());

    let mut measure = |what: &str, bearer: Option<&str>, certificate: Option<Arc<PeerCertificate>>| {
        let values: Vec<_> = bearer
            .map(|bearer| HeaderValue::from_str(&format!("Bearer {bearer}")).expect("it is a header"))
            .into_iter()
            .collect();
        criterion.bench_function(what, |bencher| {
            bencher.iter(|| {
                let authorization = Authorization::read(black_box(&values));
                let credentials = Credentials { authorization, certificate: certificate.as_deref() };
                let caller = known.authenticate(credentials);
                caller.now_or_never().expect("nothing to wait for").expect("it is known")
            });
        });
    };
    measure("a bearer token", Some(TOKEN), None);
    let claims = json!({
        "iss": ISSUER, "aud": [AUDIENCE], "sub": "s7", "exp": Timestamp::now().as_second() + 3600,
        "kubernetes.io": {"namespace": "login", "pod": {"name": "login-0"}, "serviceaccount": {"name": "login"}},
    });
    for key in &keys {
        measure(&format!("a JWT, {}", key.algorithm()), Some(&key.token(&claims)), None);
    }
    let certificate = Arc::new(PeerCertificate { dns_names: vec!["service.internal".into()], uris: vec![URI.into()] });
    measure("a certificate", None, Some(certificate.clone()));
    measure("a certificate and a bearer token", Some(TOKEN), Some(certificate));
}

criterion_group!(benches, identity);
criterion_main!(benches);
