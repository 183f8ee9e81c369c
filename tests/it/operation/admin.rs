//! The admin port.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use verify_gateway::pb::{CheckOutcome, ListTemplatesRequest};

use crate::support::{KEY, OTHER_TOKEN, Origin, PHONE, TOKEN, TestGateway};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

#[tokio::test]
async fn a_serving_gateway_is_alive_and_ready() {
    let gateway = TestGateway::start().await;
    assert_eq!(gateway.admin("/livez").await, (200, "ok\n".into()));
    // The gRPC answer proves that the gateway is serving.
    gateway.clients().await.sms_profile().await;
    let (status, ready) = gateway.admin("/readyz").await;
    let expected = json!({"ready": true, "reasons": [], "degraded": [], "stale": []});
    assert_eq!((status, json(&ready)), (200, expected));
    let (_, build) = gateway.admin("/buildinfo").await;
    assert_eq!(json(&build)["version"], env!("CARGO_PKG_VERSION"));
    let (_, index) = gateway.admin("/").await;
    for path in ["/livez", "/readyz", "/metrics", "/config", "/loglevel", "/buildinfo"] {
        assert!(index.contains(path), "{index}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_draining_gateway_is_not_ready_until_its_last_call_ends() {
    let origin = Origin::silent().await;
    let gateway = TestGateway::builder().upstream(origin.addr).start().await;
    let mut clients = gateway.clients().await;
    let call = tokio::spawn(async move { clients.templates.list_templates(ListTemplatesRequest::default()).await });
    origin.until(|seen| seen.requests == 1).await;
    gateway.begin_to_stop();
    let draining = loop {
        let (status, ready) = gateway.admin("/readyz").await;
        if status != 200 {
            break json(&ready);
        }
    };
    assert_eq!(draining, json!({"ready": false, "reasons": ["draining"], "degraded": [], "stale": []}));
    assert_eq!(gateway.admin("/livez").await.0, 200);
    // The call ends with its caller, and the gateway with its last call.
    call.abort();
    gateway.stop().await;
}

#[tokio::test]
async fn the_settings_are_shown_without_secrets() {
    let gateway = TestGateway::start().await;
    let (status, settings) = gateway.admin("/config").await;
    assert_eq!(status, 200);
    assert!(settings.contains("max_concurrent_calls: 1024"), "{settings}");
    for secret in [TOKEN, OTHER_TOKEN, KEY] {
        assert!(!settings.contains(secret));
    }
    gateway.stop().await;
}

#[tokio::test]
async fn the_log_level_can_be_changed_and_invalid_levels_are_refused() {
    let gateway = TestGateway::start().await;
    assert_eq!(json(&gateway.admin("/loglevel").await.1)["level"], "info");
    let put = async |body: &str| {
        let request = reqwest::Client::new().put(format!("{}/loglevel", gateway.admin)).body(body.to_owned());
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, now) = put(r#"{"level": "warn,verify_gateway=debug", "format": "human"}"#).await;
    assert_eq!((status, json(&now)), (200, json!({"level": "warn,verify_gateway=debug", "format": "human"})));
    assert_eq!(gateway.admin("/loglevel").await.1, now);

    let long = format!(r#"{{"level": "{}"}}"#, "x".repeat(2000));
    for (body, expected) in [
        ("", 400),
        ("debug", 400),
        (r#"{"level": "=loud="}"#, 400),
        (r#"{"level": " "}"#, 400),
        (r#"{"level": "infoo"}"#, 400),
        (r#"{"level": "info,"}"#, 400),
        (r#"{"level": "3"}"#, 400),
        (r#"{"level": "warn,verify_gatway=debug"}"#, 400),
        (r#"{"level": "warn,verify_gateway=debgu"}"#, 400),
        (r#"{"level": "verify_gateway[call]=debug"}"#, 400),
        (r#"{"format": "xml"}"#, 400),
        (r#"{"levle": "debug"}"#, 400),
        (long.as_str(), 413),
    ] {
        assert_eq!(put(body).await.0, expected, "{body}");
    }
    assert_eq!(gateway.admin("/loglevel").await.1, now);
    let hits = r#"verify_gateway_limit_hits_total{limit="admin.request",mode="enforced"} 1"#;
    assert!(gateway.admin("/metrics").await.1.lines().any(|line| line == hits));
    assert_eq!(gateway.admin("/nothing").await.0, 404);
    let post = reqwest::Client::new().post(format!("{}/livez", gateway.admin)).send().await.unwrap();
    assert_eq!(post.status(), 405);
    gateway.stop().await;
}

#[tokio::test]
async fn pages_of_other_sites_have_no_access_by_their_own_name() {
    let gateway =
        TestGateway::builder().config(|config| config.admin.allowed_hosts = vec!["gateway-admin".into()]).start().await;
    let get = async |host: &str| {
        let request = reqwest::Client::new().get(format!("{}/config", gateway.admin)).header("host", host);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!((get("localhost:9090").await, get("gateway-admin").await, get("evil.example").await), (200, 200, 421));
    gateway.stop().await;
}

#[tokio::test]
async fn silent_connections_do_not_keep_probes_out() {
    let gateway = TestGateway::start().await;
    let addr = gateway.admin.trim_start_matches("http://");
    let mut silent = Vec::new();
    for _ in 0..200 {
        let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n").await.unwrap();
        silent.push(stream);
    }
    assert_eq!(gateway.admin("/livez").await.0, 200);
    // The oldest ones gave way.
    assert_eq!(silent[0].read(&mut [0; 64]).await.unwrap_or_default(), 0);
    let (_, metrics) = gateway.admin("/metrics").await;
    assert!(metrics.contains(r#"verify_gateway_limit_hits_total{limit="admin.connections",mode="enforced"}"#));
    gateway.stop().await;
}

/// The series of a scrape by name, with their declared types.
fn families(scrape: &str) -> BTreeSet<(String, String)> {
    let types = scrape.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.filter_map(|line| line.split_once(' ')).map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
}

/// The names in Prometheus and the kinds of all metrics. A unit test compares the page with the declarations.
fn metrics() -> Vec<(String, String)> {
    let page = include_str!("../../../docs/METRICS.md");
    let sections = page.split("\n### `").skip(1);
    let metric = |section: &str| {
        let (name, rest) = section.split_once('`')?;
        let (_, rest) = rest.split_once("OpenTelemetry: `")?.1.split_once("`, ")?;
        Some((name.to_owned(), rest.split(' ').next()?.to_owned()))
    };
    sections.map(|section| metric(section).unwrap()).collect()
}

#[tokio::test]
async fn a_scrape_has_the_names_kinds_and_labels_of_the_inventory() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile = clients.sms_profile().await;
    gateway.fault(json!({"status": 429, "code": "10011", "headers": {"retry-after-ms": "1"}})).await;
    let sent = clients.send(PHONE, &profile).await;
    assert_eq!(clients.check(&sent.id, "000000").await, CheckOutcome::Rejected);
    assert_eq!(clients.check(&sent.id, &gateway.code(PHONE).await).await, CheckOutcome::Accepted);

    let (_, scrape) = gateway.admin("/metrics").await;
    let known: BTreeSet<_> = metrics().into_iter().chain([("target_info".into(), "gauge".into())]).collect();
    let scraped = families(&scrape);
    assert!(scraped.is_subset(&known), "{:?}", scraped.difference(&known));
    for line in [
        r#"verify_gateway_sends_total{channel="sms",country="US",outcome="sent"} 1"#,
        r#"verify_gateway_checks_total{outcome="rejected"} 1"#,
        r#"verify_gateway_checks_total{outcome="accepted"} 1"#,
        r#"verify_gateway_conversions_total{channel="sms",country="US"} 1"#,
        r#"verify_gateway_conversion_duration_seconds_count{channel="sms",country="US"} 1"#,
        r#"verify_gateway_upstream_retries_total{cause="throttled",effect="send"} 1"#,
        r#"http_client_request_duration_seconds_count{error_type="429",http_request_method="POST",http_response_status_code="429",url_template="/verifications/sms"} 1"#,
        r#"rpc_server_call_duration_seconds_count{rpc_method="verify.v1.VerificationService/CreateVerification",rpc_response_status_code="OK",rpc_system_name="grpc"} 1"#,
        r#"verify_gateway_calls_total{rpc_method="verify.v1.VerificationService/CheckVerification",rpc_response_status_code="OK",tenant="login"} 2"#,
        "verify_gateway_simulator_in_use 1",
        "verify_gateway_calls_active 0",
    ] {
        assert!(scrape.lines().any(|metric| metric == line), "{line} is missing in:\n{scrape}");
    }
    for secret in [PHONE, &PHONE[1..], KEY, TOKEN, sent.id.as_str(), profile.as_str()] {
        assert!(!scrape.contains(secret), "{secret}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn tenants_over_the_bound_share_a_label() {
    let gateway = TestGateway::builder().config(|config| config.telemetry.tenant_labels = 1).start().await;
    gateway.clients().await.sms_profile().await;
    gateway.clients_with(Some(OTHER_TOKEN)).await.sms_profile().await;
    assert!(gateway.clients_with(None).await.try_send(PHONE, "p-1").await.is_err());
    let (_, scrape) = gateway.admin("/metrics").await;
    let tenants: Vec<&str> = scrape
        .lines()
        .filter(|line| line.starts_with("verify_gateway_calls_total"))
        .map(|line| line.split("tenant=\"").nth(1).unwrap().split('"').next().unwrap())
        .collect();
    assert_eq!(BTreeSet::from_iter(tenants), BTreeSet::from(["login", "none", "other"]));
    gateway.stop().await;
}
