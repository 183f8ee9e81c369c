//! Each channel, and codes of the caller's own.

use prost_types::Duration;
use serde_json::json;
use tonic::Code;
use verify_gateway::pb::{
    CallSettings, Channel, CheckOutcome, CheckVerificationRequest, CreateVerificationRequest, DtmfConfirmSettings,
    FlashcallSettings, GetVerificationRequest, Profile, ReportVerificationRequest, ReportedOutcome, SmsSettings,
    VerificationState, WhatsappSettings, check_verification_request::Target,
};

use crate::support::{Clients, PHONE, Refused, TestGateway};

fn every_channel() -> Profile {
    Profile {
        name: "all".into(),
        sms: Some(SmsSettings::default()),
        call: Some(CallSettings::default()),
        flashcall: Some(FlashcallSettings::default()),
        whatsapp: Some(WhatsappSettings::default()),
        dtmf_confirm: Some(DtmfConfirmSettings { default_timeout: Some(Duration { seconds: 60, nanos: 0 }) }),
        ..Profile::default()
    }
}

async fn check(clients: &mut Clients, id: &str, code: &str) -> CheckOutcome {
    let request = CheckVerificationRequest {
        target: Some(Target::VerificationId(id.into())),
        code: code.into(),
        ..CheckVerificationRequest::default()
    };
    clients.verifications.check_verification(request).await.unwrap().into_inner().outcome()
}

#[tokio::test]
async fn each_channel_with_a_code_sends_it_and_takes_it_back() {
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
        assert_eq!(check(&mut clients, &sent.id, &code).await, CheckOutcome::Accepted, "{channel:?}");
    }
    assert_eq!(gateway.messages(PHONE).await.len(), 4);
    gateway.stop().await;
}

#[tokio::test]
async fn a_keypad_confirmation_is_read_from_the_verification() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile = clients.profile(every_channel()).await;
    let request = CreateVerificationRequest {
        phone_number: PHONE.into(),
        channel: Channel::DtmfConfirm.into(),
        profile_id: profile.id,
        ..CreateVerificationRequest::default()
    };
    let sent = clients.verifications.create_verification(request).await.unwrap().into_inner().verification.unwrap();
    assert_eq!((sent.channel(), sent.state()), (Channel::DtmfConfirm, VerificationState::Pending));
    gateway.control(&format!("verifications/{}/keypad", sent.id), json!({"key": "1"})).await;
    let read = GetVerificationRequest { verification_id: sent.id };
    let read = clients.verifications.get_verification(read).await.unwrap().into_inner().verification.unwrap();
    assert_eq!(read.state(), VerificationState::Accepted);
    gateway.stop().await;
}

#[tokio::test]
async fn a_callers_own_code_is_sent_checked_or_reported_and_never_given_back() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.profile(every_channel()).await.id;
    let own_code = CreateVerificationRequest {
        phone_number: PHONE.into(),
        channel: Channel::Call.into(),
        profile_id,
        custom_code: "43612".into(),
        extension: "1www2WABCDw9".into(),
        ..CreateVerificationRequest::default()
    };
    let mut send = async || {
        let answer = clients.verifications.create_verification(own_code.clone()).await;
        answer.unwrap().into_inner().verification.unwrap()
    };
    let (checked, reported) = (send().await, send().await);
    assert!(checked.has_custom_code);
    assert_eq!(gateway.code(PHONE).await, "43612");
    assert_eq!(check(&mut clients, &checked.id, "43612").await, CheckOutcome::Accepted);

    let report =
        ReportVerificationRequest { verification_id: reported.id.clone(), outcome: ReportedOutcome::Rejected.into() };
    let answer = clients.verifications.report_verification(report).await.unwrap().into_inner();
    assert_eq!(answer.outcome(), CheckOutcome::Rejected);
    let read = GetVerificationRequest { verification_id: reported.id };
    let read = clients.verifications.get_verification(read).await.unwrap().into_inner().verification.unwrap();
    assert_eq!(read.state(), VerificationState::Invalid);
    gateway.stop().await;
}

#[tokio::test]
async fn what_a_channel_does_not_have_is_refused_field_by_field() {
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
    assert_eq!(refused.fields, ["custom_code", "extension", "phone_number", "profile_id", "request_id", "timeout"],);
    assert!(gateway.messages("+13035551234").await.is_empty());
    gateway.stop().await;
}
