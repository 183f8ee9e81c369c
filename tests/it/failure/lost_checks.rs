//! What is proven of a check whose answer is lost, in paused time. No wrong code may be accepted.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Body};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use tokio::time::{Instant, sleep};
use tower::{ServiceExt, service_fn};
use uuid::Uuid;
use verify_gateway::{
    clock::Clock,
    config::Config,
    domain::{ApiKey, CallContext, Caller, Error, PhoneNumber, Tenant, TenantId, VerificationRef},
    pb::ErrorReason,
    secret::Secret,
    services::{Check, Report, Send, Services, Tasks},
    simulator,
    store::Store,
    telemetry::Metrics,
    telnyx::Channel,
    upstream::{Client, TransportError},
};

const PHONE: &str = "+13035551234";
const CODE: &str = "112233";
const WRONG: &str = "445566";

/// The simulator behind a network that may lose the answer of a check.
struct Network {
    router: Router,
    clock: Clock,
    profile_id: String,
    /// What happens to the next check.
    fate: Arc<Mutex<Option<Fate>>>,
}

#[derive(Clone, Copy)]
enum Fate {
    /// It takes effect after this time, and then its answer is lost.
    Lost(Duration),
    /// Its answer is lost at once, and it takes effect after this time.
    Late(Duration),
    /// It takes effect after this time, and is answered.
    Slow(Duration),
}

/// One gateway, and the verification that it has sent.
struct Sent<'n> {
    network: &'n Network,
    services: Services,
    id: String,
}

impl Network {
    fn new() -> Self {
        let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
        let (simulator, router) = simulator::in_process(simulator::Settings::default(), clock.clone()).unwrap();
        let profile_id = simulator.seed_profile("KEY", "test");
        Self { router, clock, profile_id, fate: Arc::default() }
    }

    fn services(&self, store: &Store) -> Services {
        let (router, fate) = (self.router.clone(), self.fate.clone());
        let transport = service_fn(move |mut request: Request<Bytes>| {
            let is_check = request.method() == Method::POST && request.uri().path().ends_with("/actions/verify");
            let fate = if is_check { fate.lock().unwrap().take() } else { None };
            let router = router.clone();
            if is_check {
                // This upstream takes IDs that differ in case as one.
                *request.uri_mut() = request.uri().to_string().to_lowercase().parse().unwrap();
            }
            async move {
                let lost = || TransportError::Lost("reset".into());
                if let Some(Fate::Late(after)) = fate {
                    tokio::spawn(async move {
                        sleep(after).await;
                        _ = router.oneshot(request.map(Body::from)).await;
                    });
                    return Err(lost());
                }
                if let Some(Fate::Lost(after) | Fate::Slow(after)) = fate {
                    sleep(after).await;
                }
                let (parts, body) = router.oneshot(request.map(Body::from)).await.unwrap().into_parts();
                let answer = Response::from_parts(parts, body.collect().await.unwrap().to_bytes());
                if matches!(fate, Some(Fate::Lost(_))) { Err(lost()) } else { Ok(answer) }
            }
        });
        let config = Config::default();
        let metrics = Metrics::default();
        let client = Client::over(transport, &config, self.clock.clone(), &metrics).unwrap();
        Services::new(&config, &client, store, &self.clock, &Tasks::default(), &metrics)
    }

    async fn send(&self) -> Sent<'_> {
        self.send_with(&Store::memory(&Config::default().store, self.clock.clone())).await
    }

    async fn send_with(&self, store: &Store) -> Sent<'_> {
        let services = self.services(store);
        sleep(Duration::from_secs(30)).await;
        let send = Send {
            request_id: None,
            phone_number: PhoneNumber::parse(PHONE).unwrap(),
            channel: Channel::Sms,
            profile_id: self.profile_id.clone(),
            timeout_secs: None,
            custom_code: Some(Secret::new(CODE.to_owned())),
            extension: None,
        };
        let outcome = services.verifications.create(&context("one"), send).await.unwrap();
        sleep(Duration::from_secs(30)).await;
        Sent { network: self, services, id: outcome.answer.id.unwrap() }
    }
}

