//! `CreateProfile`.

use serde_json::json;
use tonic::Code;
use uuid::Uuid;
use verify_gateway::pb::{CreateProfileRequest, ListProfilesRequest, Profile, SmsSettings};

use super::without_output_fields;
use crate::support::{Refused, TestGateway, full_profile};

#[tokio::test]
async fn every_field_that_is_set_reads_back_the_same() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let created = clients.profile(full_profile()).await;
    assert!(created.create_time.is_some() && created.update_time.is_some());
    let read = clients.get_profile(&created.id).await;
    assert!(without_output_fields(read) == full_profile());
    gateway.stop().await;
}

#[tokio::test]
async fn an_empty_request_is_refused_with_every_required_field() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let answer = clients.profiles.create_profile(CreateProfileRequest::default()).await;
    Refused::by(answer).names_fields(&["profile"]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_repeated_request_creates_one_profile_even_if_the_first_answer_is_lost() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile = Profile { name: "one".into(), sms: Some(SmsSettings::default()), ..Profile::default() };
    let request = CreateProfileRequest { request_id: Uuid::new_v4().to_string(), profile: Some(profile) };
    gateway.fault(json!({"method": "POST", "reset": true, "act": "after"})).await;
    let first = clients.profiles.create_profile(request.clone()).await.unwrap();
    assert!(!first.metadata().contains_key("replayed"));
    let again = clients.profiles.create_profile(request).await.unwrap();
    assert!(again.metadata().contains_key("replayed"));
    assert_eq!(first.into_inner().profile.unwrap().id, again.into_inner().profile.unwrap().id);
    let all = clients.profiles.list_profiles(ListProfilesRequest::default()).await.unwrap().into_inner();
    assert_eq!(all.total_size, 1);
    gateway.stop().await;
}

#[tokio::test]
async fn equal_profiles_in_a_row_are_created_up_to_a_limit_of_the_tenant_that_passes() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile = Profile { name: "one".into(), sms: Some(SmsSettings::default()), ..Profile::default() };
    let request = CreateProfileRequest { profile: Some(profile), ..CreateProfileRequest::default() };
    for _ in 0..128 {
        clients.profiles.create_profile(request.clone()).await.unwrap();
    }
    let refused = Refused::by(clients.profiles.create_profile(request.clone()).await)
        .is(Code::ResourceExhausted, "REQUEST_LIMIT_REACHED");
    gateway.clock.advance(refused.retry_after.unwrap());
    clients.profiles.create_profile(request).await.unwrap();
    gateway.stop().await;
}
