//! One message per intent, over real sockets: the outbox has the last word.

use std::time::Duration;

use serde_json::json;
use tonic::{Code, Request, Response, Status};
use uuid::Uuid;
use verify_gateway::pb::{
    Channel, CheckOutcome, CheckVerificationRequest, CreateProfileRequest, CreateTemplateRequest,
    CreateVerificationRequest, CreateVerificationResponse, GetVerificationRequest, ListTemplatesRequest, Profile,
    SmsSettings, check_verification_request::Target,
};

use CheckOutcome::{Accepted, Rejected};

use crate::support::{Clients, OTHER_TOKEN, PHONE, Refused, TestGateway};

/// A send with a name, or without one.
fn send(request_id: Option<Uuid>, profile_id: &str) -> CreateVerificationRequest {
    CreateVerificationRequest {
        request_id: request_id.map(|id| id.to_string()).unwrap_or_default(),
        phone_number: PHONE.into(),
        channel: Channel::Sms.into(),
        profile_id: profile_id.into(),
        ..CreateVerificationRequest::default()
    }
}

/// The id in an answer, and what its metadata says of an earlier call.
fn told(answer: Result<Response<CreateVerificationResponse>, Status>) -> (String, Option<&'static str>) {
    let answer = answer.unwrap();
    let earlier = ["replayed", "duplicate"].into_iter().find(|key| answer.metadata().contains_key(*key));
    (answer.into_inner().verification.unwrap().id, earlier)
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_no_second_message() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    let request = send(Some(Uuid::new_v4()), &profile_id);
    let first = clients.verifications.create_verification(request.clone()).await.unwrap();
    assert!(!first.metadata().contains_key("replayed"));
    let again = clients.verifications.create_verification(request).await.unwrap();
    assert_eq!(again.metadata().get("replayed").unwrap(), "true");
    assert!(first.into_inner() == again.into_inner());
    assert_eq!(gateway.messages(PHONE).await.len(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn equal_calls_at_once_send_one_message() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    gateway.fault(json!({"method": "POST", "delay_ms": 50})).await;
    let request = send(Some(Uuid::new_v4()), &profile_id);
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let (mut verifications, request) = (clients.verifications.clone(), request.clone());
            tokio::spawn(async move { told(verifications.create_verification(request).await) })
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
async fn a_request_id_names_one_request_of_one_tenant() {
    let gateway = TestGateway::start().await;
    let (mut login, mut billing) = (gateway.clients().await, gateway.clients_with(Some(OTHER_TOKEN)).await);
    let (profile_id, others) = (login.sms_profile().await, billing.sms_profile().await);
    let id = Some(Uuid::new_v4());
    login.verifications.create_verification(send(id, &profile_id)).await.unwrap();
    let other = CreateVerificationRequest { custom_code: "12345".into(), ..send(id, &profile_id) };
    Refused::by(login.verifications.create_verification(other).await).is(Code::FailedPrecondition, "REQUEST_ID_REUSED");
    assert_eq!(gateway.messages(PHONE).await.len(), 1);
    assert_eq!(told(billing.verifications.create_verification(send(id, &others)).await).1, None);
    assert_eq!(gateway.messages(PHONE).await.len(), 2);
    gateway.stop().await;
}

#[tokio::test]
async fn a_failure_that_changed_nothing_leaves_the_request_id_free() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    let request = send(Some(Uuid::new_v4()), &profile_id);
    gateway.fault(json!({"method": "POST", "status": 402, "code": "20100"})).await;
    Refused::by(clients.verifications.create_verification(request.clone()).await)
        .is(Code::FailedPrecondition, "INSUFFICIENT_FUNDS");
    assert_eq!(told(clients.verifications.create_verification(request).await).1, None);
    assert_eq!(gateway.messages(PHONE).await.len(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn a_lost_send_without_a_trace_is_sent_anew_only_when_none_can_come_any_more() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    let request = send(Some(Uuid::new_v4()), &profile_id);
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
    assert_eq!(told(clients.verifications.create_verification(request).await).1, None);
    assert_eq!(gateway.messages(PHONE).await.len(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn a_send_whose_caller_is_gone_is_followed_to_its_end() {
    let short = Duration::from_millis(60);
    let gateway = TestGateway::builder().config(|config| config.grpc.default_deadline = short).start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    gateway.fault(json!({"method": "POST", "delay_ms": 200})).await;
    let named = send(Some(Uuid::new_v4()), &profile_id);
    Refused::by(clients.verifications.create_verification(named.clone()).await)
        .is(Code::Unknown, "SEND_OUTCOME_UNKNOWN");
    let mut patient = Request::new(named);
    patient.metadata_mut().insert("grpc-timeout", "10S".parse().unwrap());
    assert_eq!(told(clients.verifications.create_verification(patient).await).1, Some("replayed"));
    assert_eq!(gateway.messages(PHONE).await.len(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn an_equal_send_without_a_name_counts_as_the_pending_one_within_the_tenants_window() {
    let window = Duration::from_mins(1);
    let gateway = TestGateway::builder().login(|login| login.duplicate_window = Some(window)).start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    let request = send(None, &profile_id);
    let (first, _) = told(clients.verifications.create_verification(request.clone()).await);
    let again = told(clients.verifications.create_verification(request.clone()).await);
    assert_eq!(again, (first.clone(), Some("duplicate")));

    // Another content, or a name, is another intent.
    let other = CreateVerificationRequest { custom_code: "12345".into(), ..request.clone() };
    assert_eq!(told(clients.verifications.create_verification(other).await).1, None);
    assert_eq!(told(clients.verifications.create_verification(send(Some(Uuid::new_v4()), &profile_id)).await).1, None);
    assert_eq!(gateway.messages(PHONE).await.len(), 3);

    gateway.clock.advance(window);
    assert_eq!(told(clients.verifications.create_verification(request.clone()).await).1, None);
    let code = gateway.code(PHONE).await;
    assert_eq!(check(&mut clients, Target::PhoneNumber(PHONE.into()), &profile_id, &code).await, Ok(Accepted));
    // What is no longer pending stands for nothing.
    assert_eq!(told(clients.verifications.create_verification(request).await).1, None);
    assert_eq!(gateway.messages(PHONE).await.len(), 5);
    gateway.stop().await;
}

#[tokio::test]
async fn a_profile_and_a_template_are_created_once() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile = Profile { name: "one".into(), sms: Some(SmsSettings::default()), ..Profile::default() };
    let profile = CreateProfileRequest { request_id: Uuid::new_v4().to_string(), profile: Some(profile) };
    let template = CreateTemplateRequest { request_id: Uuid::new_v4().to_string(), text: "{{code}}".into() };
    // One that looks the same was there before.
    let unnamed = CreateTemplateRequest { request_id: String::new(), ..template.clone() };
    let before = clients.templates.create_template(unnamed).await.unwrap().into_inner().template.unwrap();

    let mut profiles = Vec::new();
    let mut templates = Vec::new();
    gateway.fault(json!({"times": 2, "method": "POST", "reset": true, "act": "after"})).await;
    for _ in 0..2 {
        let answer = clients.profiles.create_profile(profile.clone()).await.unwrap();
        profiles.push((answer.metadata().contains_key("replayed"), answer.into_inner().profile.unwrap().id));
        let answer = clients.templates.create_template(template.clone()).await.unwrap();
        templates.push((answer.metadata().contains_key("replayed"), answer.into_inner().template.unwrap().id));
    }
    for both in [&profiles, &templates] {
        let [(false, first), (true, second)] = &both[..] else { panic!("{both:?}") };
        assert_eq!(first, second);
    }
    assert_ne!(templates[0].1, before.id);
    let all = clients.templates.list_templates(ListTemplatesRequest::default()).await.unwrap().into_inner();
    assert_eq!(all.templates.iter().filter(|one| one.text == "{{code}}").count(), 2);
    gateway.stop().await;
}

#[tokio::test]
async fn what_can_not_be_noted_is_not_begun() {
    let gateway = TestGateway::builder().config(|config| config.store.max_records = 2).start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    let id = told(clients.verifications.create_verification(send(None, &profile_id)).await).0;
    let refused = Refused::by(clients.verifications.create_verification(send(Some(Uuid::new_v4()), &profile_id)).await);
    assert!(refused.is(Code::Unavailable, "STORE_UNAVAILABLE").retry_after.is_some());
    assert_eq!(gateway.messages(PHONE).await.len(), 1);
    let code = gateway.code(PHONE).await;
    let checked = check(&mut clients, Target::VerificationId(id.clone()), "", &code).await;
    assert_eq!(checked, Err("STORE_UNAVAILABLE".into()));
    // Reads go on.
    let read = GetVerificationRequest { verification_id: id };
    clients.verifications.get_verification(read).await.unwrap();
    gateway.stop().await;
}

/// The outcome of a check, or the reason of its failure.
async fn check(clients: &mut Clients, target: Target, profile_id: &str, code: &str) -> Result<CheckOutcome, String> {
    let request = CheckVerificationRequest { target: Some(target), profile_id: profile_id.into(), code: code.into() };
    match clients.verifications.check_verification(request).await {
        Ok(answer) => Ok(answer.into_inner().outcome()),
        Err(status) => Err(Refused::by::<()>(Err(status)).reason),
    }
}

/// The code of a new verification with its two targets, by number first, and one that is wrong.
async fn pending(gateway: &TestGateway, clients: &mut Clients) -> ([(Target, String); 2], String, &'static str) {
    let profile_id = clients.sms_profile().await;
    let id = clients.send(PHONE, &profile_id).await.id;
    let code = gateway.code(PHONE).await;
    let targets = [(Target::PhoneNumber(PHONE.into()), profile_id), (Target::VerificationId(id), String::new())];
    let wrong = if code == "000000" { "111111" } else { "000000" };
    (targets, code, wrong)
}

const UNKNOWN: &str = "CHECK_OUTCOME_UNKNOWN";

#[tokio::test]
async fn a_right_code_whose_answer_is_lost_is_found_to_be_right_and_a_wrong_one_is_not() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    for by in 0..2 {
        let (targets, code, wrong) = pending(&gateway, &mut clients).await;
        let (target, profile_id) = targets[by].clone();
        let lost = json!({"method": "POST", "reset": true, "act": "after"});
        gateway.fault(lost.clone()).await;
        assert_eq!(check(&mut clients, target.clone(), &profile_id, wrong).await, Err(UNKNOWN.into()));
        // The one before may have been right: now nothing proves which.
        gateway.fault(lost.clone()).await;
        assert_eq!(check(&mut clients, target, &profile_id, &code).await, Err(UNKNOWN.into()));

        let (targets, code, wrong) = pending(&gateway, &mut clients).await;
        let (target, profile_id) = targets[by].clone();
        assert_eq!(check(&mut clients, target.clone(), &profile_id, wrong).await, Ok(Rejected));
        gateway.fault(lost).await;
        assert_eq!(check(&mut clients, target, &profile_id, &code).await, Ok(Accepted));
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_wrong_code_is_not_taken_for_the_right_one_that_came_before_it() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    for (right, wrong_by) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let (targets, code, wrong) = pending(&gateway, &mut clients).await;
        let (target, profile_id) = targets[right].clone();
        assert_eq!(check(&mut clients, target, &profile_id, &code).await, Ok(Accepted));
        gateway.fault(json!({"method": "POST", "reset": true, "act": "after"})).await;
        let (target, profile_id) = targets[wrong_by].clone();
        assert_eq!(check(&mut clients, target, &profile_id, wrong).await, Err(UNKNOWN.into()));
    }
    gateway.stop().await;
}
