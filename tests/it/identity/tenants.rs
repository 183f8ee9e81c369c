//! Tenants and permissions.

use tonic::Code;
use verify_gateway::{
    domain::{Allowed, ApiKey, Country, Identity, Permissions, Tenant, TenantId, TokenHash},
    pb::{
        Channel, CheckVerificationRequest, CreateVerificationRequest, GetProfileRequest, GetVerificationRequest,
        ListProfilesRequest, ListTemplatesRequest, ListVerificationsRequest, check_verification_request::Target,
    },
    telnyx,
    tenant::{Credential, Directory},
};

use crate::support::{KEY, OTHER_TOKEN, PHONE, Refused, TOKEN, TestGateway, full_profile};

#[tokio::test]
async fn a_call_without_valid_credentials_is_refused_with_one_message() {
    let gateway = TestGateway::start().await;
    let mut seen = Vec::new();
    for token in [None, Some(""), Some("nobody's token"), Some("vgw_login-login-logi"), Some("vgw_login-login-login ")]
    {
        let mut clients = gateway.clients_with(token).await;
        let refused = Refused::by(clients.templates.list_templates(ListTemplatesRequest::default()).await)
            .is(Code::Unauthenticated, "CREDENTIALS_INVALID");
        seen.push(refused.message);
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn tenants_with_different_keys_never_see_each_others_data() {
    let gateway = TestGateway::start().await;
    let mut ours = gateway.clients().await;
    let mut theirs = gateway.clients_with(Some(OTHER_TOKEN)).await;
    let profile_id = ours.sms_profile().await;
    let verification_id = ours.send(PHONE, &profile_id).await.id;
    let code = gateway.code(PHONE).await;

    let profiles = theirs.profiles.list_profiles(ListProfilesRequest::default()).await.unwrap().into_inner();
    assert_eq!(profiles.total_size, 0);
    let list = ListVerificationsRequest { phone_number: PHONE.into(), ..ListVerificationsRequest::default() };
    let list = theirs.verifications.list_verifications(list).await.unwrap().into_inner();
    assert!(list.verifications.is_empty());
    let read = GetProfileRequest { profile_id: profile_id.clone() };
    Refused::by(theirs.profiles.get_profile(read).await).is(Code::NotFound, "PROFILE_NOT_FOUND");
    let read = GetVerificationRequest { verification_id: verification_id.clone() };
    Refused::by(theirs.verifications.get_verification(read).await).is(Code::NotFound, "VERIFICATION_NOT_FOUND");
    Refused::by(theirs.try_send(PHONE, &profile_id).await).is(Code::NotFound, "PROFILE_NOT_FOUND");
    let check = CheckVerificationRequest {
        target: Some(Target::VerificationId(verification_id)),
        code,
        ..CheckVerificationRequest::default()
    };
    Refused::by(theirs.verifications.check_verification(check.clone()).await)
        .is(Code::NotFound, "VERIFICATION_NOT_FOUND");
    // The other tenant's check did not use an attempt.
    ours.verifications.check_verification(check).await.unwrap();
    gateway.stop().await;
}

#[tokio::test]
async fn a_denied_call_names_the_rule_and_the_identity() {
    let permissions = Permissions {
        rpcs: Allowed::Only(vec!["CreateVerification", "CreateProfile"]),
        channels: Allowed::Only(vec![telnyx::Channel::Sms]),
        countries: Allowed::Only(vec![Country::new("US").unwrap()]),
        profiles: Allowed::Only(vec!["allowed-1".into()]),
    };
    let gateway = TestGateway::builder().permissions(permissions).start().await;
    let mut clients = gateway.clients().await;
    let refused = Refused::by(clients.templates.list_templates(ListTemplatesRequest::default()).await)
        .is(Code::PermissionDenied, "RPC_NOT_ALLOWED");
    assert_eq!((refused.rule.as_deref(), refused.identity.as_deref()), (Some("rpcs"), Some("login-service")));

    let mut send = async |phone: &str, channel: Channel, profile: &str| {
        let request = CreateVerificationRequest {
            phone_number: phone.into(),
            channel: channel.into(),
            profile_id: profile.into(),
            ..CreateVerificationRequest::default()
        };
        let refused = Refused::by(clients.verifications.create_verification(request).await);
        (refused.code, refused.reason, refused.rule.unwrap_or_default())
    };
    let denied = |reason: &str, rule: &str| (Code::PermissionDenied, reason.to_owned(), rule.to_owned());
    let call = send(PHONE, Channel::Call, "allowed-1").await;
    assert_eq!(call, denied("CHANNEL_NOT_ALLOWED", "channels"));
    let abroad = send("+442071838750", Channel::Sms, "allowed-1").await;
    assert_eq!(abroad, denied("COUNTRY_NOT_ALLOWED", "countries"));
    let other = send(PHONE, Channel::Sms, "other-1").await;
    assert_eq!(other, denied("PROFILE_NOT_ALLOWED", "profiles"));
    // A permitted send reaches Telnyx, which has no such profile.
    assert_eq!(send(PHONE, Channel::Sms, "allowed-1").await.1, "PROFILE_NOT_FOUND");
    gateway.stop().await;
}

#[tokio::test]
async fn an_identity_sees_only_its_permitted_profiles_and_countries() {
    let admin = "vgw_admin-admin-admin";
    let gateway = TestGateway::start().await;
    let (ours, theirs) = {
        let mut clients = gateway.clients().await;
        (clients.sms_profile().await, clients.sms_profile().await)
    };
    let tenant = Tenant::new(TenantId::new("login").unwrap(), ApiKey::new(KEY).unwrap());
    let of = |name: &str, token: &str, permissions| {
        let credentials = vec![Credential::Token(TokenHash::of(token))];
        (Identity { name: name.into(), permissions }, credentials)
    };
    let some = Permissions { profiles: Allowed::Only(vec![ours.clone()]), ..Permissions::all() };
    let us = Allowed::Only(vec![Country::new("US").unwrap()]);
    let identities =
        vec![of("admin", admin, Permissions::all()), of("some", TOKEN, Permissions { countries: us, ..some })];
    let served = TestGateway::builder()
        .upstream(gateway.simulator)
        .tenants(Directory::new(vec![(tenant, identities)]))
        .start()
        .await;
    let mut all = served.clients_with(Some(admin)).await;
    let mut some = served.clients().await;
    let seen = all.send(PHONE, &ours).await.id;
    let hidden = all.send(PHONE, &theirs).await.id;

    let read = |id: &str| GetVerificationRequest { verification_id: id.into() };
    some.verifications.get_verification(read(&seen)).await.unwrap();
    let refused = Refused::by(some.verifications.get_verification(read(&hidden)).await);
    assert_eq!(refused.is(Code::PermissionDenied, "PROFILE_NOT_ALLOWED").rule.as_deref(), Some("profiles"));
    let list = ListVerificationsRequest { phone_number: PHONE.into(), ..ListVerificationsRequest::default() };
    let listed = some.verifications.list_verifications(list.clone()).await.unwrap().into_inner().verifications;
    assert_eq!(listed.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), [seen.as_str()]);
    assert_eq!(all.verifications.list_verifications(list).await.unwrap().into_inner().verifications.len(), 2);
    let abroad =
        ListVerificationsRequest { phone_number: "+442071838750".into(), ..ListVerificationsRequest::default() };
    Refused::by(some.verifications.list_verifications(abroad).await).is(Code::PermissionDenied, "COUNTRY_NOT_ALLOWED");
    let profiles = some.profiles.list_profiles(ListProfilesRequest::default()).await.unwrap().into_inner().profiles;
    assert_eq!(profiles.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), [ours.as_str()]);
    served.stop().await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_list_by_name_does_not_tell_which_names_others_use() {
    let gateway = TestGateway::start().await;
    let mut all = gateway.clients().await;
    let ours = all.profile(full_profile()).await;
    all.sms_profile().await;
    all.sms_profile().await;
    let permissions = Permissions { profiles: Allowed::Only(vec![ours.id.clone()]), ..Permissions::all() };
    let served = TestGateway::builder().upstream(gateway.simulator).permissions(permissions).start().await;
    let mut some = served.clients().await;
    for page_size in [1, 2, 0] {
        // The pages of a name: how many profiles each has, and the total size that it says.
        let mut pages_of = async |name: &str| {
            let mut request = ListProfilesRequest { name: name.into(), page_size, ..ListProfilesRequest::default() };
            let mut pages = Vec::new();
            loop {
                let page = some.profiles.list_profiles(request.clone()).await.unwrap().into_inner();
                assert!(page.profiles.iter().all(|one| one.id == ours.id), "{name}");
                pages.push((page.profiles.len(), page.total_size));
                request.page_token = page.next_page_token;
                if request.page_token.is_empty() {
                    return pages;
                }
            }
        };
        let (used, free) = (pages_of("sms").await, pages_of("nobody's").await);
        assert_eq!(used, free);
        assert_eq!(pages_of(&ours.name).await.into_iter().map(|page| page.0).sum::<usize>(), 1);
    }
    served.stop().await;
    gateway.stop().await;
}
