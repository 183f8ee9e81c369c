//! One message per operation. The simulator's outbox counts the messages.

use std::time::Duration;

use serde_json::json;
use tonic::{Code, Request, Response, Status};
use verify_gateway::{
    domain::Limits,
    pb::{CheckOutcome, CreateVerificationRequest, CreateVerificationResponse, GetVerificationRequest},
};

use crate::support::{OTHER_TOKEN, PHONE, Refused, TestGateway, check_by_phone, sms, sms_with_request_id};

/// The verification's ID, and the metadata that says that an earlier call caused the answer.
fn answer(result: Result<Response<CreateVerificationResponse>, Status>) -> (String, Option<&'static str>) {
    let answer = result.unwrap();
    let earlier = ["replayed", "duplicate"].into_iter().find(|key| answer.metadata().contains_key(*key));
    (answer.into_inner().verification.unwrap().id, earlier)
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_no_second_message() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let request = sms_with_request_id(&clients.sms_profile().await);
    let first = clients.verifications.create_verification(request.clone()).await.unwrap();
    assert!(!first.metadata().contains_key("replayed"));
    let again = clients.verifications.create_verification(request).await.unwrap();
    assert_eq!(again.metadata().get("replayed").unwrap(), "true");
    assert!(first.into_inner() == again.into_inner());
    assert_eq!(gateway.messages(PHONE).await.len(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn concurrent_calls_with_one_request_id_send_one_message() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let request = sms_with_request_id(&clients.sms_profile().await);
    gateway.fault(json!({"method": "POST", "delay_ms": 50})).await;
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let (mut verifications, request) = (clients.verifications.clone(), request.clone());
            tokio::spawn(async move { answer(verifications.create_verification(request).await) })
        })
        .collect();
    let mut fresh = 0;
    for call in calls {
        let (id, earlier) = call.await.unwrap();
        fresh += usize::from(earlier.is_none());
        assert_eq!(gateway.messages(PHONE).await[0]["verification_id"], *id);
    }
    assert_eq!((fresh, gateway.messages(PHONE).await.len()), (1, 1));
    gateway.stop().await;
}

#[tokio::test]
async fn a_request_id_belongs_to_one_content_of_one_tenant() {
    let gateway = TestGateway::start().await;
    let (mut login, mut billing) = (gateway.clients().await, gateway.clients_with(Some(OTHER_TOKEN)).await);
    let request = sms_with_request_id(&login.sms_profile().await);
    login.verifications.create_verification(request.clone()).await.unwrap();
    let other = CreateVerificationRequest { custom_code: "12345".into(), ..request.clone() };
    Refused::by(login.verifications.create_verification(other).await).is(Code::FailedPrecondition, "REQUEST_ID_REUSED");
    assert_eq!(gateway.messages(PHONE).await.len(), 1);
    let theirs = CreateVerificationRequest { profile_id: billing.sms_profile().await, ..request };
    assert_eq!(answer(billing.verifications.create_verification(theirs).await).1, None);
    assert_eq!(gateway.messages(PHONE).await.len(), 2);
    gateway.stop().await;
}

