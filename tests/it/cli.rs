//! The commands, run as a person would run them.

use std::{
    fs,
    io::Write,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Command, Stdio},
};

use tempfile::TempDir;
use verify_gateway::{config::Environment, tenant::Directory};

const HASH: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// What a command left behind.
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
    // A command that does not read may be gone before its input is written.
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
fn check_lists_every_mistake_of_both_files_and_exits_64() {
    let config = "grpc:\n  listen: here\n  colour: red\nupstream:\n  attempt_timeout: sesame\n";
    let tenants = format!("tenants:\n  - id: A\n    tokens: [{HASH}]\n    telnyx_api_key: {{ env: SESAME }}\n");
    let folder = folder(&[("gateway.yaml", config), ("tenants.yaml", &tenants)]);
    let env = [("VERIFY_GATEWAY_GRPC__REFLECTION", "sesame"), ("VERIFY_GATEWAY_GRPC_LISTEN", "sesame")];
    let end = run(folder.path(), &["check"], &env, "");
    let expected = "\
gateway.yaml:2:11: grpc.listen: must be an IP address with a port
gateway.yaml:3:3: grpc.colour: unknown key; known here: listen, max_message_size, reflection, default_deadline, \
max_deadline, max_concurrent_calls, max_connections, handshake_timeout, keepalive_interval, keepalive_timeout, \
max_connection_idle, max_connection_age, max_connection_age_grace
gateway.yaml:5:20: upstream.attempt_timeout: must be a duration from 1ms to 1h
tenants.yaml:2:9: tenants[0].id: must be 1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end
tenants.yaml:4:28: tenants[0].telnyx_api_key.env: the environment variable is not set
environment VERIFY_GATEWAY_GRPC_LISTEN: sets no knob; VERIFY_GATEWAY_GRPC__LISTEN does
environment VERIFY_GATEWAY_GRPC__REFLECTION: grpc.reflection: must be true or false
7 mistakes
";
    assert_eq!(end.err, expected);
    assert_eq!((end.code, end.out.as_str()), (64, ""));
}

#[test]
fn check_says_in_words_what_right_files_mean_and_shows_no_secret() {
    let tenants = format!(
        "tenants:
  - id: login
    tokens: [{HASH}]
    telnyx_api_key: {{ file: key }}
    default_profile: p1
    allow: {{ rpcs: [CheckVerification, GetVerification], channels: [sms], countries: [US], profiles: [p1] }}
  - id: other
    tokens: [sha256:{zeros}]
    telnyx_api_key: {{ inline: KEY0123 }}
",
        zeros = "0".repeat(64)
    );
    let folder =
        folder(&[("my.yaml", "grpc: { listen: '[::1]:0' }\n"), ("tenants.yaml", &tenants), ("key", "KEY0123\n")]);
    let env = [
        ("VERIFY_GATEWAY_UPSTREAM__BASE_URL", "http://localhost:4010/v2/"),
        ("VERIFY_GATEWAY_TELEMETRY__OTLP__ENDPOINT", "http://localhost:4317"),
    ];
    let end = run(folder.path(), &["check", "--config", "my.yaml"], &env, "");
    let expected = "\
gRPC on [::1]:0, reflection on
calls http://localhost:4010/v2, up to 3 attempts of 10s each
warning: this is not https: API keys and codes travel in the clear
records in memory, up to 500000
traces 0.01 of calls to http://localhost:4317
2 tenants:
  login: 1 token, key from file key, default profile p1
    may call CheckVerification GetVerification, on sms, to US, with p1
  other: 1 token, key from inline, default profile none
    may call every rpc, on every channel, to every country, with every profile
    note: has the same Telnyx key as login, so each sees the other's data
";
    assert_eq!((end.code, end.out.as_str(), end.err.as_str()), (0, expected, ""));
}