/// A call of one of the tenants, which share a Telnyx account.
fn context(tenant: &str) -> CallContext {
    let key = ApiKey::new("KEY").unwrap();
    let tenant = Tenant::new(TenantId::new(tenant).unwrap(), key);
    CallContext::new(Caller::unrestricted(tenant.into()), Instant::now() + Duration::from_secs(10))
}

impl Sent<'_> {
    async fn check(&self, tenant: &str, target: VerificationRef, code: &str) -> Result<bool, Error> {
        self.check_as(None, tenant, target, code).await
    }

    async fn check_as(
        &self,
        request_id: Option<Uuid>,
        tenant: &str,
        target: VerificationRef,
        code: &str,
    ) -> Result<bool, Error> {
        let check = Check { request_id, target, code: Secret::new(code.to_owned()) };
        let answer = self.services.verifications.check(&context(tenant), &check).await;
        answer.map(|outcome| outcome.answer.is_accepted())
    }

    /// A check that takes effect `after` it began, and whose answer is lost.
    async fn lost_check(&self, target: VerificationRef, code: &str, after: Duration) -> Result<bool, ErrorReason> {
        *self.network.fate.lock().unwrap() = Some(Fate::Lost(after));
        self.check("one", target, code).await.map_err(|error| error.reason)
    }

    fn by_id(&self) -> VerificationRef {
        VerificationRef::Id(self.id.clone())
    }

    fn by_phone(&self) -> VerificationRef {
        let phone_number = PhoneNumber::parse(PHONE).unwrap();
        VerificationRef::PhoneNumber { phone_number, profile_id: self.network.profile_id.clone() }
    }
}

/// `Date` has whole seconds. After two of them an acceptance is surely later than the beginning of its check.
const LATER: Duration = Duration::from_secs(2);
const UNKNOWN: Result<bool, ErrorReason> = Err(ErrorReason::CheckOutcomeUnknown);

#[tokio::test(start_paused = true)]
async fn an_acceptance_that_only_the_lost_check_can_have_caused_is_its_result() {
    let network = Network::new();
    let sent = network.send().await;
    assert!(!sent.check("one", sent.by_id(), WRONG).await.unwrap());
    assert_eq!(sent.lost_check(sent.by_id(), CODE, LATER).await, Ok(true));
    let sent = network.send().await;
    assert_eq!(sent.lost_check(sent.by_phone(), CODE, LATER).await, Ok(true), "the earlier one is older than the send");
}

#[tokio::test(start_paused = true)]
async fn an_acceptance_that_may_be_older_than_the_lost_check_proves_nothing() {
    let network = Network::new();
    let sent = network.send().await;
    assert_eq!(sent.lost_check(sent.by_id(), CODE, Duration::ZERO).await, UNKNOWN);
    let sent = network.send().await;
    // Somebody else accepts it while the gateway knows nothing of it.
    let other = network.services(&Store::memory(&Config::default().store, network.clock.clone()));
    let report = Report { request_id: None, verification_id: sent.id.clone(), accepted: true };
    other.verifications.report(&context("one"), &report).await.unwrap();
    assert_eq!(sent.lost_check(sent.by_id(), WRONG, LATER).await, UNKNOWN);
}

