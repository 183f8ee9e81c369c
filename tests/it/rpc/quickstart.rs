//! A whole verification: list templates, create a profile, send, check, read, list.

use verify_gateway::pb::{
    CallSettings, Channel, CheckOutcome, CheckVerificationRequest, GetVerificationRequest, ListTemplatesRequest,
    ListVerificationsRequest, Profile, SmsSettings, VerificationState, check_verification_request::Target,
};

use crate::support::{PHONE, TestGateway, wrong_code};

#[tokio::test]
async fn a_code_is_sent_and_checked_and_the_verification_read_and_listed() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;

    let templates = clients.templates.list_templates(ListTemplatesRequest::default()).await.unwrap().into_inner();
    assert_eq!(templates.templates.len(), 6);
    let template_id = templates.templates[0].id.clone();

    let profile = clients
        .profile(Profile {
            name: "login".into(),
            language: "en-US".into(),
            sms: Some(SmsSettings {
                app_name: "Acme".into(),
                template_id,
                allowed_destinations: vec!["US".into(), "CA".into()],
                ..SmsSettings::default()
            }),
            call: Some(CallSettings { app_name: "Acme".into(), ..CallSettings::default() }),
            ..Profile::default()
        })
        .await;
    let sent = clients.send(PHONE, &profile.id).await;
    assert_eq!(sent.state(), VerificationState::Pending);
    assert_eq!(sent.channel(), Channel::Sms);
    assert_eq!(sent.phone_number, PHONE);
    assert_eq!(sent.profile_id, profile.id);
    assert_eq!(sent.timeout.unwrap().seconds, 300);
    assert!(sent.create_time.is_some());

    let code = gateway.code(PHONE).await;
    assert_eq!(code.len(), 5);
    let mut check = async |target, profile_id: &str, code: &str| {
        let request = CheckVerificationRequest {
            target: Some(target),
            profile_id: profile_id.into(),
            code: code.into(),
            request_id: String::new(),
        };
        clients.verifications.check_verification(request).await.unwrap().into_inner()
    };
    let refused = check(Target::VerificationId(sent.id.clone()), "", &wrong_code(&code)).await;
    assert_eq!(refused.outcome(), CheckOutcome::Rejected);
    let accepted = check(Target::PhoneNumber(PHONE.into()), &profile.id, &code).await;
    assert_eq!(accepted.outcome(), CheckOutcome::Accepted);
    assert_eq!(accepted.phone_number, PHONE);

    let read = GetVerificationRequest { verification_id: sent.id.clone() };
    let read = clients.verifications.get_verification(read).await.unwrap().into_inner().verification.unwrap();
    assert_eq!(read.state(), VerificationState::Accepted);
    let list = ListVerificationsRequest { phone_number: PHONE.into(), ..ListVerificationsRequest::default() };
    let list = clients.verifications.list_verifications(list).await.unwrap().into_inner();
    assert_eq!((list.verifications.len(), list.total_size), (1, 1));
    assert_eq!(list.verifications[0].id, sent.id);

    assert_eq!(gateway.messages(PHONE).await.len(), 1);
    gateway.stop().await;
}
