//! `DeleteProfile`.

use serde_json::json;
use tonic::Code;
use verify_gateway::pb::{DeleteProfileRequest, GetProfileRequest};

use crate::support::{Refused, TestGateway, full_profile};

#[tokio::test]
async fn a_deleted_profile_is_gone() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.profile(full_profile()).await.id;
    clients.profiles.delete_profile(DeleteProfileRequest { profile_id: profile_id.clone() }).await.unwrap();
    let read = clients.profiles.get_profile(GetProfileRequest { profile_id }).await;
    Refused::by(read).is(Code::NotFound, "PROFILE_NOT_FOUND");
    gateway.stop().await;
}

#[tokio::test]
async fn a_delete_whose_answer_is_lost_succeeds_and_a_second_one_finds_nothing() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    gateway.fault(json!({"reset": true, "act": "after"})).await;
    clients.profiles.delete_profile(DeleteProfileRequest { profile_id: profile_id.clone() }).await.unwrap();
    let again = clients.profiles.delete_profile(DeleteProfileRequest { profile_id }).await;
    Refused::by(again).is(Code::NotFound, "PROFILE_NOT_FOUND");
    gateway.stop().await;
}

#[tokio::test]
async fn an_empty_request_is_refused_with_every_required_field() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    Refused::by(clients.profiles.delete_profile(DeleteProfileRequest::default()).await).names_fields(&["profile_id"]);
    gateway.stop().await;
}
