//! The commands that end by themselves.

use std::{
    fs,
    io::Write,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Command, Stdio},
};

use serde_json::json;
use tempfile::TempDir;
use verify_gateway::{config::Environment, pb::ListProfilesRequest, tenant::Directory};

use crate::support::{TOKEN, TestGateway, tenants_file};

const HASH: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// The result of a command.
struct End {
    code: i32,
    out: String,
    err: String,
}

/// Runs the program in `folder` with no environment but `env`.
fn run(folder: &Path, arguments: &[&str], env: &[(&str, &str)], input: &str) -> End {
    let mut child = Command::new(env!("CARGO_BIN_EXE_verify-gateway"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(env.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input may exit before the input is written.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    End { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

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

#[test]
fn protos_are_those_of_the_repository() {
    let folder = folder(&[]);
    let end = run(folder.path(), &["protos", "a/b"], &[], "");
    let (repository, mut names) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("proto"), Vec::new());
    for of in ["google/api", "verify/v1"] {
        let files =
            fs::read_dir(repository.join(of)).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        names.extend(files.map(|name| format!("{of}/{name}")));
    }
    names.sort();
    assert_eq!((end.code, end.out), (0, names.iter().map(|name| format!("a/b/{name}\n")).collect()), "{}", end.err);
    for name in names {
        let written = fs::read(folder.path().join("a/b").join(&name)).unwrap();
        assert!(written == fs::read(repository.join(&name)).unwrap(), "{name}");
    }
}

#[test]
fn a_printed_token_hash_is_valid_in_the_tenants_file() {
    let made = run(folder(&[]).path(), &["hash-token"], &[], "");
    assert_eq!(made.code, 0, "{}", made.err);
    let lines: Vec<&str> = made.out.lines().map(str::trim).collect();
    let [_, token, _, line] = lines[..] else { panic!("four lines: {lines:?}") };
    assert!(token.starts_with("vgw_") && token.len() == 47, "{token}");

    let again = run(folder(&[]).path(), &["hash-token", "--stdin"], &[], &format!("{token}\n"));
    assert_eq!((again.code, again.out.trim()), (0, line));

    let tenants = format!(
        "tenants:\n  - id: a\n    telnyx_api_key: {{ inline: KEY }}\n    identities:\n    - name: b\n      roles: [reader]\n      tokens:\n        {line}\n"
    );
    let folder = folder(&[("tenants.yaml", &tenants)]);
    let path = folder.path().join("tenants.yaml");
    let directory = Directory::watch(&path, &Environment::default()).map(|(directory, _)| directory).unwrap();
    assert!(directory.by_token(token).is_some_and(|caller| caller.tenant.id.as_str() == "a"));
    assert!(directory.by_token(line).is_none());
}

#[test]
fn weak_tokens_are_not_hashed() {
    for (input, what) in
        [("", "the token is empty\n"), ("\n", "the token is empty\n"), ("hunter2", "at least 16 characters")]
    {
        let end = run(folder(&[]).path(), &["hash-token", "--stdin"], &[], input);
        assert_eq!((end.code, end.out.as_str()), (64, ""), "{input:?}");
        assert!(end.err.contains(what) && !end.err.contains("hunter2"), "{}", end.err);
    }
}

#[test]
fn health_of_a_closed_port_exits_1_with_the_cause() {
    // A bound socket that does not listen reserves the port and refuses connections.
    let deaf = tokio::net::TcpSocket::new_v4().unwrap();
    deaf.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let addr = deaf.local_addr().unwrap().to_string();
    let end = run(folder(&[]).path(), &["health", "--addr", &addr], &[], "");
    assert_eq!((end.code, end.out.as_str()), (1, ""));
    let said = format!("{addr}: can't connect: Connection refused (os error 111)\n");
    assert_eq!(end.err, said);
}

#[test]
fn health_of_a_silent_server_ends_at_its_timeout() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = silent.local_addr().unwrap().to_string();
    let end = run(folder(&[]).path(), &["health", "--addr", &addr, "--timeout", "50ms"], &[], "");
    assert_eq!((end.code, end.err.as_str()), (1, format!("{addr}: no answer within 50ms\n").as_str()));
}

#[tokio::test]
async fn health_exits_0_only_for_a_serving_gateway() {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let (reporter, service) = tonic_health::server::health_reporter();
    let status = [("up", tonic_health::ServingStatus::Serving), ("down", tonic_health::ServingStatus::NotServing)];
    for (service, status) in status {
        reporter.set_service_status(service, status).await;
    }
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let server = tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));

    let ask = |service: &'static str| {
        let addr = addr.clone();
        async move {
            let arguments = ["health", "--addr", &addr, "--service", service, "--timeout", "30s"].map(str::to_owned);
            let run = move || run(Path::new("."), &arguments.each_ref().map(String::as_str), &[], "");
            tokio::task::spawn_blocking(run).await.unwrap()
        }
    };
    let up = ask("up").await;
    assert_eq!((up.code, up.out.as_str(), up.err.as_str()), (0, "SERVING\n", ""));
    let down = ask("down").await;
    assert_eq!((down.code, down.out.as_str()), (1, "NOT_SERVING\n"));
    let other = ask("other").await;
    assert_eq!((other.code, other.err.as_str()), (1, format!("{addr}: the gateway has no such service\n").as_str()));
    server.abort();
}

