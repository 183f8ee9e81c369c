//! The audit log.

use serde_json::{Value, json};
use tonic::Request;
use verify_gateway::{
    domain::TokenHash,
    pb::{
        Channel, CheckVerificationRequest, CreateVerificationRequest, DeleteProfileRequest, GetProfileRequest,
        ListTemplatesRequest, check_verification_request::Target,
    },
};

use crate::support::{Clients, KEY, Origin, PHONE, Served, TOKEN, TestGateway};

const OF_SENDER: &str = "vgw_the-token-of-the-sender";

/// Makes calls that are audited, and calls that are not. Returns the ID of the profile that they used.
async fn make_calls(served: &Served, set_up: &TestGateway) -> String {
    let mut ops = Clients::of(served.addr, Some(TOKEN)).await;
    let mut sender = Clients::of(served.addr, Some(OF_SENDER)).await;
    let mut stranger = Clients::of(served.addr, Some("nobody's")).await;
    let profile_id = ops.sms_profile().await;
    let send = |channel: Channel, phone: &str| CreateVerificationRequest {
        phone_number: phone.into(),
        channel: channel.into(),
        profile_id: profile_id.clone(),
        request_id: "f81d4fae-7dec-41d0-a765-00a0c91e6bf6".into(),
        ..CreateVerificationRequest::default()
    };
    let mut first = Request::new(send(Channel::Sms, PHONE));
    first.metadata_mut().insert("x-request-id", "call-1".parse().unwrap());
    first
        .metadata_mut()
        .insert("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse().unwrap());
    sender.verifications.create_verification(first).await.unwrap();
    sender.verifications.create_verification(send(Channel::Sms, PHONE)).await.unwrap();
    sender.verifications.create_verification(send(Channel::Call, PHONE)).await.err().unwrap();
    sender.verifications.create_verification(send(Channel::Sms, "+442071838750")).await.err().unwrap();
    let target = Some(Target::PhoneNumber(PHONE.into()));
    let check = CheckVerificationRequest {
        target,
        profile_id: profile_id.clone(),
        code: "0000000000".into(),
        request_id: String::new(),
    };
    sender.verifications.check_verification(check.clone()).await.unwrap();
    let code = set_up.code(PHONE).await;
    sender.verifications.check_verification(CheckVerificationRequest { code, ..check }).await.unwrap();
    sender.profiles.get_profile(GetProfileRequest { profile_id: profile_id.clone() }).await.err().unwrap();
    stranger.templates.list_templates(ListTemplatesRequest::default()).await.err().unwrap();
    // Successful reads are not audited.
    ops.templates.list_templates(ListTemplatesRequest::default()).await.unwrap();
    ops.profiles.delete_profile(DeleteProfileRequest { profile_id: profile_id.clone() }).await.unwrap();
    profile_id
}

/// The lines of the audit log after the log level has changed. There are no other lines.
fn audited(log: &str) -> Vec<Value> {
    let (_, after) = log.split_once("the log was changed").unwrap_or(("", log));
    let mut lines: Vec<Value> = after.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    lines.retain(|line| line["message"] != "listening");
    assert!(lines.iter().all(|line| line["target"] == "audit"), "{after}");
    lines
}

#[tokio::test]
async fn sends_checks_changes_denials_and_reloads_are_audited_once_at_any_log_level() {
    let set_up = TestGateway::start().await;
    let tenants = format!(
        "tenants:
  - id: login
    telnyx_api_key: {{ inline: {KEY} }}
    identities:
      - {{ name: ops, tokens: ['{}'], roles: [admin], channels: any, countries: any, profiles: any }}
      - {{ name: sender, tokens: ['{}'], roles: [sender], channels: [sms], countries: [US+], profiles: any }}
",
        TokenHash::of(TOKEN),
        TokenHash::of(OF_SENDER)
    );
    let settings = "tenants: { reload_interval: 10ms }\ntelemetry: { log: { format: json, level: info } }\n";
    let mut served = Served::start(set_up.simulator, settings, &[("tenants.yaml", &tenants)]).await;
    // The first line of the log names the address. After that, the level suppresses all lines.
    let off = reqwest::Client::new().put(format!("{}/loglevel", served.admin)).body(r#"{"level": "off"}"#);
    assert!(off.send().await.unwrap().status().is_success());

    let profile_id = make_calls(&served, &set_up).await;
    served.swap(&[("tenants.yaml", &format!("{tenants}\n# changed"))]);
    served.says("reload: ok").await;
    served.swap(&[("tenants.yaml", "tenants: []")]);
    served.says("reload: failed").await;

    let ended = served.end().await;
    let lines = audited(&ended.err);
    let events: Vec<Value> = lines
        .iter()
        .map(|line| {
            json!([line["event"], line["identity"], line["outcome"], line["rule"], line["cause"], line["phone_number"]])
        })
        .collect();
    let none = Value::Null;
    let expected = [
        json!(["profile_created", "ops", "created", none, none, none]),
        json!(["send", "sender", "sent", none, none, "+1…34"]),
        json!(["send", "sender", "replayed", none, none, "+1…34"]),
        json!(["denial", "sender", "denied", "channels", none, "+1…34"]),
        json!(["denial", "sender", "denied", "countries", none, "+44…50"]),
        json!(["check", "sender", "rejected", none, none, "+1…34"]),
        json!(["check", "sender", "accepted", none, none, "+1…34"]),
        json!(["denial", "sender", "denied", "rpcs", none, none]),
        json!(["denial", none, "denied", none, "unknown_token", none]),
        json!(["profile_deleted", "ops", "ok", none, none, none]),
        json!(["reload", none, "ok", none, none, none]),
        json!(["reload", none, "failed", none, none, none]),
    ];
    assert_eq!(events, expected);
    assert_eq!((&lines[4]["country"], &lines[4]["country_assumed"]), (&json!("GB"), &none));
    let of_send = &lines[1];
    for (field, value) in [
        ("tenant", "login"),
        ("rpc", "verify.v1.VerificationService/CreateVerification"),
        ("channel", "sms"),
        ("country", "US"),
        ("profile_id", &profile_id),
        ("call_id", "call-1"),
        ("request_id", "f81d4fae-7dec-41d0-a765-00a0c91e6bf6"),
    ] {
        assert_eq!(of_send[field], value, "{field} in {of_send}");
    }
    assert!(of_send["verification_id"].is_string(), "{of_send}");
    set_up.stop().await;
}

/// An answer of Telnyx to a send.
const SENT: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 55\r\n\r\n\
    {\"data\": {\"id\": \"v-1\", \"phone_number\": \"+13035551234\"}}";

#[tokio::test]
async fn a_send_whose_caller_went_away_is_audited_and_counted_when_it_ends() {
    let origin = Origin::holding(SENT).await;
    let served = Served::usual(origin.addr, "telemetry: { log: { format: json } }\n").await;
    let until = async |series: &str| while !served.admin("/metrics").await.1.contains(series) {};
    let mut clients = Clients::of(served.addr, Some(TOKEN)).await;
    let call = tokio::spawn(async move { clients.try_send(PHONE, "p-1").await });
    origin.until(|seen| seen.requests == 1).await;
    call.abort();
    until(r#"CreateVerification",rpc_response_status_code="CANCELLED",tenant="login"} 1"#).await;
    origin.release();
    until(r#"verify_gateway_sends_total{channel="sms",country="US",outcome="sent"} 1"#).await;

    let ended = served.end().await;
    let lines: Vec<Value> = ended.err.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of_call: Vec<&Value> = lines.iter().filter(|line| line["code"] == "CANCELLED").collect();
    let [line] = of_call[..] else { panic!("{of_call:#?}") };
    for (field, value) in
        [("event", "send"), ("outcome", "sent"), ("verification_id", "v-1"), ("identity", "login-service")]
    {
        assert_eq!(line[field], value, "{field} in {line}");
    }
}
