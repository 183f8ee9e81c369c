//! `check`: what it finds wrong in files, and how it explains them.

use std::fs;

use super::{HASH, folder, run};
use crate::support::tenants_file;

const IN_WORDS: &str = "\
gRPC on [::1]:0, reflection on
warning: this is plaintext: tokens and codes travel in the clear
gRPC-Web for pages of https://a.example
calls http://localhost:4010/v2, up to 3 attempts of 10s each
warning: this is not https: API keys and codes travel in the clear
records in memory, up to 256MiB
traces 0.01 of calls to http://localhost:4317
3 tenants:
  login: key from file key, default profile p1
    login-service, known by 2 tokens
      may call CheckVerification CreateVerification GetVerification ReportVerification (as sender)
      on sms, to US AS GU MP PR VI, with p1
    is limited to
      3 sends in 10m and 5 sends in 1h to a phone number
      5 checks of a verification
      20 wrong codes for a phone number in 24h, for all its verifications together
  other: key from inline, default profile none
    ops, known by a certificate for spiffe://acme/ops
      may call every rpc (as admin)
      on no channel, to no country, with every profile
    desk, known by a JWT of cluster with the subject desk and team = support
      may call GetVerification
      on no channel, to every country, with every profile
    is limited to
      50 calls a second, in bursts of up to 100, in each gateway process
      20 calls at the same time, in each gateway process (observed only: more is counted, not refused)
      1 send in 10m to a phone number
      one send to a phone number every 30s
      50 sends in 1h to CA, 5000 sends in 24h to US, 100 sends in 24h to each other country
      10000 sends in 24h to all numbers together
      20 wrong codes for a phone number in 24h, for all its verifications together (observed only: more is \
counted, not refused)
    sends nothing to the test number +1…99, until 9000-01-31
    sends nothing to the test number +44…23, until 9000-01-31
    warning: no assigned range holds +44…23, so its country is assumed: GB
    note: has the same Telnyx key as login, so each sees the data of the other
  third: key from inline, default profile none
    reader, known by a token
      may call GetProfile GetVerification ListProfiles ListTemplates ListVerifications (as reader)
      on no channel, to every country, with every profile
    has no limits
";

#[test]
fn check_lists_every_error_of_both_files_and_exits_64() {
    let config = "grpc:\n  listen: here\n  colour: red\nupstream:\n  attempt_timeout: sesame\n";
    let tenants = format!(
        "tenants:\n  - id: A\n    identities: [{{ name: a, tokens: [{HASH}], roles: [reader] }}]\n    telnyx_api_key: {{ env: SESAME }}\n"
    );
    let folder = folder(&[("gateway.yaml", config), ("tenants.yaml", &tenants)]);
    let env = [("VERIFY_GATEWAY_GRPC__REFLECTION", "sesame"), ("VERIFY_GATEWAY_GRPC_LISTEN", "sesame")];
    let end = run(folder.path(), &["check"], &env, "");
    let expected = "\
gateway.yaml: grpc: needs tls.certificate_file and tls.key_file, or plaintext: true
gateway.yaml:2:11: grpc.listen: must be an IP address with a port
gateway.yaml:3:3: grpc.colour: unknown key; known here: listen, max_message_size, reflection, default_deadline, \
max_deadline, max_concurrent_calls, tenant_share, message_timeout, max_unauthenticated_calls, max_unauthenticated_streams, \
max_unauthenticated_stream_age, max_connections, max_connections_per_peer, trusted_proxies, handshake_timeout, \
keepalive_interval, keepalive_timeout, max_connection_idle, max_unauthenticated_idle, max_control_frames, max_connection_age, max_connection_age_grace, plaintext, tls, web
gateway.yaml:5:20: upstream.attempt_timeout: must be a duration from 1ms to 1h
tenants.yaml:2:9: tenants[0].id: must be 1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end
tenants.yaml:4:28: tenants[0].telnyx_api_key.env: the environment variable is not set
environment VERIFY_GATEWAY_GRPC_LISTEN: sets no setting; VERIFY_GATEWAY_GRPC__LISTEN does
environment VERIFY_GATEWAY_GRPC__REFLECTION: grpc.reflection: must be true or false
8 errors
";
    assert_eq!(end.err, expected);
    assert_eq!((end.code, end.out.as_str()), (64, ""));
}

