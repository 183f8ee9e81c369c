//! `UpdateProfile`: the update mask says which fields change.

use prost_types::FieldMask;
use serde_json::json;
use tonic::Code;
use verify_gateway::pb::{CallSettings, FlashcallSettings, Profile, SmsSettings, UpdateProfileRequest};

use super::without_output_fields;
use crate::support::{Clients, Origin, Refused, TestGateway, full_profile, seconds};

async fn update(clients: &mut Clients, profile: Profile, paths: &[&str]) -> Profile {
    let update_mask = Some(FieldMask { paths: paths.iter().map(ToString::to_string).collect() });
    let request = UpdateProfileRequest { profile: Some(profile), update_mask };
    clients.profiles.update_profile(request).await.unwrap().into_inner().profile.unwrap()
}

#[tokio::test]
async fn a_change_of_one_field_of_a_block_keeps_the_other_fields() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let id = clients.profile(full_profile()).await.id;
    let change = Profile {
        id: id.clone(),
        name: "ignored, the mask does not name it".into(),
        sms: Some(SmsSettings { code_length: 8, ..SmsSettings::default() }),
        call: Some(CallSettings { default_timeout: Some(seconds(200)), ..CallSettings::default() }),
        ..Profile::default()
    };
    update(&mut clients, change, &["sms.code_length", "call.default_timeout", "sms.app_name", "webhook_url"]).await;

    let mut expected = full_profile();
    expected.webhook_url.clear();
    let sms = expected.sms.as_mut().unwrap();
    (sms.code_length, sms.app_name) = (8, String::new());
    expected.call.as_mut().unwrap().default_timeout = Some(seconds(200));
    assert!(without_output_fields(clients.get_profile(&id).await) == expected);
    gateway.stop().await;
}

#[tokio::test]
async fn a_block_in_the_mask_replaces_the_whole_block() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let id = clients.profile(full_profile()).await.id;
    let sms = SmsSettings { app_name: "New".into(), ..SmsSettings::default() };
    let change = Profile { id: id.clone(), sms: Some(sms), ..Profile::default() };
    update(&mut clients, change, &["sms"]).await;
    let read = clients.get_profile(&id).await;
    assert_eq!(read.sms.as_ref().unwrap().app_name, "New");
    assert!(read.sms.as_ref().unwrap().template_id.is_empty());
    assert!(read.call == full_profile().call);
    gateway.stop().await;
}

#[tokio::test]
async fn a_flash_call_block_changes_only_as_a_whole() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let id = clients.profile(full_profile()).await.id;
    let flashcall = FlashcallSettings { app_name: "New".into(), ..FlashcallSettings::default() };
    let change = Profile { id, flashcall: Some(flashcall), ..Profile::default() };
    let part = UpdateProfileRequest {
        profile: Some(change.clone()),
        update_mask: Some(FieldMask { paths: vec!["flashcall.app_name".into()] }),
    };
    Refused::by(clients.profiles.update_profile(part).await).is(Code::InvalidArgument, "INVALID_REQUEST");
    let changed = update(&mut clients, change, &["flashcall"]).await;
    assert_eq!(changed.flashcall.unwrap().app_name, "New");
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
async fn an_empty_request_is_refused_with_every_required_field() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let answer = clients.profiles.update_profile(UpdateProfileRequest::default()).await;
    Refused::by(answer).names_fields(&["profile", "update_mask"]);
    gateway.stop().await;
}

/// A change of one field of the SMS block.
fn change(id: &str, sms: SmsSettings, path: &str) -> UpdateProfileRequest {
    UpdateProfileRequest {
        profile: Some(Profile { id: id.into(), sms: Some(sms), ..Profile::default() }),
        update_mask: Some(FieldMask { paths: vec![path.into()] }),
    }
}

#[tokio::test]
async fn two_changes_of_one_block_at_the_same_time_both_take_effect() {
    let gateway = TestGateway::start().await;
    let (mut one, mut other) = (gateway.clients().await, gateway.clients().await);
    let id = one.profile(full_profile()).await.id;
    for times in [1, 2] {
        gateway.fault(json!({"method": "PATCH", "delay_ms": 100, "times": times})).await;
        let code_length = 4 + times;
        let app_name = format!("Round {times}");
        let of_length = change(&id, SmsSettings { code_length, ..SmsSettings::default() }, "sms.code_length");
        let of_name = change(&id, SmsSettings { app_name: app_name.clone(), ..SmsSettings::default() }, "sms.app_name");
        let (length, name) =
            tokio::join!(one.profiles.update_profile(of_length), other.profiles.update_profile(of_name));
        let _both = (length.unwrap(), name.unwrap());
        let sms = one.get_profile(&id).await.sms.unwrap();
        assert_eq!((sms.code_length, &sms.app_name), (code_length, &app_name));
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_change_whose_caller_goes_away_does_not_hold_up_the_next_one() {
    const PROFILE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 25\r\n\r\n{\"data\":{\"id\":\"some-id\"}}";
    let origin = Origin::holding(PROFILE).await;
    let gateway = TestGateway::builder().upstream(origin.addr).start().await;
    let mut clients = gateway.clients().await;
    let of_name = change("some-id", SmsSettings { app_name: "New".into(), ..SmsSettings::default() }, "sms.app_name");
    let request = of_name.clone();
    let mut leaving = gateway.clients().await;
    let gone = tokio::spawn(async move { leaving.profiles.update_profile(request).await });
    origin.until(|seen| seen.requests == 1).await;
    gone.abort();
    assert!(gone.await.is_err_and(|error| error.is_cancelled()));
    origin.release();
    clients.profiles.update_profile(of_name).await.unwrap();
    gateway.stop().await;
}
