//! `CreateVerification`: sends, and what is refused before a send.

mod phone_numbers;
mod replay;

use prost_types::Duration;
use tonic::Code;
use verify_gateway::pb::{CallSettings, Channel, CheckOutcome, CreateVerificationRequest, Profile};

use crate::support::{PHONE, Refused, TestGateway, every_channel};

#[tokio::test]
async fn each_channel_with_a_code_sends_a_code_that_is_accepted() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile = clients.profile(every_channel()).await;
    for channel in [Channel::Sms, Channel::Call, Channel::Flashcall, Channel::Whatsapp] {
        let request = CreateVerificationRequest {
            phone_number: PHONE.into(),
            channel: channel.into(),
            profile_id: profile.id.clone(),
            timeout: Some(Duration { seconds: 120, nanos: 0 }),
            ..CreateVerificationRequest::default()
        };
        let sent = clients.verifications.create_verification(request).await.unwrap().into_inner().verification.unwrap();
        assert_eq!(sent.channel(), channel);
        assert_eq!(sent.timeout.unwrap().seconds, 120);
        assert!(!sent.has_custom_code);
        let code = gateway.code(PHONE).await;
        assert_eq!(clients.check(&sent.id, &code).await, CheckOutcome::Accepted, "{channel:?}");
    }
    assert_eq!(gateway.messages(PHONE).await.len(), 4);
    gateway.stop().await;
}

#[tokio::test]
async fn a_custom_code_is_sent_and_accepted() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let request = CreateVerificationRequest {
        phone_number: PHONE.into(),
        channel: Channel::Call.into(),
        profile_id: clients.profile(every_channel()).await.id,
        custom_code: "43612".into(),
        extension: "1www2WABCDw9".into(),
        ..CreateVerificationRequest::default()
    };
    let sent = clients.verifications.create_verification(request).await.unwrap().into_inner().verification.unwrap();
    assert!(sent.has_custom_code);
    assert_eq!(gateway.code(PHONE).await, "43612");
    assert_eq!(clients.check(&sent.id, "43612").await, CheckOutcome::Accepted);
    gateway.stop().await;
}

#[tokio::test]
async fn every_field_that_breaks_a_rule_or_that_the_channel_does_not_have_is_named() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let request = CreateVerificationRequest {
        request_id: "not a uuid".into(),
        phone_number: "3035551234".into(),
        channel: Channel::Flashcall.into(),
        profile_id: String::new(),
        timeout: Some(Duration { seconds: 1, nanos: 5 }),
        custom_code: "12".into(),
        extension: "1".into(),
    };
    let mut refused = Refused::by(clients.verifications.create_verification(request).await)
        .is(Code::InvalidArgument, "INVALID_REQUEST");
    refused.fields.sort();
    refused.fields.dedup();
    assert_eq!(refused.fields, ["custom_code", "extension", "phone_number", "profile_id", "request_id", "timeout"]);
    assert!(gateway.messages(PHONE).await.is_empty());
    gateway.stop().await;
}

#[tokio::test]
async fn an_empty_request_is_refused_with_every_required_field() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let answer = clients.verifications.create_verification(CreateVerificationRequest::default()).await;
    Refused::by(answer).names_fields(&["channel", "phone_number", "profile_id"]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_channel_that_the_profile_lacks_is_refused_as_not_configured() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let call = Profile { name: "call only".into(), call: Some(CallSettings::default()), ..Profile::default() };
    let profile_id = clients.profile(call).await.id;
    Refused::by(clients.try_send(PHONE, &profile_id).await).is(Code::FailedPrecondition, "CHANNEL_NOT_CONFIGURED");
    gateway.stop().await;
}
