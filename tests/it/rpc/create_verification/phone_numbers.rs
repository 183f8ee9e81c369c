//! Which phone numbers a send accepts. `tests/phone` has the numbers themselves.

use tonic::Code;
use verify_gateway::{
    domain::{Allowed, Country, Limit, LimitWindow, Limits, NumberType, Permissions},
    pb::{Profile, SmsSettings},
};

use crate::support::{Clients, Refused, TestGateway};

/// The ID of a profile that reaches every country.
async fn anywhere(clients: &mut Clients) -> String {
    let sms = SmsSettings { app_name: "Acme".into(), allowed_destinations: vec!["*".into()], ..SmsSettings::default() };
    clients.profile(Profile { name: "anywhere".into(), sms: Some(sms), ..Profile::default() }).await.id
}

#[tokio::test]
async fn a_number_that_is_not_in_its_one_e164_spelling_is_refused_with_the_cause() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile_id = anywhere(&mut clients).await;
    for (phone_number, cause) in [
        ("+15559876", "area code"),
        ("+49015112345679", "prefix for calls inside the country"),
        ("+430664123456", "prefix for calls inside the country"),
        ("+5215512345678", "area code"),
        ("+99912345678", "assigned calling code"),
        ("+1 303 555 1234", "must be E.164"),
    ] {
        let refused = Refused::by(clients.try_send(phone_number, &profile_id).await).names_fields(&["phone_number"]);
        assert!(refused.message.contains(cause), "{phone_number}: {}", refused.message);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_number_in_a_new_or_fictional_range_has_a_country() {
    let countries = Allowed::Only(["US", "GB", "IT"].map(|code| Country::new(code).unwrap()).into());
    let permissions = Permissions { countries, ..Permissions::all() };
    let gateway = TestGateway::builder().permissions(permissions).start().await;
    let mut clients = gateway.clients().await;
    let profile_id = anywhere(&mut clients).await;
    for phone_number in ["+18615551234", "+15555550100", "+447700900123", "+390612345678"] {
        clients.send(phone_number, &profile_id).await;
    }
    for phone_number in ["+447911123456", "+14161991234", "+870773123456"] {
        Refused::by(clients.try_send(phone_number, &profile_id).await)
            .is(Code::PermissionDenied, "COUNTRY_NOT_ALLOWED");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_denial_names_the_country_that_was_found_and_whether_it_is_assumed() {
    let countries = Allowed::Only(vec![Country::new("DE").unwrap()]);
    let gateway = TestGateway::builder().permissions(Permissions { countries, ..Permissions::all() }).start().await;
    let mut clients = gateway.clients().await;
    let profile_id = anywhere(&mut clients).await;
    for (phone_number, country, is_assumed) in [
        ("+13035551234", Some("US"), false),
        ("+17875551234", Some("PR"), false),
        ("+447911123456", Some("GG"), false),
        ("+447700900123", Some("GB"), true),
        ("+18615551234", Some("US"), true),
        ("+870773123456", None, false),
    ] {
        let refused = Refused::by(clients.try_send(phone_number, &profile_id).await)
            .is(Code::PermissionDenied, "COUNTRY_NOT_ALLOWED");
        let metadata = |key: &str| refused.metadata.get(key).map(String::as_str);
        let found = (metadata("country"), metadata("country_assumed"));
        assert_eq!(found, (country, is_assumed.then_some("true")), "{phone_number}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_special_number_is_refused_unless_the_tenant_allows_its_type() {
    let special = [
        "+19002345678",
        "+19001111111",
        "+449098790123",
        "+611300975707",
        "+443069990123",
        "+979123456789",
        "+870773123456",
    ];
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile_id = anywhere(&mut clients).await;
    for phone_number in special {
        let refused = Refused::by(clients.try_send(phone_number, &profile_id).await)
            .is(Code::PermissionDenied, "NUMBER_TYPE_NOT_ALLOWED");
        assert_eq!(refused.rule.as_deref(), Some("number_types"));
    }
    gateway.stop().await;

    let premium = |login: &mut verify_gateway::domain::Tenant| login.number_types = vec![NumberType::PremiumRate];
    let gateway = TestGateway::builder().login(premium).start().await;
    let mut clients = gateway.clients().await;
    let profile_id = anywhere(&mut clients).await;
    clients.send("+19002345678", &profile_id).await;
    Refused::by(clients.try_send("+611300975707", &profile_id).await)
        .is(Code::PermissionDenied, "NUMBER_TYPE_NOT_ALLOWED");
    gateway.stop().await;
}

#[tokio::test]
async fn the_two_numbers_of_one_phone_share_its_limit() {
    let window = LimitWindow { max: 1, per: std::time::Duration::from_mins(10) };
    let limits = Limits { sends_per_phone_number: Some(Limit::enforced(vec![window])), ..Limits::none() };
    let gateway = TestGateway::builder().login(|login| login.limits = limits).start().await;
    let mut clients = gateway.clients().await;
    let profile_id = anywhere(&mut clients).await;
    clients.send("+5491123456789", &profile_id).await;
    Refused::by(clients.try_send("+541123456789", &profile_id).await)
        .is(Code::ResourceExhausted, "PHONE_SEND_LIMIT_REACHED");
    gateway.stop().await;
}
