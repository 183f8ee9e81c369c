//! Limits on sends.

use std::time::Duration;

use serde_json::json;
use tonic::Code;
use verify_gateway::{
    domain::{CountryLimits, DAY, Limit, Limits, TenantId},
    pb::{Profile, SmsSettings},
};

use super::{gateway, hits, observed, passes_after_its_wait, refused, window};
use crate::support::{Clients, OTHER_TOKEN, PHONE, Refused, TestGateway, sms_with_request_id};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const OTHER: &str = "+13035559876";

const OF_PHONE: (&str, &str) = ("PHONE_SEND_LIMIT_REACHED", "limits.sends_per_phone_number");
const OF_COUNTRY: (&str, &str) = ("COUNTRY_SEND_LIMIT_REACHED", "limits.sends_per_country");
const OF_DAY: (&str, &str) = ("DAILY_SEND_LIMIT_REACHED", "limits.sends_per_day");
const COOL_DOWN: (&str, &str) = ("SEND_COOL_DOWN", "limits.send_cool_down");

fn per_phone(max: u32, per: Duration) -> Limits {
    Limits { sends_per_phone_number: Some(Limit::enforced(vec![window(max, per)])), ..Limits::none() }
}

/// A profile that may send to every country.
async fn worldwide(clients: &mut Clients) -> String {
    let sms = SmsSettings { app_name: "Acme".into(), allowed_destinations: vec!["*".into()], ..SmsSettings::default() };
    clients.profile(Profile { name: "all".into(), sms: Some(sms), ..Profile::default() }).await.id
}

#[tokio::test]
async fn by_default_a_phone_number_gets_three_sends_in_ten_minutes_and_five_in_an_hour() {
    let gateway = gateway(Limits::default()).await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    for _ in 0..3 {
        clients.send(PHONE, &profile_id).await;
        gateway.clock.advance(MINUTE);
    }
    let again = async || clients.clone().try_send(PHONE, &profile_id).await;
    // The first of the three sends was three minutes ago.
    assert_eq!(passes_after_its_wait(&gateway, OF_PHONE, again).await, 7 * MINUTE);
    gateway.clock.advance(10 * MINUTE);
    clients.send(PHONE, &profile_id).await;
    // Now there are five sends in the hour, the first twenty minutes ago.
    let again = async || clients.clone().try_send(PHONE, &profile_id).await;
    assert_eq!(passes_after_its_wait(&gateway, OF_PHONE, again).await, 40 * MINUTE);
    // Other numbers, and the same number in another tenant, have their own counters.
    clients.send(OTHER, &profile_id).await;
    let mut theirs = gateway.clients_with(Some(OTHER_TOKEN)).await;
    let their_profile = theirs.sms_profile().await;
    theirs.send(PHONE, &their_profile).await;
    assert_eq!(gateway.messages(PHONE).await.len(), 7);
    assert_eq!(hits(&gateway, OF_PHONE.1, "enforced").await, 4);
    gateway.stop().await;
}

