//! The simulator as a process: its arguments, its variables, and TLS.

use std::{collections::BTreeMap, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

const BINARY: &str = env!("CARGO_BIN_EXE_verify-gateway");

struct Running {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// `http://127.0.0.1:PORT`
    url: String,
}

fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(BINARY);
    command.arg("simulator").args(arguments).envs(variables.iter().copied()).kill_on_drop(true);
    command
}

async fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Running {
    let mut process = command(arguments, variables).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let url = line.split_whitespace().find_map(|word| word.strip_suffix("/v2")).unwrap().to_owned();
    Running { process, lines, url }
}

/// The exit code, and what is printed to the standard error.
async fn end(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = command(arguments, variables).output().await.unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

async fn settings(running: &Running) -> BTreeMap<String, serde_json::Value> {
    let body = reqwest::get(format!("{}/_simulator/settings", running.url)).await.unwrap().bytes().await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn every_setting_has_a_variable_between_fixtures_and_arguments() {
    let variables = [
        ("SIMULATOR_LISTEN", "127.0.0.1:0"),
        ("SIMULATOR_FIXTURES", r#"{"settings": {"attempt_limit": 1, "max_page_size": 1, "keep": 1}}"#),
        ("SIMULATOR_ATTEMPT_LIMIT", "2"),
        ("SIMULATOR_MAX_PAGE_SIZE", "2"),
        ("SIMULATOR_FIXED_CODE", "12345"),
        ("SIMULATOR_LATENCY_MS", r#"{"min": 0, "max": 1}"#),
        // Kubernetes makes these for a service whose name is simulator.
        ("SIMULATOR_SERVICE_HOST", "10.0.0.1"),
        ("SIMULATOR_PORT", "tcp://10.0.0.1:4010"),
        ("SIMULATOR_PORT_4010_TCP", "tcp://10.0.0.1:4010"),
    ];
    let running = start(&["--set", "attempt_limit=3"], &variables).await;
    let settings = settings(&running).await;
    let shown = ["attempt_limit", "max_page_size", "keep", "fixed_code"].map(|name| settings[name].to_string());
    assert_eq!(shown, ["3", "2", "1", "\"12345\""]);
    assert_eq!(settings["latency_ms"], serde_json::json!({"min": 0, "max": 1}));
}

#[tokio::test]
async fn what_no_argument_or_setting_takes_ends_the_start_and_is_named() {
    for (arguments, variables, expected) in [
        (vec![], vec![("SIMULATOR_ATEMPT_LIMIT", "1")], "SIMULATOR_ATEMPT_LIMIT"),
        (vec![], vec![("SIMULATOR_ATTEMPT_LIMIT", "many")], "SIMULATOR_ATTEMPT_LIMIT"),
        (vec!["--listen", "localhost"], vec![], "HOST:PORT"),
        (vec!["--listen", "0.0.0.0:0"], vec![], "--allow-remote"),
        (vec!["--listen", "127.0.0.1:0", "--tls", "--tls-names", "ü"], vec![], "certificate"),
    ] {
        let (code, error) = end(&arguments, &variables).await;
        assert_eq!(code, Some(64), "{arguments:?} {variables:?} {error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_name_is_listened_on_with_all_its_loopback_addresses_and_one_port() {
    let running = start(&["--listen", "localhost:0"], &[]).await;
    let port = running.url.rsplit(':').next().unwrap().to_owned();
    for host in ["127.0.0.1", "localhost"] {
        let answer = reqwest::get(format!("http://{host}:{port}/_simulator/health")).await.unwrap();
        assert!(answer.status().is_success(), "{host}");
    }
    let addresses = tokio::net::lookup_host(format!("localhost:{port}")).await.unwrap();
    for address in addresses {
        tokio::net::TcpStream::connect(address).await.unwrap();
    }
}

#[tokio::test]
async fn a_probe_succeeds_only_while_the_simulator_runs() {
    for tls in [&[][..], &["--tls"]] {
        let running = start(&[&["--listen", "127.0.0.1:0"], tls].concat(), &[]).await;
        let addr = running.url.rsplit('/').next().unwrap().to_owned();
        let probe = [&["--listen", &addr, "--probe"], tls].concat();
        assert_eq!(end(&probe, &[]).await, (Some(0), String::new()));
        drop(running);
        let (code, error) = end(&probe, &[]).await;
        assert_eq!(code, Some(1));
        assert!(error.contains("no simulator answers"), "{error}");
    }
}

#[tokio::test]
async fn https_is_trusted_by_the_printed_authority_only() {
    let mut running = start(&["--listen", "127.0.0.1:0", "--tls", "--tls-names", "sim.test,10.0.0.7"], &[]).await;
    assert!(running.url.starts_with("https://"), "{}", running.url);
    let mut pem = String::new();
    while !pem.contains("-----END CERTIFICATE-----") {
        pem += &running.lines.next_line().await.unwrap().unwrap();
        pem.push('\n');
    }
    let authority = reqwest::Certificate::from_pem(pem.as_bytes()).unwrap();
    let client = |trusted: bool| {
        let builder = reqwest::Client::builder().no_proxy();
        let builder = if trusted { builder.tls_certs_only([authority.clone()]) } else { builder };
        // The certificate has this name, and the simulator this address.
        let addr = running.url.rsplit('/').next().unwrap().parse().unwrap();
        builder.resolve("sim.test", addr).build().unwrap()
    };
    let port = running.url.rsplit(':').next().unwrap();
    for host in ["127.0.0.1", "localhost", "sim.test"] {
        let url = format!("https://{host}:{port}/v2/verify_profiles");
        let answer = client(true).get(&url).bearer_auth("KEY1").send().await.unwrap();
        assert_eq!(answer.status(), 200, "{host}");
    }
    assert!(client(false).get(format!("{}/v2", running.url)).send().await.is_err(), "nobody else trusts it");
}

#[tokio::test]
async fn a_state_file_is_saved_at_the_end_and_loaded_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let path = file.to_str().unwrap();
    let client = reqwest::Client::new();
    let mut running = start(&["--listen", "127.0.0.1:0", "--state", path], &[]).await;
    let advance = format!("{}/_simulator/clock/advance?key=KEY1", running.url);
    let body = r#"{"seconds": 86400}"#;
    let answer = client.post(advance).header("content-type", "application/json").body(body).send().await.unwrap();
    assert!(answer.status().is_success());
    let pid = running.process.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
    assert!(running.process.wait().await.unwrap().success());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing but the file is left");

    let running = start(&["--listen", "127.0.0.1:0"], &[("SIMULATOR_STATE", path)]).await;
    let state = client.get(format!("{}/_simulator/state", running.url)).send().await.unwrap().text().await.unwrap();
    assert_eq!(state, std::fs::read_to_string(&file).unwrap());
    assert!(state.contains("PT24H"), "{state}");

    std::fs::write(&file, "{}").unwrap();
    let (code, error) = end(&["--listen", "127.0.0.1:0", "--state", path], &[]).await;
    assert_eq!(code, Some(64));
    assert!(error.contains("missing field `version`"), "{error}");
}

#[tokio::test]
async fn in_dev_the_gateway_takes_the_webhooks_of_the_simulator() {
    let listen = ["--listen", "--simulator-listen", "--admin-listen"].iter().flat_map(|flag| [*flag, "127.0.0.1:0"]);
    let mut dev = Command::new(BINARY);
    let mut process = dev.arg("dev").args(listen).kill_on_drop(true).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let url = loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if let Some(rest) = line.trim_start().strip_prefix("simulator") {
            break rest.split_whitespace().next().unwrap().to_owned();
        }
    };
    let client = reqwest::Client::new();
    let json = async |request: reqwest::RequestBuilder| -> serde_json::Value {
        let request = request.bearer_auth("KEYdemo").header("content-type", "application/json");
        serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap()
    };
    let profiles = json(client.get(format!("{url}/v2/verify_profiles"))).await;
    let profile = profiles["data"].as_array().unwrap().iter().find(|profile| profile["name"] == "demo").unwrap();
    let send = serde_json::json!({"phone_number": "+13035551234", "verify_profile_id": profile["id"]}).to_string();
    json(client.post(format!("{url}/v2/verifications/sms")).body(send)).await;
    json(client.post(format!("{url}/_simulator/clock/advance")).body(r#"{"seconds": 1}"#)).await;
    for event_type in ["verify.sent", "verify.delivered"] {
        let found = format!("{url}/_simulator/webhooks?wait=60s&status=delivered&event_type={event_type}");
        let found = json(client.get(found)).await;
        assert_eq!(found[0]["attempts"].as_array().unwrap().len(), 1, "{found}");
        assert_eq!(found[0]["attempts"][0]["http"]["response"]["status"], 200, "{found}");
    }
}
