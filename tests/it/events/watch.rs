//! `WatchVerification`.

use jiff::Timestamp;
use tonic::Code;
use verify_gateway::{
    domain::{Allowed, Permissions},
    pb::{EventType, ReportVerificationRequest, ReportedOutcome, WatchVerificationRequest},
};

use super::{end, next_type, watch, with_events};
use crate::support::{
    PHONE, Refused, TestGateway, check_by_id, check_by_phone, sms,
    webhooks::{WEBHOOK_TOKEN, WebhookSigner, account_of, delivery},
    wrong_code,
};

async fn gateway(signer: &WebhookSigner) -> TestGateway {
    let directory = account_of(vec![signer.key()], [Permissions::all(), Permissions::all()]);
    TestGateway::builder().config(with_events).tenants(directory).start().await
}

#[tokio::test]
async fn a_watch_shows_each_step_and_ends_after_the_last() {
    let signer = WebhookSigner::new(1);
    let gateway = gateway(&signer).await;
    let mut clients = gateway.clients().await;
    let profile = clients.sms_profile().await;
    let id = clients.send(PHONE, &profile).await.id;
    let mut stream = watch(&mut clients, &id).await;
    assert_eq!(next_type(&mut stream).await, Some(EventType::Created));
    let now = Timestamp::now().as_second();
    for status in ["delivered", "sent", "delivered"] {
        assert_eq!(signer.post(gateway.webhooks, WEBHOOK_TOKEN, now, &delivery(&id, &profile, status)).await, 200);
    }
    let code = gateway.code(PHONE).await;
    clients.verifications.check_verification(check_by_id(&id, &wrong_code(&code))).await.unwrap();
    clients.verifications.check_verification(check_by_phone(PHONE, &profile, &code)).await.unwrap();
    for expected in [EventType::Delivered, EventType::CheckRejected, EventType::Accepted] {
        assert_eq!(next_type(&mut stream).await, Some(expected));
    }
    assert_eq!(next_type(&mut stream).await, None);
    // A watch that begins later shows the last state, and ends too.
    let mut stream = watch(&mut clients, &id).await;
    assert_eq!(next_type(&mut stream).await, Some(EventType::Accepted));
    assert_eq!(next_type(&mut stream).await, None);
    gateway.stop().await;
}

#[tokio::test]
async fn a_report_of_the_caller_is_an_event() {
    let gateway = gateway(&WebhookSigner::new(1)).await;
    let mut clients = gateway.clients().await;
    let profile = clients.sms_profile().await;
    let mut request = sms(&profile);
    request.custom_code = "918273".into();
    let sent = clients.verifications.create_verification(request).await.unwrap().into_inner();
    let id = sent.verification.unwrap().id;
    let mut stream = watch(&mut clients, &id).await;
    let outcome = ReportedOutcome::Rejected.into();
    let report = ReportVerificationRequest { verification_id: id, outcome, ..Default::default() };
    clients.verifications.report_verification(report).await.unwrap();
    for expected in [Some(EventType::Created), Some(EventType::Invalid), None] {
        assert_eq!(next_type(&mut stream).await, expected);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn only_what_the_caller_may_read_can_be_watched() {
    let gateway = gateway(&WebhookSigner::new(1)).await;
    let mut clients = gateway.clients().await;
    let profile = clients.sms_profile().await;
    let id = clients.send(PHONE, &profile).await.id;
    let request = |id: &str| WatchVerificationRequest { verification_id: id.into(), ..Default::default() };
    Refused::by(clients.events.watch_verification(request("no-such-1")).await)
        .is(Code::NotFound, "VERIFICATION_NOT_FOUND");
    Refused::by(clients.events.watch_verification(request("")).await).names_fields(&["verification_id"]);
    let slow = WatchVerificationRequest { heartbeat_interval: Some(crate::support::seconds(61)), ..request(&id) };
    Refused::by(clients.events.watch_verification(slow).await).names_fields(&["heartbeat_interval"]);
    let some = Permissions { profiles: Allowed::Only(vec!["p1".into()]), ..Permissions::all() };
    let limited =
        TestGateway::builder().upstream(gateway.simulator).config(with_events).permissions(some).start().await;
    let refused = limited.clients().await.events.watch_verification(request(&id)).await;
    Refused::by(refused).is(Code::PermissionDenied, "PROFILE_NOT_ALLOWED");
    limited.stop().await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_watch_ends_when_the_gateway_stops() {
    let gateway = gateway(&WebhookSigner::new(1)).await;
    let mut clients = gateway.clients().await;
    let profile = clients.sms_profile().await;
    let id = clients.send(PHONE, &profile).await.id;
    let mut stream = watch(&mut clients, &id).await;
    gateway.begin_to_stop();
    assert_eq!(end(&mut stream).await, (Code::Unavailable, "STREAM_ENDED".into()));
    gateway.stop().await;
}

#[tokio::test]
async fn a_watch_goes_on_after_its_token() {
    let signer = WebhookSigner::new(1);
    let gateway = gateway(&signer).await;
    let mut clients = gateway.clients().await;
    let profile = clients.sms_profile().await;
    let id = clients.send(PHONE, &profile).await.id;
    let request = |verification_id: &str, token: &str| WatchVerificationRequest {
        verification_id: verification_id.into(),
        resume_token: token.into(),
        ..Default::default()
    };
    let mut first = watch(&mut clients, &id).await;
    let token = first.message().await.unwrap().unwrap().resume_token;
    let now = Timestamp::now().as_second();
    for status in ["sent", "delivered"] {
        assert_eq!(signer.post(gateway.webhooks, WEBHOOK_TOKEN, now, &delivery(&id, &profile, status)).await, 200);
    }
    let mut again = clients.events.watch_verification(request(&id, &token)).await.unwrap().into_inner();
    // The present state, and what has happened since.
    for expected in [EventType::Delivered, EventType::Sent, EventType::Delivered] {
        assert_eq!(next_type(&mut again).await, Some(expected));
    }
    gateway.begin_to_stop();
    let ended = loop {
        if let Err(status) = first.message().await {
            break Refused::by(Err::<(), _>(status));
        }
    };
    assert!(!ended.is(Code::Unavailable, "STREAM_ENDED").metadata["resume_token"].is_empty());
    gateway.stop().await;
}

#[tokio::test]
async fn a_token_of_a_watch_is_bound_to_its_verification() {
    let gateway = gateway(&WebhookSigner::new(1)).await;
    let mut clients = gateway.clients().await;
    let profile = clients.sms_profile().await;
    let mut tokens = Vec::new();
    for phone in [PHONE, "+13035550199"] {
        let id = clients.send(phone, &profile).await.id;
        let token = watch(&mut clients, &id).await.message().await.unwrap().unwrap().resume_token;
        tokens.push((id, token));
    }
    let request = WatchVerificationRequest {
        verification_id: tokens[0].0.clone(),
        resume_token: tokens[1].1.clone(),
        ..Default::default()
    };
    Refused::by(clients.events.watch_verification(request).await).names_fields(&["resume_token"]);
    gateway.stop().await;
}
