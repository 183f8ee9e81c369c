//! Every row of the error table: Telnyx's error, and the error that the caller gets.

use std::time::Duration;

use serde_json::{Value, json};
use tonic::Code;
use verify_gateway::pb::{GetVerificationRequest, ListTemplatesRequest};

use crate::support::{PHONE, Refused, TestGateway, refusal};

/// Telnyx's status and code for a send, and the caller's code and reason.
const SENDS: [(u16, &str, Code, &str); 32] = [
    (400, "10015", Code::InvalidArgument, "UPSTREAM_INVALID_REQUEST"),
    (422, "10016", Code::InvalidArgument, "UPSTREAM_INVALID_REQUEST"),
    (400, "40309", Code::InvalidArgument, "DESTINATION_NOT_ENABLED"),
    (400, "40001", Code::InvalidArgument, "DESTINATION_NOT_ENABLED"),
    (401, "10009", Code::FailedPrecondition, "UPSTREAM_KEY_REFUSED"),
    (403, "10009", Code::FailedPrecondition, "UPSTREAM_KEY_REFUSED"),
    (403, "20003", Code::FailedPrecondition, "UPSTREAM_KEY_REFUSED"),
    (403, "10010", Code::FailedPrecondition, "ACCOUNT_RESTRICTED"),
    (403, "", Code::FailedPrecondition, "ACCOUNT_RESTRICTED"),
    (402, "20100", Code::FailedPrecondition, "INSUFFICIENT_FUNDS"),
    (403, "20100", Code::FailedPrecondition, "INSUFFICIENT_FUNDS"),
    (403, "20012", Code::FailedPrecondition, "ACCOUNT_RESTRICTED"),
    (403, "10039", Code::FailedPrecondition, "ACCOUNT_RESTRICTED"),
    (400, "40331", Code::FailedPrecondition, "CHANNEL_NOT_CONFIGURED"),
    (403, "40020", Code::FailedPrecondition, "TRAFFIC_BLOCKED"),
    (409, "10036", Code::Unknown, "SEND_OUTCOME_UNKNOWN"),
    (409, "40312", Code::FailedPrecondition, "UPSTREAM_CONFLICT"),
    (404, "10005", Code::NotFound, "PROFILE_NOT_FOUND"),
    (429, "10011", Code::ResourceExhausted, "UPSTREAM_RATE_LIMITED"),
    (429, "40333", Code::ResourceExhausted, "SPEND_LIMIT_REACHED"),
    (500, "10007", Code::Unknown, "SEND_OUTCOME_UNKNOWN"),
    (503, "10037", Code::Unknown, "SEND_OUTCOME_UNKNOWN"),
    (504, "10008", Code::Unknown, "SEND_OUTCOME_UNKNOWN"),
    (408, "", Code::Unknown, "SEND_OUTCOME_UNKNOWN"),
    (302, "", Code::Unknown, "SEND_OUTCOME_UNKNOWN"),
    // Nothing was sent, and the caller may repeat the call.
    (301, "", Code::Internal, "UPSTREAM_ANSWER_UNREADABLE"),
    (307, "", Code::Internal, "UPSTREAM_ANSWER_UNREADABLE"),
    (308, "", Code::Internal, "UPSTREAM_ANSWER_UNREADABLE"),
    (405, "10030", Code::Internal, "UPSTREAM_ANSWER_UNREADABLE"),
    (410, "", Code::Internal, "UPSTREAM_ANSWER_UNREADABLE"),
    (413, "", Code::Internal, "UPSTREAM_ANSWER_UNREADABLE"),
    (415, "10014", Code::Internal, "UPSTREAM_ANSWER_UNREADABLE"),
];

#[tokio::test]
async fn each_refusal_of_a_send_has_its_code_and_reason() {
    let gateway = TestGateway::builder().config(|config| config.upstream.retry.max_attempts = 1).start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    for (status, code, grpc, reason) in SENDS {
        gateway.fault(refusal(status, code)).await;
        let refused = Refused::by(clients.try_send(PHONE, &profile_id).await);
        assert_eq!((refused.code, refused.reason.as_str()), (grpc, reason), "{status} {code}");
        assert!(!refused.message.contains(PHONE), "{}", refused.message);
    }
    assert!(gateway.messages(PHONE).await.is_empty());
    gateway.stop().await;
}

/// Telnyx's status and code for a read, and the caller's code and reason.
const READS: [(u16, &str, Code, &str); 8] = [
    (400, "10015", Code::InvalidArgument, "UPSTREAM_INVALID_REQUEST"),
    (401, "10009", Code::FailedPrecondition, "UPSTREAM_KEY_REFUSED"),
    (404, "10005", Code::NotFound, "VERIFICATION_NOT_FOUND"),
    (405, "10030", Code::Internal, "UPSTREAM_ANSWER_UNREADABLE"),
    (302, "", Code::Internal, "UPSTREAM_ANSWER_UNREADABLE"),
    (429, "10011", Code::ResourceExhausted, "UPSTREAM_RATE_LIMITED"),
    (500, "10007", Code::Unavailable, "UPSTREAM_UNAVAILABLE"),
    (503, "10037", Code::Unavailable, "UPSTREAM_UNAVAILABLE"),
];

#[tokio::test]
async fn each_refusal_of_a_read_has_its_code_and_reason() {
    let gateway = TestGateway::builder().config(|config| config.upstream.retry.max_attempts = 1).start().await;
    let mut clients = gateway.clients().await;
    for (status, code, grpc, reason) in READS {
        gateway.fault(refusal(status, code)).await;
        let read = GetVerificationRequest { verification_id: "some-id".into() };
        let refused = Refused::by(clients.verifications.get_verification(read).await);
        assert_eq!((refused.code, refused.reason.as_str()), (grpc, reason), "{status} {code}");
        let waits = matches!(grpc, Code::Unavailable | Code::ResourceExhausted);
        assert_eq!(refused.retry_after.is_some(), waits, "{status} {code}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_field_that_telnyx_refuses_has_its_contract_name() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    let body = json!({"errors": [{
        "code": "10016", "title": "t", "detail": "+13035551234 is bad", "source": {"pointer": "/phone_number"},
    }]});
    gateway.fault(answer(422, &body.to_string())).await;
    let refused =
        Refused::by(clients.try_send(PHONE, &profile_id).await).is(Code::InvalidArgument, "UPSTREAM_INVALID_REQUEST");
    assert_eq!(refused.fields, ["phone_number"]);
    gateway.stop().await;
}

#[tokio::test]
async fn the_retry_after_of_telnyx_is_passed_on() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    // Longer than the gateway waits between attempts.
    gateway.fault(json!({"status": 429, "code": "10011", "headers": {"retry-after": "17"}})).await;
    let refused = Refused::by(clients.templates.list_templates(ListTemplatesRequest::default()).await)
        .is(Code::ResourceExhausted, "UPSTREAM_RATE_LIMITED");
    assert_eq!(refused.retry_after, Some(Duration::from_secs(17)));
    gateway.stop().await;
}

fn answer(status: u16, text: &str) -> Value {
    json!({"status": status, "body": {"content_type": "application/json", "text": text}})
}