#[test]
fn check_says_where_the_records_are_and_warns_of_replicas_with_a_memory_each() {
    let zeros = "0".repeat(64);
    let tenants =
        format!("tenants:\n  - id: login\n    tokens: [sha256:{zeros}]\n    telnyx_api_key: {{ inline: KEY0123 }}\n");
    let said = |store: &str| {
        let key = "a secret key of more than thirty-two bytes";
        let store = format!("store: {store}\n");
        let folder = folder(&[("gateway.yaml", &store), ("tenants.yaml", &tenants), ("key", key), ("empty", "\n")]);
        let end = run(folder.path(), &["check"], &[], "");
        (end.code, if end.code == 0 { end.out } else { end.err })
    };
    let (code, out) = said("{ replicas: 3 }");
    let warning = "warning: 3 replicas with a memory each: a call that is repeated at another one is sent again; store.backend \
                   must be redis\n";
    assert!(code == 0 && out.contains(warning), "{out}");
    let redis =
        |more: &str| said(&format!("{{ backend: redis, replicas: 3, redis: {{ hash_key_file: key, {more} }} }}"));
    let (code, out) = redis("url: 'rediss://redis:6379'");
    assert!(code == 0 && out.contains("\nrecords at a server, rediss://redis:6379\n"), "{out}");
    assert!(!out.contains("warning"), "{out}");
    let (_, out) = redis("mode: sentinel, sentinel_master: m, urls: 'redis://a, redis://b:26380'");
    assert!(out.contains("records at servers with sentinels, redis://a, redis://b:26380\nwarning: "), "{out}");

    let wrong = [
        ("{ backend: redis }", "store.backend: redis needs store.redis.url and store.redis.hash_key_file"),
        ("{ backend: redis, redis: { url: 'redis://a' } }", "store.backend: redis needs store.redis.hash_key_file"),
        ("{ backend: redis, redis: { mode: cluster } }", "store.backend: redis needs store.redis.urls"),
        ("{ redis: { url: 'redis://:pw@redis' } }", "store.redis.url: must be"),
        ("{ redis: { urls: 'redis://a,rediss://b' } }", "store.redis.urls: must be"),
        ("{ redis: { mode: cluster, url: 'redis://a' } }", "store.redis.url: is for standalone"),
        ("{ redis: { urls: 'redis://a' } }", "store.redis.urls: is for cluster and sentinel"),
        ("{ redis: { mode: sentinel } }", "store.redis.mode: sentinel needs sentinel_master"),
        ("{ redis: { username: me } }", "store.redis.username: needs password_file"),
        ("{ redis: { ca_file: ca.pem } }", "store.redis.ca_file: is of no use"),
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
fn check_reads_no_tenants_where_their_path_is_wrong() {
    let folder = folder(&[("gateway.yaml", "tenants:\n  file: []\n"), ("tenants.yaml", "tenants: []\n")]);
    let end = run(folder.path(), &["check"], &[], "");
    let expected = "gateway.yaml:2:9: tenants.file: must be a single value\n1 mistake\n";
    assert_eq!((end.code, end.err.as_str()), (64, expected));
}

#[test]
fn check_of_no_file_exits_64() {
    let end = run(folder(&[]).path(), &["check"], &[], "");
    assert_eq!((end.code, end.err.as_str()), (64, "gateway.yaml: there is no such file\n1 mistake\n"));
}

#[test]
fn a_hashed_token_goes_into_the_tenants_file_as_it_is_printed() {
    let made = run(folder(&[]).path(), &["hash-token"], &[], "");
    assert_eq!(made.code, 0, "{}", made.err);
    let lines: Vec<&str> = made.out.lines().map(str::trim).collect();
    let [_, token, _, line] = lines[..] else { panic!("four lines: {lines:?}") };
    assert!(token.starts_with("vgw_") && token.len() == 47, "{token}");

    let again = run(folder(&[]).path(), &["hash-token", "--stdin"], &[], &format!("{token}\n"));
    assert_eq!((again.code, again.out.trim()), (0, line));

    let tenants = format!("tenants:\n  - id: a\n    telnyx_api_key: {{ inline: KEY }}\n    tokens:\n      {line}\n");
    let folder = folder(&[("tenants.yaml", &tenants)]);
    let path = folder.path().join("tenants.yaml");
    let directory = Directory::load(&path, &Environment::default()).unwrap();
    assert!(directory.authenticate(token).is_some_and(|tenant| tenant.id.as_str() == "a"));
    assert!(directory.authenticate(line).is_none());
}

#[test]
fn tokens_that_could_be_guessed_are_not_hashed() {
    for (input, what) in [("", "the token is empty\n"), ("\n", "the token is empty\n"), ("hunter2", "too short")] {
        let end = run(folder(&[]).path(), &["hash-token", "--stdin"], &[], input);
        assert_eq!((end.code, end.out.as_str()), (64, ""), "{input:?}");
        assert!(end.err.contains(what) && !end.err.contains("hunter2"), "{}", end.err);
    }
}

#[test]
fn health_of_nothing_exits_1_and_says_why() {
    // A socket that is bound but does not listen keeps its port, and refuses connections.
    let deaf = tokio::net::TcpSocket::new_v4().unwrap();
    deaf.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let addr = deaf.local_addr().unwrap().to_string();
    let end = run(folder(&[]).path(), &["health", "--addr", &addr], &[], "");
    assert_eq!((end.code, end.out.as_str()), (1, ""));
    let said = format!("{addr}: can't connect: Connection refused (os error 111)\n");
    assert_eq!(end.err, said);
}

#[test]
fn health_of_what_never_answers_ends_by_its_timeout() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = silent.local_addr().unwrap().to_string();
    let end = run(folder(&[]).path(), &["health", "--addr", &addr, "--timeout", "50ms"], &[], "");
    assert_eq!((end.code, end.err.as_str()), (1, format!("{addr}: no answer within 50ms\n").as_str()));
}

#[tokio::test]
async fn health_exits_0_only_for_what_is_serving() {
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
