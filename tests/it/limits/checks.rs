//! Limits on checks and on failed checks.

use std::time::Duration;

use serde_json::json;
use tonic::{Code, Status};
use verify_gateway::{
    domain::{DAY, Limit, Limits},
    pb::{CheckOutcome, CheckVerificationRequest, check_verification_request::Target},
};

use super::{changed, gateway, hits, passes_after_its_wait, refused, window};
use crate::support::{Clients, KEY, PHONE, Refused, TestGateway};

use CheckOutcome::{Accepted, Rejected};

const CHECKS: (&str, &str) = ("CHECK_LIMIT_REACHED", "limits.checks_per_verification");
const GUESSES: (&str, &str) = ("GUESS_LIMIT_REACHED", "limits.guesses_per_phone_number");
const HOUR: Duration = Duration::from_hours(1);

fn checks(max: u32) -> Limits {
    Limits { checks_per_verification: Some(Limit::enforced(max)), ..Limits::none() }
}

fn guesses(max: u32) -> Limits {
    Limits { guesses_per_phone_number: Some(Limit::enforced(window(max, DAY))), ..Limits::none() }
}

/// A pending verification.
struct Pending {
    id: String,
    profile_id: String,
    code: String,
    wrong: &'static str,
}

async fn pending(gateway: &TestGateway, clients: &mut Clients) -> Pending {
    let profile_id = clients.sms_profile().await;
    let id = clients.send(PHONE, &profile_id).await.id;
    let code = gateway.code(PHONE).await;
    let wrong = if code == "000000" { "111111" } else { "000000" };
    Pending { id, profile_id, code, wrong }
}

impl Pending {
    async fn by_id(&self, clients: &Clients, code: &str) -> Result<CheckOutcome, Status> {
        check(clients, Target::VerificationId(self.id.clone()), "", code).await
    }

    async fn by_phone(&self, clients: &Clients, code: &str) -> Result<CheckOutcome, Status> {
        check(clients, Target::PhoneNumber(PHONE.into()), &self.profile_id, code).await
    }
}

async fn check(clients: &Clients, target: Target, profile_id: &str, code: &str) -> Result<CheckOutcome, Status> {
    let request = CheckVerificationRequest {
        target: Some(target),
        profile_id: profile_id.into(),
        code: code.into(),
        request_id: String::new(),
    };
    let answer = clients.clone().verifications.check_verification(request).await?;
    Ok(answer.into_inner().outcome())
}

#[tokio::test]
async fn checks_by_id_and_by_phone_number_count_against_one_limit() {
    let gateway = gateway(checks(4)).await;
    let mut clients = gateway.clients().await;
    let one = pending(&gateway, &mut clients).await;
    for _ in 0..2 {
        assert_eq!(one.by_id(&clients, one.wrong).await.unwrap(), Rejected);
        assert_eq!(one.by_phone(&clients, one.wrong).await.unwrap(), Rejected);
    }
    // The limit has no window: the right code is refused too, at any time.
    gateway.clock.advance(Duration::from_mins(4));
    assert_eq!(refused(one.by_id(&clients, &one.code).await, CHECKS.0, CHECKS.1), None);
    assert_eq!(refused(one.by_phone(&clients, &one.code).await, CHECKS.0, CHECKS.1), None);
    assert_eq!(hits(&gateway, CHECKS.1, "enforced").await, 2);
    // A new verification has its own count.
    let other = pending(&gateway, &mut clients).await;
    assert_eq!(other.by_phone(&clients, &other.code).await.unwrap(), Accepted);
    gateway.stop().await;
}

#[tokio::test]
async fn a_check_that_telnyx_refused_does_not_count_and_a_lost_one_does() {
    let gateway = gateway(Limits { guesses_per_phone_number: guesses(2).guesses_per_phone_number, ..checks(2) }).await;
    let mut clients = gateway.clients().await;
    let one = pending(&gateway, &mut clients).await;
    gateway.fault(json!({"method": "POST", "status": 429, "times": 3})).await;
    Refused::by(one.by_id(&clients, one.wrong).await).is(Code::ResourceExhausted, "UPSTREAM_RATE_LIMITED");
    let nowhere = check(&clients, Target::VerificationId("7e000000-0000-4000-8000-000000000000".into()), "", "12345");
    Refused::by(nowhere.await).is(Code::NotFound, "VERIFICATION_NOT_FOUND");
    gateway.fault(json!({"method": "POST", "reset": true})).await;
    Refused::by(one.by_id(&clients, one.wrong).await).is(Code::Unknown, "CHECK_OUTCOME_UNKNOWN");
    assert_eq!(one.by_id(&clients, one.wrong).await.unwrap(), Rejected);
    assert_eq!(refused(one.by_id(&clients, &one.code).await, CHECKS.0, CHECKS.1), None);
    let other = pending(&gateway, &mut clients).await;
    refused(other.by_id(&clients, &other.code).await, GUESSES.0, GUESSES.1);
    gateway.stop().await;
}

#[tokio::test]
async fn a_new_code_does_not_reset_the_failed_checks_of_a_phone_number() {
    let gateway = gateway(guesses(4)).await;
    let mut clients = gateway.clients().await;
    for _ in 0..2 {
        let one = pending(&gateway, &mut clients).await;
        assert_eq!(one.by_id(&clients, one.wrong).await.unwrap(), Rejected);
        assert_eq!(one.by_phone(&clients, one.wrong).await.unwrap(), Rejected);
        gateway.clock.advance(HOUR);
    }
    // By ID and by phone number, with a right and with a wrong code.
    let one = pending(&gateway, &mut clients).await;
    refused(one.by_phone(&clients, &one.code).await, GUESSES.0, GUESSES.1);
    refused(one.by_id(&clients, &one.code).await, GUESSES.0, GUESSES.1);
    // Two failed in the first hour and two in the second. Each leaves the window after a day.
    let guess = async || one.by_phone(&clients, one.wrong).await;
    assert_eq!(passes_after_its_wait(&gateway, GUESSES, guess).await, 22 * HOUR);
    gateway.stop().await;
}