#[tokio::test]
async fn a_failure_that_sent_nothing_leaves_the_request_id_free() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let request = sms_with_request_id(&clients.sms_profile().await);
    gateway.fault(json!({"method": "POST", "status": 402, "code": "20100"})).await;
    Refused::by(clients.verifications.create_verification(request.clone()).await)
        .is(Code::FailedPrecondition, "INSUFFICIENT_FUNDS");
    assert_eq!(answer(clients.verifications.create_verification(request).await).1, None);
    assert_eq!(gateway.messages(PHONE).await.len(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn a_lost_send_that_telnyx_does_not_have_is_sent_again_only_after_the_settle_window() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let request = sms_with_request_id(&clients.sms_profile().await);
    gateway.fault(json!({"method": "POST", "reset": true})).await;
    for _ in 0..2 {
        Refused::by(clients.verifications.create_verification(request.clone()).await)
            .is(Code::Unknown, "SEND_OUTCOME_UNKNOWN");
    }
    let refused = Refused::by(clients.verifications.create_verification(request.clone()).await);
    let wait = refused.is(Code::Unknown, "SEND_OUTCOME_UNKNOWN").retry_after.unwrap();
    assert!(wait > Duration::from_mins(1), "{wait:?}");
    assert_eq!(gateway.messages(PHONE).await.len(), 0);
    gateway.clock.advance(wait);
    assert_eq!(answer(clients.verifications.create_verification(request).await).1, None);
    assert_eq!(gateway.messages(PHONE).await.len(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn a_send_runs_to_completion_after_its_caller_has_gone() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let request = sms_with_request_id(&clients.sms_profile().await);
    gateway.fault(json!({"method": "POST", "delay_ms": 2500})).await;
    let within = |timeout: &str| {
        let mut request = Request::new(request.clone());
        request.metadata_mut().insert("grpc-timeout", timeout.parse().unwrap());
        request
    };
    Refused::by(clients.verifications.create_verification(within("1S")).await)
        .is(Code::Unknown, "SEND_OUTCOME_UNKNOWN");
    let patient = within("10S");
    assert_eq!(answer(clients.verifications.create_verification(patient).await).1, Some("replayed"));
    assert_eq!(gateway.messages(PHONE).await.len(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn an_equal_send_without_a_request_id_is_a_duplicate_within_the_duplicate_window() {
    let window = Duration::from_mins(1);
    let gateway = TestGateway::builder().login(|login| login.duplicate_window = Some(window)).start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    let request = sms(&profile_id);
    let (first, _) = answer(clients.verifications.create_verification(request.clone()).await);
    let again = answer(clients.verifications.create_verification(request.clone()).await);
    assert_eq!(again, (first.clone(), Some("duplicate")));

    // Other content, or a request ID, makes another operation.
    let other = CreateVerificationRequest { custom_code: "12345".into(), ..request.clone() };
    assert_eq!(answer(clients.verifications.create_verification(other).await).1, None);
    assert_eq!(answer(clients.verifications.create_verification(sms_with_request_id(&profile_id)).await).1, None);
    assert_eq!(gateway.messages(PHONE).await.len(), 3);

    gateway.clock.advance(window);
    assert_eq!(answer(clients.verifications.create_verification(request.clone()).await).1, None);
    let code = gateway.code(PHONE).await;
    let checked = clients.verifications.check_verification(check_by_phone(PHONE, &profile_id, &code)).await;
    assert_eq!(checked.unwrap().into_inner().outcome(), CheckOutcome::Accepted);
    // An accepted verification has no duplicates.
    assert_eq!(answer(clients.verifications.create_verification(request).await).1, None);
    assert_eq!(gateway.messages(PHONE).await.len(), 5);
    gateway.stop().await;
}

#[tokio::test]
async fn a_send_and_a_check_that_can_not_be_recorded_are_not_dispatched() {
    // The store has space for one profile and one send.
    let gateway = TestGateway::builder()
        .config(|config| {
            (config.store.max_size, config.store.tenant_share) = (450, 1.0);
        })
        .login(|login| login.limits = Limits::none())
        .start()
        .await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    let id = answer(clients.verifications.create_verification(sms(&profile_id)).await).0;
    let refused = Refused::by(clients.verifications.create_verification(sms_with_request_id(&profile_id)).await);
    assert!(refused.is(Code::Unavailable, "STORE_UNAVAILABLE").retry_after.is_some());
    assert_eq!(gateway.messages(PHONE).await.len(), 1);
    let code = gateway.code(PHONE).await;
    let refused = Refused::by(clients.try_check(&id, &code).await);
    assert_eq!(refused.reason, "STORE_UNAVAILABLE");
    // Reads go on.
    let read = GetVerificationRequest { verification_id: id };
    clients.verifications.get_verification(read).await.unwrap();
    gateway.stop().await;
}
