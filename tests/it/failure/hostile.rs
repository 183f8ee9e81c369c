//! Bad input from both sides: each has a documented answer in time, and the gateway lives on.

use std::time::Duration;

use prost_types::FieldMask;
use tonic::Code;
use verify_gateway::pb::{
    CheckVerificationRequest, CreateProfileRequest, CreateTemplateRequest, CreateVerificationRequest,
    ListProfilesRequest, ListTemplatesRequest, ListVerificationsRequest, Profile, UpdateProfileRequest,
    check_verification_request::Target,
};

use crate::{
    connection::edge::{EMPTY, post},
    support::{Clients, Origin, PHONE, Refused, TOKEN, TestGateway},
};

#[tokio::test]
async fn empty_requests_name_every_field_that_they_lack() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let fields = |refused: Refused| {
        let mut fields = refused.is(Code::InvalidArgument, "INVALID_REQUEST").fields;
        fields.sort();
        fields
    };
    let send = clients.verifications.create_verification(CreateVerificationRequest::default()).await;
    assert_eq!(fields(Refused::by(send)), ["channel", "phone_number", "profile_id"]);
    let check = clients.verifications.check_verification(CheckVerificationRequest::default()).await;
    assert_eq!(fields(Refused::by(check)), ["code", "target"]);
    let list = clients.verifications.list_verifications(ListVerificationsRequest::default()).await;
    assert_eq!(fields(Refused::by(list)), ["phone_number"]);
    let create = clients.profiles.create_profile(CreateProfileRequest::default()).await;
    assert_eq!(fields(Refused::by(create)), ["profile"]);
    let update = clients.profiles.update_profile(UpdateProfileRequest::default()).await;
    assert_eq!(fields(Refused::by(update)), ["profile", "update_mask"]);
    let template = clients.templates.create_template(CreateTemplateRequest::default()).await;
    assert_eq!(fields(Refused::by(template)), ["text"]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_malformed_number_is_refused_wherever_one_is_taken() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    for phone in ["3035551234", "+1303555", "+1 303 555 1234", "+1303555CALL", "+٣٠٣٥٥٥١٢٣٤", "\0"] {
        let list = ListVerificationsRequest { phone_number: phone.into(), ..ListVerificationsRequest::default() };
        let check = CheckVerificationRequest {
            target: Some(Target::PhoneNumber(phone.into())),
            profile_id: "some-profile".into(),
            code: "12345".into(),
        };
        for refused in [
            Refused::by(clients.try_send(phone, "some-profile").await),
            Refused::by(clients.verifications.list_verifications(list).await),
            Refused::by(clients.verifications.check_verification(check).await),
        ] {
            let refused = refused.is(Code::InvalidArgument, "INVALID_REQUEST");
            assert_eq!(refused.fields, ["phone_number"], "{phone:?}");
            assert!(phone.len() < 2 || !refused.message.contains(phone), "{}", refused.message);
        }
    }
    gateway.stop().await;
}

#[tokio::test]
async fn an_update_mask_that_names_no_field_is_refused() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let id = clients.sms_profile().await;
    for paths in [vec![], vec![String::new()], vec!["*".into()], vec!["color".into()], vec!["id".into()]] {
        let request = UpdateProfileRequest {
            profile: Some(Profile { id: id.clone(), name: "new".into(), ..Profile::default() }),
            update_mask: Some(FieldMask { paths: paths.clone() }),
        };
        let refused =
            Refused::by(clients.profiles.update_profile(request).await).is(Code::InvalidArgument, "INVALID_REQUEST");
        assert!(refused.fields.iter().all(|field| field.starts_with("update_mask")), "{paths:?} {refused:?}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_page_token_of_another_list_is_refused() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let page = ListTemplatesRequest { page_size: 2, ..ListTemplatesRequest::default() };
    let token = clients.templates.list_templates(page).await.unwrap().into_inner().next_page_token;
    assert!(!token.is_empty());
    let profiles = ListProfilesRequest { page_token: token.clone(), ..ListProfilesRequest::default() };
    let refused =
        Refused::by(clients.profiles.list_profiles(profiles).await).is(Code::InvalidArgument, "INVALID_REQUEST");
    assert_eq!(refused.fields, ["page_token"]);
    let ours = ListTemplatesRequest { page_token: token, ..ListTemplatesRequest::default() };
    clients.templates.list_templates(ours).await.unwrap();
    gateway.stop().await;
}

#[tokio::test]
async fn a_message_of_10_mb_is_refused_and_the_next_one_served() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let huge = CreateTemplateRequest { text: "x".repeat(10_000_000), ..CreateTemplateRequest::default() };
    Refused::by(clients.templates.create_template(huge).await).is(Code::InvalidArgument, "MESSAGE_TOO_LARGE");
    clients.templates.list_templates(ListTemplatesRequest::default()).await.unwrap();
    gateway.stop().await;
}

