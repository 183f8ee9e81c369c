//! Profiles: every field there and back, pages, and changes that lose nothing.

use std::collections::HashSet;

use prost_types::{Duration, FieldMask};
use tonic::Code;
use verify_gateway::pb::{
    CallSettings, DeleteProfileRequest, DtmfConfirmSettings, FlashcallSettings, GetProfileRequest, ListProfilesRequest,
    Profile, SmsSettings, SpendLimit, UpdateProfileRequest, WhatsappSettings,
};

use crate::support::{Clients, Refused, TestGateway};

fn seconds(seconds: i64) -> Duration {
    Duration { seconds, nanos: 0 }
}

/// A profile with every field set that can be.
fn full() -> Profile {
    Profile {
        name: "full".into(),
        language: "en-US".into(),
        webhook_url: "https://example.com/hook".into(),
        webhook_failover_url: "https://example.org/hook".into(),
        daily_spend_limit: Some(SpendLimit { amount_usd: "25.5".into(), enabled: true }),
        sms: Some(SmsSettings {
            app_name: "Acme".into(),
            code_length: 6,
            default_timeout: Some(seconds(120)),
            template_id: "0abb5b4f-459f-445a-bfcd-488998b7572d".into(),
            allowed_destinations: vec!["US".into(), "CA".into()],
            alpha_sender: "Acme".into(),
        }),
        call: Some(CallSettings {
            app_name: "Acme".into(),
            code_length: 4,
            default_timeout: Some(seconds(60)),
            template_id: "2ca3f1da-5621-4aa6-ae56-df21caff79e0".into(),
            allowed_destinations: vec!["*".into()],
        }),
        flashcall: Some(FlashcallSettings {
            app_name: "Acme".into(),
            default_timeout: Some(seconds(30)),
            ..Default::default()
        }),
        whatsapp: Some(WhatsappSettings {
            default_timeout: Some(seconds(90)),
            allowed_destinations: vec!["US".into()],
            waba_id: "1234".into(),
            sender_phone_number: "+13035550000".into(),
            waba_template_id: "tmpl".into(),
            ..WhatsappSettings::default()
        }),
        dtmf_confirm: Some(DtmfConfirmSettings { default_timeout: Some(seconds(45)) }),
        ..Profile::default()
    }
}

async fn update(clients: &mut Clients, profile: Profile, paths: &[&str]) -> Profile {
    let update_mask = Some(FieldMask { paths: paths.iter().map(ToString::to_string).collect() });
    let request = UpdateProfileRequest { profile: Some(profile), update_mask };
    clients.profiles.update_profile(request).await.unwrap().into_inner().profile.unwrap()
}

async fn get(clients: &mut Clients, id: &str) -> Profile {
    let request = GetProfileRequest { profile_id: id.into() };
    clients.profiles.get_profile(request).await.unwrap().into_inner().profile.unwrap()
}

/// Without what Telnyx adds.
fn given(mut profile: Profile) -> Profile {
    profile.id.clear();
    (profile.create_time, profile.update_time) = (None, None);
    if let Some(whatsapp) = &mut profile.whatsapp {
        (whatsapp.app_name, whatsapp.template_id, whatsapp.code_length) = Default::default();
    }
    profile
}

#[tokio::test]
async fn every_field_goes_there_and_comes_back() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let created = clients.profile(full()).await;
    assert!(created.create_time.is_some() && created.update_time.is_some());
    let read = get(&mut clients, &created.id).await;
    assert!(given(read) == full());
    gateway.stop().await;
}

#[tokio::test]
async fn a_change_inside_a_block_loses_nothing_else() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let id = clients.profile(full()).await.id;
    let change = Profile {
        id: id.clone(),
        name: "ignored, the mask does not name it".into(),
        sms: Some(SmsSettings { code_length: 8, ..SmsSettings::default() }),
        call: Some(CallSettings { default_timeout: Some(seconds(200)), ..CallSettings::default() }),
        ..Profile::default()
    };
    update(&mut clients, change, &["sms.code_length", "call.default_timeout", "sms.app_name", "webhook_url"]).await;

    let mut expected = full();
    expected.webhook_url.clear();
    let sms = expected.sms.as_mut().unwrap();
    (sms.code_length, sms.app_name) = (8, String::new());
    expected.call.as_mut().unwrap().default_timeout = Some(seconds(200));
    assert!(given(get(&mut clients, &id).await) == expected);
    gateway.stop().await;
}

#[tokio::test]
async fn a_whole_block_takes_the_place_of_the_old_one() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let id = clients.profile(full()).await.id;
    let sms = SmsSettings { app_name: "New".into(), ..SmsSettings::default() };
    let change = Profile { id: id.clone(), sms: Some(sms), ..Profile::default() };
    update(&mut clients, change, &["sms"]).await;
    let read = get(&mut clients, &id).await;
    assert_eq!(read.sms.as_ref().unwrap().app_name, "New");
    assert!(read.sms.as_ref().unwrap().template_id.is_empty());
    assert!(read.call == full().call);
    gateway.stop().await;
}

#[tokio::test]
async fn a_flash_call_block_is_only_taken_whole() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let id = clients.profile(full()).await.id;
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
async fn pages_hold_every_profile_once_whatever_their_sizes() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let mut created = HashSet::new();
    for _ in 0..23 {
        created.insert(clients.sms_profile().await);
    }
    for sizes in [[10, 10], [7, 3], [4, 9], [23, 1], [0, 0]] {
        let mut seen = Vec::new();
        let mut request = ListProfilesRequest { page_size: sizes[0], ..ListProfilesRequest::default() };
        loop {
            let page = clients.profiles.list_profiles(request).await.unwrap().into_inner();
            assert_eq!(page.total_size, 23);
            seen.extend(page.profiles.into_iter().map(|profile| profile.id));
            if page.next_page_token.is_empty() {
                break;
            }
            request = ListProfilesRequest {
                page_size: sizes[1],
                page_token: page.next_page_token,
                ..ListProfilesRequest::default()
            };
        }
        assert_eq!(seen.len(), 23, "{sizes:?}");
        assert_eq!(seen.into_iter().collect::<HashSet<_>>(), created, "{sizes:?}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn profiles_are_found_by_name_and_deleted() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    clients.sms_profile().await;
    let id = clients.profile(full()).await.id;
    let by_name = ListProfilesRequest { name: "full".into(), ..ListProfilesRequest::default() };
    let found = clients.profiles.list_profiles(by_name).await.unwrap().into_inner();
    assert_eq!(found.profiles.iter().map(|profile| profile.id.as_str()).collect::<Vec<_>>(), [&id]);

    clients.profiles.delete_profile(DeleteProfileRequest { profile_id: id.clone() }).await.unwrap();
    let read = clients.profiles.get_profile(GetProfileRequest { profile_id: id }).await;
    Refused::by(read).is(Code::NotFound, "PROFILE_NOT_FOUND");
    gateway.stop().await;
}