#[test]
fn check_explains_correct_files_and_shows_no_secret() {
    let tenants = format!(
        "jwt_issuers:
  - {{ name: cluster, issuer: https://cluster, audiences: [verify-gateway], jwks: {{ url: 'https://cluster/jwks' }} }}
tenants:
  - id: login
    telnyx_api_key: {{ file: key }}
    default_profile: p1
    identities:
      - name: login-service
        tokens: [{HASH}, sha256:{zeros}]
        roles: [sender]
        rpcs: [ReportVerification]
        channels: [sms]
        countries: [US+]
        profiles: [p1]
  - id: other
    telnyx_api_key: {{ inline: KEY0123 }}
    limits:
      requests_per_second: {{ max: 50, burst: 100 }}
      concurrent_calls: {{ max: 20, mode: observe }}
      sends_per_phone_number: {{ max: [1 in 10m] }}
      sends_per_country: {{ default: 100 in 24h, countries: {{ US: 5000 in 24h, CA: 50 in 1h }} }}
      sends_per_day: {{ max: 10000 }}
      send_cool_down: {{ wait: 30s }}
      guesses_per_phone_number: {{ mode: observe }}
      checks_per_verification: {{ mode: off }}
    test_numbers: [{{ phone_number: +13035550199, code: \"012345\", expires: 9000-01-31 }},
      {{ phone_number: +447700900123, code: \"012345\", expires: 9000-01-31 }}]
    identities:
      - {{ name: ops, certificate: {{ uri: spiffe://acme/ops }}, roles: [admin], profiles: any }}
      - name: desk
        jwt: {{ issuer: cluster, subject: desk, claims: {{ team: support }} }}
        rpcs: [GetVerification]
        countries: any
        profiles: any
  - id: third
    telnyx_api_key: {{ inline: KEY4567 }}
    identities: [{{ name: reader, tokens: [sha256:{ones}], roles: [reader], countries: any, profiles: any }}]
    limits:
      sends_per_phone_number: {{ mode: off }}
      guesses_per_phone_number: {{ mode: off }}
      checks_per_verification: {{ mode: off }}
",
        ones = "1".repeat(64),
        zeros = "0".repeat(64)
    );
    let folder = folder(&[
        (
            "my.yaml",
            "grpc: { listen: '[::1]:0', plaintext: true, web: { enabled: true, allowed_origins: https://a.example } }\n",
        ),
        ("tenants.yaml", &tenants),
        ("key", "KEY0123\n"),
    ]);
    let env = [
        ("VERIFY_GATEWAY_UPSTREAM__BASE_URL", "http://localhost:4010/v2/"),
        ("VERIFY_GATEWAY_TELEMETRY__OTLP__ENDPOINT", "http://localhost:4317"),
    ];
    let end = run(folder.path(), &["check", "--config", "my.yaml"], &env, "");
    assert_eq!((end.code, end.out.as_str(), end.err.as_str()), (0, IN_WORDS, ""));
}

#[test]
fn check_names_the_store_and_warns_of_replicas_with_memory_stores() {
    let tenants = tenants_file("login", "token", "{ inline: KEY0123 }");
    let said = |store: &str| {
        let key = "a secret key of more than thirty-two bytes";
        let store = format!("grpc: {{ plaintext: true }}\nstore: {store}\n");
        let folder = folder(&[("gateway.yaml", &store), ("tenants.yaml", &tenants), ("key", key), ("empty", "\n")]);
        let end = run(folder.path(), &["check"], &[], "");
        (end.code, if end.code == 0 { end.out } else { end.err })
    };
    let (code, out) = said("{ replicas: 3 }");
    let warning = "warning: 3 replicas with a memory each: a call that is repeated at another replica sends \
                   another message; set store.backend to redis\n";
    assert!(code == 0 && out.contains(warning), "{out}");
    let redis =
        |more: &str| said(&format!("{{ backend: redis, replicas: 3, redis: {{ hash_key_file: key, {more} }} }}"));
    let (code, out) = redis("url: 'rediss://redis:6379'");
    assert!(code == 0 && out.contains("\nrecords on a server, rediss://redis:6379\n"), "{out}");
    assert!(!out.contains("replicas") && !out.contains("rediss:6379\nwarning"), "{out}");
    let (_, out) = redis("mode: sentinel, sentinel_master: m, urls: 'redis://a, redis://b:26380'");
    assert!(out.contains("records on servers with sentinels, redis://a, redis://b:26380\nwarning: "), "{out}");

    let wrong = [
        ("{ backend: redis }", "store.backend: redis needs store.redis.url and store.redis.hash_key_file"),
        ("{ backend: redis, redis: { url: 'redis://a' } }", "store.backend: redis needs store.redis.hash_key_file"),
        ("{ backend: redis, redis: { mode: cluster } }", "store.backend: redis needs store.redis.urls"),
        ("{ redis: { url: 'redis://:pw@redis' } }", "store.redis.url: must be"),
        ("{ redis: { urls: 'redis://a,rediss://b' } }", "store.redis.urls: must be"),
        ("{ redis: { mode: cluster, url: 'redis://a' } }", "store.redis.url: is for standalone"),
        ("{ redis: { urls: 'redis://a' } }", "store.redis.urls: is for cluster and sentinel"),
        (
            "{ redis: { mode: sentinel } }",
            "store.redis.mode: sentinel_master is needed if, and only if, mode is sentinel",
        ),
        ("{ redis: { username: me } }", "store.redis.username: needs password_file"),
        ("{ redis: { ca_file: ca.pem } }", "store.redis.ca_file: needs a rediss URL"),
        ("{ redis: { key_prefix: 'a b' } }", "store.redis.key_prefix: must be"),
    ];
    for (store, expected) in wrong {
        let (code, err) = said(store);
        assert!(code == 64 && err.contains(expected) && !err.contains("pw"), "{store}: {err}");
    }
    let files = [
        ("hash_key_file: nowhere", "nowhere: store.redis.hash_key_file: there is no such file"),
        ("hash_key_file: empty", "empty: store.redis.hash_key_file: must hold at least 32 bytes"),
        ("hash_key_file: key, password_file: empty", "empty: store.redis.password_file: must hold a password"),
        ("hash_key_file: key, ca_file: key", "key: store.redis.ca_file: must hold certificates in PEM"),
    ];
    for (files, expected) in files {
        let (code, err) = said(&format!("{{ backend: redis, redis: {{ url: 'rediss://redis', {files} }} }}"));
        assert!(code == 64 && err.contains(expected), "{files}: {err}");
    }
}

#[test]
fn check_of_a_wrong_tenants_path_reads_no_tenants() {
    let folder = folder(&[
        ("gateway.yaml", "grpc: { plaintext: true }\ntenants:\n  file: []\n"),
        ("tenants.yaml", "tenants: []\n"),
    ]);
    let end = run(folder.path(), &["check"], &[], "");
    let expected = "gateway.yaml:3:9: tenants.file: must be a single value\n1 error\n";
    assert_eq!((end.code, end.err.as_str()), (64, expected));
}

#[test]
fn check_of_a_missing_file_exits_64() {
    let end = run(folder(&[]).path(), &["check"], &[], "");
    assert_eq!((end.code, end.err.as_str()), (64, "gateway.yaml: there is no such file\n1 error\n"));
}

#[test]
fn check_without_files_wants_the_configuration_itself_alone() {
    let config = "grpc: { tls: { certificate_file: gone.crt, key_file: gone.key } }
store: { backend: redis, redis: { url: 'rediss://redis', hash_key_file: gone } }
";
    let tenants = format!(
        "jwt_issuers: [{{ name: c, issuer: i, audiences: [a], jwks: {{ url: 'https://c/k', ca_file: gone, token_file: gone }} }}]
tenants:
  - id: file
    telnyx_api_key: {{ file: gone }}
    identities: [{{ name: a, tokens: [{HASH}], roles: [reader] }}]
  - id: env
    telnyx_api_key: {{ env: GONE }}
    identities: [{{ name: b, jwt: {{ issuer: c, subject: s }}, roles: [reader] }}]
"
    );
    let files = folder(&[("gateway.yaml", config), ("tenants.yaml", &tenants)]);
    assert_eq!(run(files.path(), &["check"], &[], "").code, 64);
    let end = run(files.path(), &["check", "--no-files"], &[], "");
    let expected = "the configuration is valid; these are not here and were not checked:
  gone: store.redis.hash_key_file
  gone.crt: grpc.tls.certificate_file
  gone.key: grpc.tls.key_file
  tenants.yaml:1:90: jwt_issuers[0].jwks.ca_file
  tenants.yaml:1:108: jwt_issuers[0].jwks.token_file
  tenants.yaml:4:29: tenants[0].telnyx_api_key.file
  tenants.yaml:7:28: tenants[1].telnyx_api_key.env
";
    assert_eq!((end.code, end.out.as_str(), end.err.as_str()), (0, expected, ""));
    // What is wrong is wrong.
    fs::write(files.path().join("tenants.yaml"), tenants.replace("reader", "riter")).unwrap();
    let end = run(files.path(), &["check", "--no-files"], &[], "");
    assert!(end.code == 64 && end.out.is_empty() && end.err.ends_with("2 errors\n"), "{}", end.err);
    fs::remove_file(files.path().join("tenants.yaml")).unwrap();
    let end = run(files.path(), &["check", "--no-files"], &[], "");
    assert_eq!((end.code, end.err.as_str()), (64, "tenants.yaml: there is no such file\n1 error\n"));
}