/// Everything through the gateway that can have made the verification accepted.
#[tokio::test(start_paused = true)]
async fn an_acceptance_with_another_possible_cause_proves_nothing() {
    let network = Network::new();
    for cause in ["report", "other tenant", "other case", "by phone", "lost check", "lost records"] {
        let sent = network.send().await;
        // The cause takes effect while the wrong check is on its way, surely later than that began.
        let cause_it = async {
            sleep(LATER).await;
            match cause {
                "report" => {
                    let report = Report { request_id: None, verification_id: sent.id.clone(), accepted: true };
                    let reported = sent.services.verifications.report(&context("one"), &report).await;
                    return reported.unwrap().answer.is_accepted();
                }
                "other tenant" => sent.check("two", sent.by_id(), CODE).await,
                "other case" => sent.check("one", VerificationRef::Id(sent.id.to_uppercase()), CODE).await,
                "by phone" => sent.check("one", sent.by_phone(), CODE).await,
                "lost check" => {
                    *network.fate.lock().unwrap() = Some(Fate::Lost(LATER / 2));
                    // It is not certain, and still it may have been the right one.
                    return sent.check("one", sent.by_id(), CODE).await.is_err();
                }
                _ => sent.check("one", sent.by_id(), CODE).await,
            }
            .unwrap()
        };
        let store = Store::memory(&Config::default().store, network.clock.clone());
        let restarted = Sent { network: &network, services: network.services(&store), id: sent.id.clone() };
        let gateway = if cause == "lost records" { &restarted } else { &sent };
        let (is_caused, answer) = tokio::join!(cause_it, gateway.lost_check(sent.by_id(), WRONG, 3 * LATER));
        assert!(is_caused, "{cause}");
        assert_eq!(answer, UNKNOWN, "{cause}");
    }
}

/// Telnyx answers the repetition as if there were no such verification.
#[tokio::test(start_paused = true)]
async fn a_repetition_that_overlaps_with_the_lost_check_is_never_answered_as_not_found() {
    let network = Network::new();
    let fate = |fate| *network.fate.lock().unwrap() = Some(fate);
    for is_by_phone in [false, true] {
        let (sent, id) = (network.send().await, Some(Uuid::new_v4()));
        let target = || if is_by_phone { sent.by_phone() } else { sent.by_id() };
        fate(Fate::Late(LATER));
        assert!(sent.check_as(id, "one", target(), CODE).await.is_err());
        fate(Fate::Slow(2 * LATER));
        let repeated = sent.check_as(id, "one", target(), CODE).await;
        assert_eq!(repeated.map_err(|error| error.reason), UNKNOWN);
    }
}

/// Its answer is that of the verification's state, whichever report caused it.
#[tokio::test(start_paused = true)]
async fn a_lost_report_is_answered_only_by_the_state_that_it_reports() {
    let network = Network::new();
    for (fate, accepted, expected) in [
        (Fate::Lost(Duration::ZERO), true, Ok(true)),
        (Fate::Lost(Duration::ZERO), false, Ok(false)),
        (Fate::Late(LATER), true, UNKNOWN),
    ] {
        let sent = network.send().await;
        *network.fate.lock().unwrap() = Some(fate);
        let report = Report { request_id: None, verification_id: sent.id.clone(), accepted };
        let reported = sent.services.verifications.report(&context("one"), &report).await;
        let reported = reported.map(|outcome| outcome.answer.is_accepted()).map_err(|error| error.reason);
        assert_eq!(reported, expected, "{accepted}");
    }
}

/// The record of a check is dated by the clock of the store, which may differ from what it was then.
#[tokio::test(start_paused = true)]
async fn a_repetition_allows_for_the_clock_of_the_store() {
    let network = Network::new();
    let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
    let store = Store::memory(&Config::default().store, clock.clone());
    let sent = network.send_with(&store).await;
    // Somebody accepts it past the gateway, before the check.
    let past = network.services(&Store::memory(&Config::default().store, network.clock.clone()));
    let report = Report { request_id: None, verification_id: sent.id.clone(), accepted: true };
    past.verifications.report(&context("one"), &report).await.unwrap();
    sleep(2 * LATER).await;
    let id = Some(Uuid::new_v4());
    *network.fate.lock().unwrap() = Some(Fate::Lost(Duration::ZERO));
    assert!(sent.check_as(id, "one", sent.by_id(), WRONG).await.is_err());
    clock.advance(4 * LATER);
    let repeated = sent.check_as(id, "one", sent.by_id(), WRONG).await;
    assert_eq!(repeated.map_err(|error| error.reason), UNKNOWN);
}
