//! The binary's commands that run until a signal.

use std::{fs, net::SocketAddr};

use tonic::transport::Endpoint;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use crate::support::{Process, addr, tenants_file};

async fn health(addr: SocketAddr) -> ServingStatus {
    let channel = Endpoint::new(format!("http://{addr}")).unwrap().connect().await.unwrap();
    let request = HealthCheckRequest { service: "verify.v1.VerificationService".into() };
    HealthClient::new(channel).check(request).await.unwrap().into_inner().status()
}

#[tokio::test]
async fn dev_needs_no_files_prints_commands_and_exits_0() {
    for signal in ["INT", "TERM"] {
        let mut dev = Process::start(&[
            "dev",
            "--listen",
            "127.0.0.1:0",
            "--simulator-listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
        ]);
        let mut printed = String::new();
        while !printed.contains("CheckVerification") {
            printed += &dev.line().await;
            printed.push('\n');
        }
        for part in ["ListTemplates", "CreateProfile", "CreateVerification", "/_simulator/messages"] {
            assert!(printed.contains(part), "{part} is missing in:\n{printed}");
        }
        let grpc = printed.lines().find(|line| line.contains("gRPC")).and_then(addr).unwrap();
        assert_eq!(health(grpc).await, ServingStatus::Serving);
        let ended = dev.end(signal).await;
        assert_eq!(ended.code, Some(0), "{}", ended.err);
    }
}

#[tokio::test]
async fn dev_runs_without_a_reader_of_its_guide() {
    const ANY: &str = "127.0.0.1:0";
    let mut dev = Process::without_out(&["dev", "--listen", ANY, "--simulator-listen", ANY, "--admin-listen", ANY]);
    let grpc = dev.logged(|line| line.contains("listening").then(|| addr(line)).flatten()).await;
    assert_eq!(health(grpc).await, ServingStatus::Serving);
    let ended = dev.end("TERM").await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

#[tokio::test]
async fn serve_starts_from_files_and_exits_0() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key"), "KEYfile\n").unwrap();
    let tenants = tenants_file("a", "a token that is long enough", "{ file: key }");
    fs::write(folder.path().join("tenants.yaml"), tenants).unwrap();
    let config = folder.path().join("gateway.yaml");
    fs::write(
        &config,
        "grpc: { listen: '127.0.0.1:0', plaintext: true }\nadmin: { listen: '127.0.0.1:0' }\ntelemetry: { log: { format: json } }\n",
    )
    .unwrap();
    let mut serve = Process::start(&["serve", "--config", config.to_str().unwrap()]);
    let grpc = serve.logged_addr().await;
    assert_eq!(health(grpc).await, ServingStatus::Serving);
    let ended = serve.end("TERM").await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(!ended.err.contains("KEYfile"));
}

#[tokio::test]
async fn serve_tells_systemd_when_it_serves_and_when_it_drains() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tenants.yaml"), tenants_file("a", "a token that is long enough", "{ inline: KEY }"))
        .unwrap();
    let config = folder.path().join("gateway.yaml");
    let text = "grpc: { listen: '127.0.0.1:0', plaintext: true }\nadmin: { listen: '' }\ntelemetry: { log: { format: json } }\n";
    fs::write(&config, text).unwrap();
    let socket = folder.path().join("notify");
    let systemd = tokio::net::UnixDatagram::bind(&socket).unwrap();
    let notified = async || {
        let mut state = [0; 64];
        let size = systemd.recv(&mut state).await.unwrap();
        String::from_utf8(state[..size].to_vec()).unwrap()
    };
    let arguments = ["serve", "--config", config.to_str().unwrap()];
    let mut serve = Process::with_variables(&arguments, &[("NOTIFY_SOCKET", socket.to_str().unwrap())]);
    let grpc = serve.logged_addr().await;
    assert_eq!(notified().await, "READY=1");
    assert_eq!(health(grpc).await, ServingStatus::Serving);
    let ended = serve.end("TERM").await;
    assert_eq!(notified().await, "STOPPING=1");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

#[tokio::test]
async fn serve_refuses_broken_files_before_it_binds_a_port() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("gateway.yaml");
    fs::write(&config, "grpc:\n  listen: nowhere\n  colour: red\nupstream:\n  attempt_timeout: 5 parsecs\n").unwrap();
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_verify-gateway"))
        .args(["serve", "--config", config.to_str().unwrap()])
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    let err = String::from_utf8(output.stderr).unwrap();
    for place in ["gateway.yaml:2:", "gateway.yaml:3:", "gateway.yaml:5:", "tenants.yaml"] {
        assert!(err.contains(place), "{place} is missing in:\n{err}");
    }
}

#[tokio::test]
async fn the_simulator_runs_alone_and_on_loopback_only() {
    let mut simulator = Process::start(&["simulator", "--listen", "127.0.0.1:0"]);
    let at = addr(&simulator.line().await).unwrap();
    let health = reqwest::get(format!("http://{at}/_simulator/health")).await.unwrap();
    assert_eq!(health.headers()["x-simulator"], "true");
    assert_eq!(simulator.end("INT").await.code, Some(0));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fixtures.json");
    let fixtures = r#"{"settings": {"attempt_limit": 2, "fixed_code": "1111"}}"#;
    fs::write(&file, fixtures).unwrap();
    for given in [file.to_str().unwrap(), fixtures] {
        let arguments = ["simulator", "--listen", "127.0.0.1:0", "--fixtures", given, "--set", "fixed_code=2222"];
        let mut simulator = Process::start(&arguments);
        let at = addr(&simulator.line().await).unwrap();
        let settings = reqwest::get(format!("http://{at}/_simulator/settings")).await.unwrap().text().await.unwrap();
        assert!(
            settings.contains(r#""attempt_limit": 2"#) && settings.contains(r#""fixed_code": "2222""#),
            "{settings}"
        );
        assert_eq!(simulator.end("INT").await.code, Some(0));
    }
    let wrong =
        Process::start(&["simulator", "--listen", "127.0.0.1:0", "--fixtures", r#"{"profile": []}"#]).wait().await;
    assert_eq!(wrong.code, Some(64), "{}", wrong.err);
    assert!(wrong.err.contains("profiles"), "an error names what is allowed: {}", wrong.err);

    let open = Process::start(&["simulator", "--listen", "0.0.0.0:0"]).wait().await;
    assert_eq!(open.code, Some(64), "{}", open.err);
    assert!(open.err.contains("--allow-remote"), "{}", open.err);
}
