//! What the log shows of refused calls: who they came from, in few lines.

use std::fs;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tonic::{Request, transport::Endpoint};
use verify_gateway::pb::{
    Channel, CreateVerificationRequest, ListTemplatesRequest, template_service_client::TemplateServiceClient,
};

use crate::support::{
    Clients, PHONE, Process, Served, TestGateway,
    issuer::{AUDIENCE, ISSUER, SigningKey, jwks},
    tenants_file,
};

/// The lines of a log that `are` so.
fn lines(log: &str, are: impl Fn(&Value) -> bool) -> Vec<Value> {
    log.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(are).collect()
}

#[tokio::test]
async fn strangers_fill_no_log_and_are_named_by_share() {
    const CALLS: usize = 2000;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("tenants.yaml"), tenants_file("a", "a token that is long enough", "{ inline: KEY1 }")).unwrap();
    let settings = "grpc: { listen: '127.0.0.1:0', plaintext: true, trusted_proxies: 1 }\nadmin: { listen: '' }\n";
    fs::write(at("gateway.yaml"), format!("{settings}telemetry: {{ log: {{ format: json }} }}\n")).unwrap();
    let mut serve = Process::start(&["serve", "--config", at("gateway.yaml").to_str().unwrap()]);
    let addr = serve.logged_addr().await;
    let channel = Endpoint::new(format!("http://{addr}")).unwrap().connect().await.unwrap();
    let call = async |number: usize| {
        let mut request = Request::new(ListTemplatesRequest::default());
        let peer = if number.is_multiple_of(4) { "6.6.6.6, 198.51.100.4" } else { "6.6.6.6, 203.0.113.9" };
        request.metadata_mut().insert("x-forwarded-for", peer.parse().unwrap());
        TemplateServiceClient::new(channel.clone()).list_templates(request).await.err().unwrap()
    };
    join_all((0..CALLS).map(call)).await;

    let ended = serve.end("TERM").await;
    assert_eq!(lines(&ended.err, |line| line["message"] == "refused").len(), 0);
    let denials = lines(&ended.err, |line| line["event"] == "denial");
    let count = |line: &Value| usize::try_from(line["count"].as_u64().unwrap()).unwrap();
    assert_eq!(denials.iter().map(count).sum::<usize>(), CALLS);
    // One for each second, and the calls take no minutes.
    assert!(denials.len() < CALLS / 20, "{}", denials.len());
    assert!(denials.iter().all(|line| line["cause"] == "missing" && line["code"] == "UNAUTHENTICATED"));
    assert!(!ended.err.contains("6.6.6.6"));
    let largest = denials.iter().max_by_key(|line| count(line)).unwrap();
    let peers = largest["peers"].as_str().unwrap();
    assert!(peers.starts_with("203.0.113.9: 7") && peers.contains("198.51.100.4: 2"), "{peers}");
}

#[tokio::test]
async fn each_audit_event_says_who_called_and_a_refusal_is_one_line() {
    let (simulator, key) = (TestGateway::start().await, SigningKey::ed25519("k1"));
    let tenants = format!(
        "jwt_issuers:
  - {{ name: one, issuer: {ISSUER}, audiences: [{AUDIENCE}], algorithms: [EdDSA], jwks: {{ file: jwks }} }}
tenants:
  - id: login
    telnyx_api_key: {{ inline: KEYlogin }}
    identities:
      - {{ name: pods, jwt: {{ issuer: one, subject: pods }}, roles: [sender], channels: [sms], countries: [US+], profiles: any }}
"
    );
    let files = [("tenants.yaml", tenants.as_str()), ("jwks", &jwks(&[&key]))];
    let served = Served::start(simulator.simulator, "telemetry: { log: { format: json } }\n", &files).await;
    let claims = json!({"iss": ISSUER, "sub": "pods", "aud": AUDIENCE, "exp": 4_102_444_800_u64});
    let unknown = key.with_header(&json!({"alg": "EdDSA", "kid": "k9\u{1b}[31m"}), &claims);
    let mut clients = Clients::of(served.addr, Some(&key.token(&claims))).await;
    let send = |channel: Channel| CreateVerificationRequest {
        phone_number: PHONE.into(),
        channel: channel.into(),
        profile_id: "4900017a-1bc7-4f6b-a0b3-b2d0fca54e5a".into(),
        request_id: "f81d4fae-7dec-41d0-a765-00a0c91e6bf6".into(),
        ..CreateVerificationRequest::default()
    };
    clients.verifications.create_verification(send(Channel::Call)).await.err().unwrap();
    clients.verifications.create_verification(send(Channel::Sms)).await.err().unwrap();
    let mut stranger = Clients::of(served.addr, Some(&unknown)).await;
    stranger.templates.list_templates(ListTemplatesRequest::default()).await.err().unwrap();

    let ended = served.end().await;
    let found = lines(&ended.err, |line| !line["code"].is_null());
    let [denied, failed, unknown] = &found[..] else { panic!("{found:#?}") };
    for line in [denied, failed, unknown] {
        assert_eq!((&line["issuer"], &line["peer"]), (&json!(ISSUER), &json!("127.0.0.1")), "{line}");
        assert!(line["call_id"].is_string(), "{line}");
    }
    for line in [denied, failed] {
        assert_eq!((&line["key_id"], &line["identity"]), (&json!("k1"), &json!("pods")), "{line}");
        assert_eq!(line["request_id"], "f81d4fae-7dec-41d0-a765-00a0c91e6bf6", "{line}");
        assert!(line["duration_ms"].is_number(), "{line}");
    }
    assert_eq!((&denied["event"], &denied["rule"]), (&json!("denial"), &json!("channels")));
    assert_eq!((&failed["event"], &failed["reason"]), (&json!("send"), &json!("PROFILE_NOT_FOUND")));
    assert_eq!((&unknown["cause"], &unknown["key_id"]), (&json!("unknown_key"), &json!("k9?[31m")));
    simulator.stop().await;
}
