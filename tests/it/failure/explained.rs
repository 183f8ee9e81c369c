//! Telnyx refuses a send, and the profile tells why.

use serde_json::json;
use tonic::Code;
use verify_gateway::pb;

use crate::support::{PHONE, Refused, TestGateway, refusal, sms};

/// How many reads of single profiles have reached the simulator.
async fn profile_reads(gateway: &TestGateway) -> u32 {
    let (_, text) = gateway.admin("/metrics").await;
    let of_profiles =
        |line: &&str| line.starts_with("http_client_request_duration_seconds_count") && line.contains("\"GET\"");
    let lines =
        text.lines().filter(of_profiles).filter(|line| line.contains(r#"url_template="/verify_profiles/{id}""#));
    lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u32>().unwrap()).sum()
}

#[tokio::test]
async fn an_unknown_profile_is_not_found_whatever_telnyx_answers() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    for (number, setting) in ["not_found", "bad_request"].into_iter().enumerate() {
        gateway.control("settings", json!({"unknown_profile": setting})).await;
        for channel in [pb::Channel::Sms, pb::Channel::DtmfConfirm] {
            let profile_id = format!("unknown-{number}");
            let send = pb::CreateVerificationRequest { channel: channel.into(), ..sms(&profile_id) };
            let refused = Refused::by(clients.verifications.create_verification(send).await);
            refused.is(Code::NotFound, "PROFILE_NOT_FOUND");
        }
    }
    // What failed leaves nothing in the store.
    let (_, text) = gateway.admin("/metrics").await;
    assert!(text.contains("\nverify_gateway_store_records{tenant=\"login\"} 0\n"), "{text}");
    // The error may name the field.
    let text = json!({"errors": [{"code": "10015", "source": {"pointer": "/verify_profile_id"}}]}).to_string();
    gateway.fault(json!({"status": 400, "body": {"content_type": "application/json", "text": text}})).await;
    let refused = Refused::by(clients.try_send(PHONE, "unknown-2").await);
    refused.is(Code::NotFound, "PROFILE_NOT_FOUND");
    for call in ["GetProfile", "DeleteProfile"] {
        gateway.fault(refusal(400, "10015")).await;
        let refused = if call == "GetProfile" {
            Refused::by(clients.profiles.get_profile(pb::GetProfileRequest { profile_id: "x-1".into() }).await)
        } else {
            Refused::by(clients.profiles.delete_profile(pb::DeleteProfileRequest { profile_id: "x-1".into() }).await)
        };
        refused.is(Code::NotFound, "PROFILE_NOT_FOUND");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn many_refusals_need_one_read_of_the_profile() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    gateway.fault(json!({"times": 20, "path": "/verifications/sms", "status": 400, "code": "10015"})).await;
    for _ in 0..20 {
        Refused::by(clients.try_send(PHONE, &profile_id).await).is(Code::InvalidArgument, "UPSTREAM_INVALID_REQUEST");
    }
    assert_eq!(profile_reads(&gateway).await, 1);
    let call = pb::CreateVerificationRequest { channel: pb::Channel::Whatsapp.into(), ..sms(&profile_id) };
    let refused = Refused::by(clients.verifications.create_verification(call).await);
    refused.is(Code::FailedPrecondition, "CHANNEL_NOT_CONFIGURED");
    assert_eq!(profile_reads(&gateway).await, 1);
    gateway.stop().await;
}

#[tokio::test]
async fn a_refusal_is_not_explained_beyond_the_retry_budget() {
    let no_budget = |config: &mut verify_gateway::config::Config| {
        (config.upstream.retry.budget.ratio, config.upstream.retry.budget.per_second) = (0.0, 0);
    };
    let gateway = TestGateway::builder().config(no_budget).start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    gateway.fault(json!({"path": "/verifications/sms", "status": 400, "code": "10015"})).await;
    Refused::by(clients.try_send(PHONE, &profile_id).await).is(Code::InvalidArgument, "UPSTREAM_INVALID_REQUEST");
    assert_eq!(profile_reads(&gateway).await, 0);
    gateway.stop().await;
}
