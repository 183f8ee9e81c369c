//! The `authorization` header: a bearer token or a JWT. Nobody gets in whom the tenants file does not name.

#![no_main]

use std::{fs, sync::OnceLock};

use http::HeaderValue;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use verify_gateway::{
    authn::{Authenticator, Authorization, Credentials},
    clock::Clock,
    config::Environment,
    telemetry::Metrics,
    tenant::Directory,
};

const TENANTS: &str = "
jwt_issuers:
  - { name: one, issuer: 'https://i', audiences: [a], algorithms: [RS256, ES256, EdDSA], jwks: { file: jwks } }
tenants:
  - id: login
    telnyx_api_key: { inline: KEY1 }
    identities:
      - { name: service, roles: [reader], jwt: { issuer: one, subject: s, claims: { /a/b: c } } }
";
const JWKS: &str = r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "alg": "EdDSA", "use": "sig",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

fn authenticator() -> &'static (Runtime, Authenticator) {
    static IT: OnceLock<(Runtime, Authenticator)> = OnceLock::new();
    IT.get_or_init(|| {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("tenants.yaml");
        fs::write(&path, TENANTS).expect("there is room");
        fs::write(folder.path().join("jwks"), JWKS).expect("there is room");
        let (directory, _) = Directory::watch(&path, &Environment::default()).expect("they are valid");
        let runtime = Builder::new_current_thread().enable_all().build().expect("it is possible");
        (runtime, Authenticator::new(directory, Clock::default(), Metrics::default()))
    })
}

fuzz_target!(|lines: &[u8]| {
    let values: Vec<HeaderValue> = lines.split(|byte| *byte == b'\n').filter_map(|line| line.try_into().ok()).collect();
    let credentials = Credentials { authorization: Authorization::read(&values), certificate: None };
    let (runtime, authenticator) = authenticator();
    assert!(runtime.block_on(authenticator.authenticate(credentials)).is_err());
});