#[test]
fn wrong_arguments_exit_64_and_help_exits_0() {
    let code = |arguments: &[&str]| run(folder(&[]).path(), arguments, &[], "").code;
    for wrong in
        [&[][..], &["fly"], &["check", "--colour"], &["health", "--timeout", "5"], &["health", "--addr", "a b"]]
    {
        assert_eq!(code(wrong), 64, "{wrong:?}");
    }
    for right in ["--help", "--version", "help"] {
        assert_eq!(code(&[right]), 0, "{right}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn smoke_sends_and_checks_one_verification_and_leaves_no_profile() {
    let gateway = TestGateway::start().await;
    let end = smoke(&gateway, TOKEN).await;
    let steps = "profile created\ncode sent\nwrong code rejected\nright code accepted\nprofile deleted\n";
    assert_eq!((end.code, end.out.as_str(), end.err.as_str()), (0, steps, ""));
    assert_eq!(gateway.all_messages().await.len(), 1);
    let mut clients = gateway.clients().await;
    let left = clients.profiles.list_profiles(ListProfilesRequest::default()).await.unwrap().into_inner();
    assert_eq!(left.profiles.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn smoke_exits_1_if_a_step_fails_and_leaves_no_profile() {
    let gateway = TestGateway::start().await;
    let end = smoke(&gateway, "vgw_nobody-nobody-nobody").await;
    assert_eq!((end.code, end.out.as_str()), (1, ""));
    assert!(end.err.contains("CreateProfile: Unauthenticated: "), "{}", end.err);

    gateway.fault(json!({"method": "POST", "path": "/verifications", "status": 402, "code": "20100"})).await;
    let end = smoke(&gateway, TOKEN).await;
    assert_eq!((end.code, end.out.as_str()), (1, "profile created\n"));
    assert!(end.err.contains("CreateVerification: FailedPrecondition: "), "{}", end.err);
    let mut clients = gateway.clients().await;
    let left = clients.profiles.list_profiles(ListProfilesRequest::default()).await.unwrap().into_inner();
    assert_eq!(left.profiles.len(), 0);
}

/// Runs `smoke` against `gateway`.
async fn smoke(gateway: &TestGateway, token: &'static str) -> End {
    let addr = gateway.addr.to_string();
    let run = move || run(folder(&[]).path(), &["smoke", "--addr", &addr, "--timeout", "30s"], &[("TOKEN", token)], "");
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn check_online_reads_once_with_each_key_and_says_what_is_wrong() {
    let gateway = TestGateway::start().await;
    let check = async |path: &str| {
        let tenants = ["a", "b", "c"].map(|id| {
            let key = if id == "c" { "KEY2" } else { "KEY1" };
            let identity = format!(
                "{{ name: {id}, certificate: {{ dns: {id} }}, roles: [reader], countries: any, profiles: any }}"
            );
            format!("  - {{ id: {id}, telnyx_api_key: {{ inline: {key} }}, identities: [{identity}] }}\n")
        });
        let config = "grpc: { plaintext: true }\n";
        let folder = folder(&[("gateway.yaml", config), ("tenants.yaml", &format!("tenants:\n{}", tenants.concat()))]);
        let base_url = format!("http://{}{path}", gateway.simulator);
        let command = move || {
            let env = [
                ("VERIFY_GATEWAY_UPSTREAM__BASE_URL", &*base_url),
                ("VERIFY_GATEWAY_UPSTREAM__RETRY__MAX_ATTEMPTS", "1"),
            ];
            run(folder.path(), &["check", "--online"], &env, "")
        };
        let end = tokio::task::spawn_blocking(command).await.unwrap();
        let lines: Vec<String> =
            end.out.lines().filter_map(|line| line.strip_prefix("online: ").map(str::to_owned)).collect();
        (end.code, lines, end.err)
    };
    let (code, lines, err) = check("/v2").await;
    assert_eq!(
        (code, lines.as_slice(), &*err),
        (0, &["a b: Telnyx accepts the key".into(), "c: Telnyx accepts the key".into()][..], "")
    );

    for (fault, expected) in [
        (json!({"status": 401, "code": "10009"}), "Telnyx refuses the key"),
        (json!({"status": 403, "code": "20012"}), "the account: "),
        (json!({"status": 402, "code": "20100"}), "the account: "),
        (json!({"status": 404, "code": "10005"}), "no Verify API at upstream.base_url"),
        (json!({"status": 301}), "no Verify API at upstream.base_url"),
        (json!({"status": 500}), "upstream.base_url can't be reached, or fails"),
    ] {
        let mut fault = fault;
        fault["key"] = "KEY2".into();
        gateway.fault(fault).await;
        let (code, lines, err) = check("/v2").await;
        assert_eq!((code, &*lines[0]), (1, "a b: Telnyx accepts the key"));
        assert!(lines[1].starts_with(&format!("c: {expected}")), "{}", lines[1]);
        assert_eq!(err, "1 of 2 keys can't be used\n");
    }

    let (code, lines, err) = check("").await;
    assert!(lines.iter().all(|line| line.contains("must be like https://api.telnyx.com/v2, and is ")), "{lines:?}");
    assert_eq!((code, &*err), (1, "2 of 2 keys can't be used\n"));
    gateway.stop().await;
}