#[tokio::test]
async fn a_check_that_one_limit_refuses_does_not_count_for_the_other() {
    let a_minute = Limit::enforced(window(1, Duration::from_mins(1)));
    let gateway = gateway(Limits { guesses_per_phone_number: Some(a_minute), ..checks(2) }).await;
    let mut clients = gateway.clients().await;
    let one = pending(&gateway, &mut clients).await;
    assert_eq!(one.by_id(&clients, one.wrong).await.unwrap(), Rejected);
    for _ in 0..3 {
        refused(one.by_id(&clients, &one.code).await, GUESSES.0, GUESSES.1);
    }
    gateway.clock.advance(Duration::from_mins(1));
    assert_eq!(one.by_id(&clients, one.wrong).await.unwrap(), Rejected);
    // Nor does the other way round: the number has room for a wrong code when the verification has none.
    gateway.clock.advance(Duration::from_mins(1));
    refused(one.by_id(&clients, &one.code).await, CHECKS.0, CHECKS.1);
    let other = pending(&gateway, &mut clients).await;
    assert_eq!(other.by_id(&clients, other.wrong).await.unwrap(), Rejected);
    gateway.stop().await;
}

#[tokio::test]
async fn accepted_checks_are_not_failed_checks() {
    let gateway = gateway(guesses(1)).await;
    let mut clients = gateway.clients().await;
    for _ in 0..3 {
        let one = pending(&gateway, &mut clients).await;
        assert_eq!(one.by_id(&clients, &one.code).await.unwrap(), Accepted);
        let one = pending(&gateway, &mut clients).await;
        assert_eq!(one.by_phone(&clients, &one.code).await.unwrap(), Accepted);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn limits_in_observe_mode_count_checks_and_refuse_none() {
    let gateway =
        gateway(Limits { checks_per_verification: checks(1).checks_per_verification, ..guesses(2) }.observed()).await;
    let mut clients = gateway.clients().await;
    let one = pending(&gateway, &mut clients).await;
    for _ in 0..4 {
        assert_eq!(one.by_id(&clients, one.wrong).await.unwrap(), Rejected);
    }
    assert_eq!(hits(&gateway, CHECKS.1, "observed").await, 3);
    assert_eq!(hits(&gateway, GUESSES.1, "observed").await, 2);
    gateway.stop().await;
}

#[tokio::test]
async fn concurrent_failed_checks_do_not_exceed_the_limit() {
    let gateway = gateway(guesses(3)).await;
    let mut clients = gateway.clients().await;
    gateway.control("settings", json!({"attempt_limit": 100})).await;
    let one = std::sync::Arc::new(pending(&gateway, &mut clients).await);
    let calls: Vec<_> = (0..20)
        .map(|at| {
            let (clients, one) = (clients.clone(), one.clone());
            tokio::spawn(async move {
                if at % 2 == 0 { one.by_id(&clients, one.wrong).await } else { one.by_phone(&clients, one.wrong).await }
            })
        })
        .collect();
    let mut wrong = 0;
    for call in calls {
        match call.await.unwrap() {
            Ok(outcome) => wrong += usize::from(outcome == Rejected),
            Err(status) => _ = refused(Err::<(), _>(status), GUESSES.0, GUESSES.1),
        }
    }
    assert_eq!(wrong, 3);
    gateway.stop().await;
}

#[tokio::test]
async fn the_phone_number_of_an_unknown_verification_is_learnt_from_its_first_check() {
    let gateway = gateway(guesses(2)).await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    // Sent with the tenant's key, but not through the gateway.
    let url = format!("http://{}/v2/verifications/sms", gateway.simulator);
    let body = json!({"phone_number": PHONE, "verify_profile_id": profile_id}).to_string();
    let request = reqwest::Client::new().post(url).bearer_auth(KEY).header("content-type", "application/json");
    assert!(request.body(body).send().await.unwrap().status().is_success());
    let messages = gateway.messages(PHONE).await;
    let id = messages[0]["verification_id"].as_str().unwrap().to_owned();
    let code = messages[0]["code"].as_str().unwrap();
    let wrong = if code == "000000" { "111111" } else { "000000" };
    for _ in 0..2 {
        let outcome = check(&clients, Target::VerificationId(id.clone()), "", wrong).await;
        assert_eq!(outcome.unwrap(), Rejected);
    }
    refused(check(&clients, Target::VerificationId(id), "", code).await, GUESSES.0, GUESSES.1);
    gateway.stop().await;
}

#[tokio::test]
async fn a_check_that_can_not_be_counted_is_refused() {
    // The store has space for one profile and one send, and for no counter.
    let limits = Limits { checks_per_verification: checks(1).checks_per_verification, ..guesses(1) };
    let gateway = changed(limits, |config| {
        (config.store.max_size, config.store.tenant_share) = (450, 1.0);
    })
    .await;
    let mut clients = gateway.clients().await;
    let one = pending(&gateway, &mut clients).await;
    for code in [one.wrong, &one.code] {
        Refused::by(one.by_id(&clients, code).await).is(Code::Unavailable, "STORE_UNAVAILABLE");
    }
    gateway.stop().await;
}
