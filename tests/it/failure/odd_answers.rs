//! Successes of Telnyx that are not quite as documented.

use serde_json::{Value, json};
use tonic::Code;
use verify_gateway::pb::{
    GetProfileRequest, GetVerificationRequest, ListProfilesRequest, ListTemplatesRequest, ListVerificationsRequest,
    UpdateTemplateRequest,
};

use crate::support::{PHONE, Refused, TestGateway};

/// A fault that answers with 200 and `text`.
fn success(text: &impl ToString) -> Value {
    json!({"status": 200, "body": {"content_type": "application/json", "text": text.to_string()}})
}

#[tokio::test]
async fn a_resource_that_the_request_names_is_readable_without_an_id() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    gateway.fault(success(&json!({"data": {"status": "pending"}}))).await;
    let request = GetVerificationRequest { verification_id: "some-id".into() };
    let read = clients.verifications.get_verification(request).await.unwrap().into_inner();
    assert_eq!(read.verification.unwrap().id, "some-id");
    gateway.fault(success(&json!({"data": {"name": "n", "id": ""}}))).await;
    let read = clients.profiles.get_profile(GetProfileRequest { profile_id: "some-id".into() }).await.unwrap();
    assert_eq!(read.into_inner().profile.unwrap().id, "some-id");
    gateway.fault(success(&json!({"data": {}}))).await;
    let request = UpdateTemplateRequest { template_id: "some-id".into(), text: "{{code}}".into() };
    let changed = clients.templates.update_template(request).await.unwrap().into_inner();
    assert_eq!(changed.template.unwrap().id, "some-id");
    gateway.stop().await;
}

#[tokio::test]
async fn a_send_whose_answer_has_an_empty_id_is_unknown() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    gateway.fault(success(&json!({"data": {"id": "", "status": "pending"}}))).await;
    let refused = Refused::by(clients.try_send(PHONE, &profile_id).await);
    refused.is(Code::Unknown, "SEND_OUTCOME_UNKNOWN");
    gateway.stop().await;
}

#[tokio::test]
async fn an_odd_element_costs_itself_and_is_counted() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let list = r#"{"data": [null, {"id": 123456789012345678901234, "name": "x", "text": "x", "text": "y",
        "verify_profile_id": "p", "phone_number": "+13035551234"}, 7, {"id": ""}]}"#;
    let list = format!("\u{feff}{list}");
    let expected = ["123456789012345678901234"];

    gateway.fault(success(&list)).await;
    let read = clients.templates.list_templates(ListTemplatesRequest::default()).await.unwrap().into_inner();
    assert_eq!(read.templates.iter().map(|one| &*one.id).collect::<Vec<_>>(), expected);
    assert_eq!(read.templates[0].text, "y");
    gateway.fault(success(&list)).await;
    let read = clients.profiles.list_profiles(ListProfilesRequest::default()).await.unwrap().into_inner();
    assert_eq!(read.profiles.iter().map(|one| &*one.id).collect::<Vec<_>>(), expected);
    gateway.fault(success(&list)).await;
    let request = ListVerificationsRequest { phone_number: PHONE.into(), ..ListVerificationsRequest::default() };
    let read = clients.verifications.list_verifications(request).await.unwrap().into_inner();
    assert_eq!(read.verifications.iter().map(|one| &*one.id).collect::<Vec<_>>(), expected);

    let (_, metrics) = gateway.admin("/metrics").await;
    for resource in ["template", "profile", "verification"] {
        let line = format!(r#"verify_gateway_upstream_unreadable_elements_total{{resource="{resource}"}} 2"#);
        assert!(metrics.contains(&line), "{line}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn times_and_durations_that_protobuf_does_not_have_are_missing() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let odd = json!({"data": {
        "id": "v", "timeout_secs": 315_576_000_001_u64, "created_at": "-000044-03-15T12:00:00", "updated_at": "0000-01-01T00:00:00Z",
    }});
    gateway.fault(success(&odd)).await;
    let request = GetVerificationRequest { verification_id: "v-1".into() };
    let read = clients.verifications.get_verification(request).await.unwrap().into_inner().verification.unwrap();
    assert_eq!((read.timeout, read.create_time, read.update_time), (None, None, None));
    gateway.stop().await;
}
