//! Who calls, and what each may see and do.

use tonic::Code;
use verify_gateway::{
    domain::Country,
    pb::{
        Channel, CheckVerificationRequest, CreateVerificationRequest, GetProfileRequest, GetVerificationRequest,
        ListProfilesRequest, ListTemplatesRequest, ListVerificationsRequest, check_verification_request::Target,
    },
    tenant::Allow,
};

use crate::support::{OTHER_TOKEN, PHONE, Refused, TestGateway};

#[tokio::test]
async fn nothing_is_served_without_a_tenant_and_all_refusals_look_alike() {
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
async fn two_tenants_with_different_keys_never_see_each_others_data() {
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
    // It was not spent by the others' try.
    ours.verifications.check_verification(check).await.unwrap();
    gateway.stop().await;
}

#[tokio::test]
async fn what_a_tenant_may_not_do_names_the_rule() {
    let allow = Allow {
        rpcs: vec!["CreateVerification".into(), "CreateProfile".into()],
        channels: vec![verify_gateway::telnyx::Channel::Sms],
        countries: vec![Country::new("US").unwrap()],
        profiles: vec!["allowed".into()],
    };
    let gateway = TestGateway::with(|_| (), allow).await;
    let mut clients = gateway.clients().await;
    let refused = Refused::by(clients.templates.list_templates(ListTemplatesRequest::default()).await)
        .is(Code::PermissionDenied, "RPC_NOT_ALLOWED");
    assert_eq!(refused.rule.as_deref(), Some("allow.rpcs"));

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
    let call = send(PHONE, Channel::Call, "allowed").await;
    assert_eq!(call, denied("CHANNEL_NOT_ALLOWED", "allow.channels"));
    let abroad = send("+442071838750", Channel::Sms, "allowed").await;
    assert_eq!(abroad, denied("COUNTRY_NOT_ALLOWED", "allow.countries"));
    let other = send(PHONE, Channel::Sms, "other").await;
    assert_eq!(other, denied("PROFILE_NOT_ALLOWED", "allow.profiles"));
    // What is allowed gets as far as Telnyx, which knows no such profile.
    assert_eq!(send(PHONE, Channel::Sms, "allowed").await.1, "PROFILE_NOT_FOUND");
    gateway.stop().await;
}