async fn read(clients: &mut Clients) -> Refused {
    Refused::by(clients.templates.list_templates(ListTemplatesRequest::default()).await)
}

async fn send(clients: &mut Clients) -> Refused {
    Refused::by(clients.try_send(PHONE, "some-profile").await)
}

#[tokio::test]
async fn an_origin_that_is_down_is_unavailable_for_reads_and_sends() {
    let gateway = TestGateway::builder().upstream(Origin::refusing().await).start().await;
    let mut clients = gateway.clients().await;
    // Nothing left, so even a send may be repeated by the caller.
    for refused in [read(&mut clients).await, send(&mut clients).await] {
        let refused = refused.is(Code::Unavailable, "UPSTREAM_UNAVAILABLE");
        assert!(refused.retry_after.is_some());
    }
    gateway.stop().await;
}

#[tokio::test]
async fn an_origin_that_answers_rubbish_is_told_from_a_working_one() {
    const HTML: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\r\n<html></html>";
    const HALF: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{\"data\": ";
    const EMPTY: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    for answer in [HTML, HALF, EMPTY] {
        let origin = Origin::answering(answer).await;
        let gateway = TestGateway::builder().upstream(origin.addr).start().await;
        let mut clients = gateway.clients().await;
        read(&mut clients).await.is(Code::Internal, "UPSTREAM_ANSWER_UNREADABLE");
        send(&mut clients).await.is(Code::Unknown, "SEND_OUTCOME_UNKNOWN");
        // The third one looked for the message.
        assert_eq!(origin.requests(), 3);
        gateway.stop().await;
    }
}

#[tokio::test]
async fn an_origin_that_cuts_its_answer_or_says_nothing_gets_other_reads_and_no_other_send() {
    const CUT: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{\"data\": [";
    const NOTHING: &[u8] = b"";
    const NO_HTTP: &[u8] = b"220 smtp ready\r\n";
    for answer in [CUT, NOTHING, NO_HTTP] {
        let origin = Origin::answering(answer).await;
        let gateway = TestGateway::builder().upstream(origin.addr).start().await;
        let mut clients = gateway.clients().await;
        read(&mut clients).await.is(Code::Unavailable, "UPSTREAM_UNAVAILABLE");
        assert_eq!(origin.requests(), 3);
        send(&mut clients).await.is(Code::Unknown, "SEND_OUTCOME_UNKNOWN");
        // One send, and a read that looks for its message.
        assert_eq!(origin.requests(), 3 + 1 + 3);
        gateway.stop().await;
    }
}

#[tokio::test]
async fn an_answer_larger_than_the_limit_is_not_read() {
    const LARGE: &[u8] =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{\"data\":\r\n8\r\n[       \r\n1\r\n]\r\n";
    let origin = Origin::answering(LARGE).await;
    let gateway = TestGateway::builder()
        .upstream(origin.addr)
        .config(|config| config.upstream.max_response_size = 15)
        .start()
        .await;
    let mut clients = gateway.clients().await;
    read(&mut clients).await.is(Code::Internal, "UPSTREAM_ANSWER_UNREADABLE");
    gateway.stop().await;
}

#[tokio::test]
async fn an_origin_that_never_answers_costs_no_more_than_the_deadline() {
    let origin = Origin::silent().await;
    let gateway = TestGateway::builder().upstream(origin.addr).start().await;
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("grpc-timeout", "80m")];
    let late = post(&gateway, "verify.v1.TemplateService/ListTemplates", &headers, EMPTY).await;
    late.is(Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    gateway.stop().await;

    let gateway = TestGateway::builder()
        .upstream(origin.addr)
        .config(|config| {
            config.grpc.default_deadline = Duration::from_millis(80);
        })
        .start()
        .await;
    let mut clients = gateway.clients().await;
    read(&mut clients).await.is(Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    send(&mut clients).await.is(Code::Unknown, "SEND_OUTCOME_UNKNOWN");
    gateway.stop().await;
}