#[tokio::test]
async fn each_country_has_its_own_limit() {
    let listed = [("GB".to_owned(), window(1, HOUR))].into();
    let countries = CountryLimits { default: Some(window(2, DAY)), listed };
    let limits = Limits { sends_per_country: Some(Limit::enforced(countries)), ..Limits::none() };
    let gateway = gateway(limits).await;
    let mut clients = gateway.clients().await;
    let profile_id = worldwide(&mut clients).await;
    clients.send(PHONE, &profile_id).await;
    clients.send(OTHER, &profile_id).await;
    clients.send("+442071838750", &profile_id).await;
    let again = async || clients.clone().try_send("+442071838751", &profile_id).await;
    assert_eq!(passes_after_its_wait(&gateway, OF_COUNTRY, again).await, HOUR);
    let again = async || clients.clone().try_send(PHONE, &profile_id).await;
    assert_eq!(passes_after_its_wait(&gateway, OF_COUNTRY, again).await, 23 * HOUR);
    // Canada has the calling code of the United States, and its own limit.
    clients.send("+14165551234", &profile_id).await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_tenant_has_a_daily_limit() {
    let limits = Limits { sends_per_day: Some(Limit::enforced(window(2, DAY))), ..Limits::none() };
    let gateway = gateway(limits).await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    clients.send(PHONE, &profile_id).await;
    gateway.clock.advance(HOUR);
    clients.send(OTHER, &profile_id).await;
    let again = async || clients.clone().try_send("+13035550001", &profile_id).await;
    assert_eq!(passes_after_its_wait(&gateway, OF_DAY, again).await, 23 * HOUR);
    gateway.stop().await;
}

#[tokio::test]
async fn two_sends_to_a_phone_number_are_a_cool_down_apart() {
    let limits = Limits { send_cool_down: Some(Limit::enforced(MINUTE)), ..Limits::none() };
    let gateway = gateway(limits).await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    clients.send(PHONE, &profile_id).await;
    clients.send(OTHER, &profile_id).await;
    let again = async || clients.clone().try_send(PHONE, &profile_id).await;
    assert_eq!(passes_after_its_wait(&gateway, COOL_DOWN, again).await, MINUTE);
    gateway.stop().await;
}

#[tokio::test]
async fn a_send_over_several_limits_waits_for_all_of_them_and_reserves_nothing() {
    let limits = Limits {
        send_cool_down: Some(Limit::enforced(MINUTE)),
        sends_per_day: Some(Limit::enforced(window(2, DAY))),
        ..per_phone(2, HOUR)
    };
    let gateway = gateway(limits).await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    clients.send(PHONE, &profile_id).await;
    gateway.clock.advance(HOUR / 2);
    clients.send(OTHER, &profile_id).await;
    // The number's limit allows one more send, and the daily limit none. A refused send reserves neither.
    for _ in 0..5 {
        refused(clients.try_send(PHONE, &profile_id).await, OF_DAY.0, OF_DAY.1);
    }
    // The cool-down of this number ends sooner.
    let again = async || clients.clone().try_send(OTHER, &profile_id).await;
    assert_eq!(passes_after_its_wait(&gateway, OF_DAY, again).await, 23 * HOUR + HOUR / 2);
    gateway.clock.advance(HOUR / 2);
    clients.send(PHONE, &profile_id).await;
    assert_eq!(hits(&gateway, OF_PHONE.1, "enforced").await, 0);
    gateway.stop().await;
}

#[tokio::test]
async fn a_limit_in_observe_mode_counts_and_refuses_nothing() {
    let limits = Limits {
        sends_per_phone_number: Some(observed(vec![window(1, HOUR)])),
        sends_per_day: Some(observed(window(2, DAY))),
        ..Limits::none()
    };
    let gateway = gateway(limits).await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    for _ in 0..4 {
        clients.send(PHONE, &profile_id).await;
    }
    assert_eq!(gateway.messages(PHONE).await.len(), 4);
    assert_eq!(hits(&gateway, OF_PHONE.1, "observed").await, 3);
    assert_eq!(hits(&gateway, OF_DAY.1, "observed").await, 2);
    gateway.stop().await;
}

#[tokio::test]
async fn replays_and_duplicates_of_a_send_count_once() {
    let gateway = TestGateway::builder()
        .login(|login| {
            login.limits = per_phone(1, HOUR);
            login.duplicate_window = Some(MINUTE);
        })
        .start()
        .await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    let request = sms_with_request_id(&profile_id);
    for _ in 0..4 {
        clients.verifications.create_verification(request.clone()).await.unwrap();
    }
    // An equal send without a request ID is a duplicate.
    for _ in 0..4 {
        clients.send(PHONE, &profile_id).await;
    }
    assert_eq!(gateway.messages(PHONE).await.len(), 1);
    refused(clients.verifications.create_verification(sms_with_request_id(&profile_id)).await, OF_PHONE.0, OF_PHONE.1);
    // The replay of an earlier answer needs no reservation.
    clients.verifications.create_verification(request).await.unwrap();
    gateway.stop().await;
}

#[tokio::test]
async fn a_send_that_was_not_dispatched_or_was_refused_returns_its_reservation() {
    let limits = Limits { sends_per_day: Some(Limit::enforced(window(1, DAY))), ..per_phone(1, HOUR) };
    let gateway = gateway(limits).await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    gateway.fault(json!({"method": "POST", "status": 402, "code": "20100"})).await;
    Refused::by(clients.try_send(PHONE, &profile_id).await).is(Code::FailedPrecondition, "INSUFFICIENT_FUNDS");
    // Every attempt is throttled.
    gateway.fault(json!({"method": "POST", "status": 429, "times": 3})).await;
    Refused::by(clients.try_send(PHONE, &profile_id).await).is(Code::ResourceExhausted, "UPSTREAM_RATE_LIMITED");
    clients.send(PHONE, &profile_id).await;
    refused(clients.try_send(PHONE, &profile_id).await, OF_DAY.0, OF_DAY.1);
    assert_eq!(gateway.messages(PHONE).await.len(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn an_unresolved_send_keeps_its_one_reservation() {
    let gateway = gateway(per_phone(1, HOUR)).await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    let request = sms_with_request_id(&profile_id);
    gateway.fault(json!({"method": "POST", "reset": true})).await;
    let lost = Refused::by(clients.verifications.create_verification(request.clone()).await);
    lost.is(Code::Unknown, "SEND_OUTCOME_UNKNOWN");
    refused(clients.try_send(PHONE, &profile_id).await, OF_PHONE.0, OF_PHONE.1);
    // After the settle window it is sent again, and counts from then on.
    let wait = Refused::by(clients.verifications.create_verification(request.clone()).await).retry_after.unwrap();
    gateway.clock.advance(wait);
    clients.verifications.create_verification(request).await.unwrap();
    let again = async || clients.clone().try_send(PHONE, &profile_id).await;
    assert_eq!(passes_after_its_wait(&gateway, OF_PHONE, again).await, HOUR);
    assert_eq!(gateway.messages(PHONE).await.len(), 2);
    gateway.stop().await;
}

#[tokio::test]
async fn concurrent_sends_do_not_exceed_the_limit() {
    let limits = Limits { sends_per_day: Some(Limit::enforced(window(7, DAY))), ..Limits::none() };
    let gateway = gateway(limits).await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    let calls: Vec<_> = (0..40)
        .map(|at| {
            let (mut clients, profile_id) = (clients.clone(), profile_id.clone());
            tokio::spawn(async move { clients.try_send(&format!("+130355511{at:02}"), &profile_id).await })
        })
        .collect();
    let mut sent = 0;
    for call in calls {
        match call.await.unwrap() {
            Ok(_) => sent += 1,
            Err(status) => _ = refused(Err::<(), _>(status), OF_DAY.0, OF_DAY.1),
        }
    }
    assert_eq!((sent, gateway.all_messages().await.len()), (7, 7));
    gateway.stop().await;
}

#[tokio::test]
async fn a_send_that_can_not_be_counted_is_not_dispatched() {
    // The store has space for one profile and one send, and for no counter.
    let gateway = super::changed(per_phone(3, HOUR), |config| {
        (config.store.max_size, config.store.tenant_share) = (450, 1.0);
    })
    .await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    let refused = Refused::by(clients.try_send(PHONE, &profile_id).await).is(Code::Unavailable, "STORE_UNAVAILABLE");
    assert!(refused.retry_after.is_some());
    assert_eq!(gateway.messages(PHONE).await.len(), 0);
    gateway.stop().await;
}

#[test]
fn a_tenant_id_has_no_colon_so_store_keys_do_not_overlap() {
    // The tenant ID stands between colons in the keys of the store.
    assert!(TenantId::new("a:b").is_none());
}
