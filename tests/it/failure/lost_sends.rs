//! What follows a send whose answer is lost, in paused time.

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
    domain::{ApiKey, CallContext, Caller, Limit, LimitWindow, Limits, PhoneNumber, Tenant, TenantId},
    pb::ErrorReason::{self, PhoneSendLimitReached, SendOutcomeUnknown},
    secret::Secret,
    services::{Origin, Outcome, Send, Services, Tasks},
    simulator::{self, Handle},
    store::Store,
    telemetry::Metrics,
    telnyx::{Channel, Verification},
    upstream::{Client, TransportError},
};

const PHONE: &str = "+13035551234";
/// A little longer than the settle window.
const WINDOW: Duration = Duration::from_secs(150);

/// Where the next sends are lost.
#[derive(Clone, Copy)]
enum Lost {
    Never,
    BeforeItActs,
    AfterItActed,
}

struct World {
    simulator: Handle,
    services: Services,
    profile_id: String,
    lost: Arc<Mutex<Lost>>,
    limits: Limits,
    duplicate_window: Option<Duration>,
}

impl World {
    fn new() -> Self {
        let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
        let (simulator, router) = simulator::in_process(simulator::Settings::default(), clock.clone()).unwrap();
        let profile_id = simulator.seed_profile("KEY", "test");
        let lost = Arc::new(Mutex::new(Lost::Never));
        let services = services(router, &clock, lost.clone());
        Self { simulator, services, profile_id, lost, limits: Limits::none(), duplicate_window: None }
    }

    async fn send(
        &self,
        lost: Lost,
        request_id: Option<Uuid>,
        code: Option<&str>,
    ) -> Result<Outcome<Verification>, ErrorReason> {
        *self.lost.lock().unwrap() = lost;
        let tenant = Tenant {
            limits: self.limits.clone(),
            duplicate_window: self.duplicate_window,
            ..Tenant::new(TenantId::new("one").unwrap(), ApiKey::new("KEY").unwrap())
        };
        let context = CallContext::new(Caller::unrestricted(tenant.into()), Instant::now() + Duration::from_secs(10));
        let send = Send {
            request_id,
            phone_number: PhoneNumber::parse(PHONE).unwrap(),
            channel: Channel::Sms,
            profile_id: self.profile_id.clone(),
            timeout_secs: None,
            custom_code: code.map(|code| Secret::new(code.to_owned())),
            extension: None,
        };
        self.services.verifications.create(&context, send).await.map_err(|error| error.reason)
    }
}

fn services(router: Router, clock: &Clock, lost: Arc<Mutex<Lost>>) -> Services {
    let transport = service_fn(move |request: Request<Bytes>| {
        let router = router.clone();
        let lost = if request.method() == Method::POST { *lost.lock().unwrap() } else { Lost::Never };
        async move {
            let gone = || TransportError::Lost("reset".into());
            if matches!(lost, Lost::BeforeItActs) {
                return Err(gone());
            }
            let (parts, body) = router.oneshot(request.map(Body::from)).await.unwrap().into_parts();
            let answer = Response::from_parts(parts, body.collect().await.unwrap().to_bytes());
            if matches!(lost, Lost::AfterItActed) { Err(gone()) } else { Ok(answer) }
        }
    });
    let mut config = Config::default();
    // An open circuit breaker would hide what follows.
    config.upstream.breaker.consecutive_failures = 0;
    config.upstream.breaker.min_success_ratio = 0.0;
    let metrics = Metrics::default();
    let client = Client::over(transport, &config, clock.clone(), &metrics).unwrap();
    let store = Store::memory(&config.store, clock.clone());
    Services::new(&config, &client, &store, clock, &Tasks::default(), &metrics)
}

#[tokio::test(start_paused = true)]
async fn a_lost_send_that_did_not_happen_gives_its_quota_back_even_if_nobody_repeats_it() {
    for request_id in [None, Some(Uuid::new_v4())] {
        let three = LimitWindow { max: 3, per: Duration::from_mins(10) };
        let limits = Limits { sends_per_phone_number: Some(Limit::enforced(vec![three])), ..Limits::none() };
        let world = World { limits, ..World::new() };
        for _ in 0..3 {
            let lost = world.send(Lost::BeforeItActs, request_id.map(|_| Uuid::new_v4()), None).await;
            assert_eq!(lost.err(), Some(SendOutcomeUnknown));
        }
        assert_eq!(world.send(Lost::Never, None, None).await.err(), Some(PhoneSendLimitReached));
        sleep(WINDOW).await;
        assert!(world.send(Lost::Never, None, None).await.is_ok(), "{request_id:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_send_repeats_no_equal_one_whose_outcome_is_unknown() {
    let world = World { duplicate_window: Some(Duration::from_mins(10)), ..World::new() };
    assert_eq!(world.send(Lost::BeforeItActs, None, None).await.err(), Some(SendOutcomeUnknown));
    assert_eq!(world.send(Lost::Never, None, None).await.err(), Some(SendOutcomeUnknown));
    assert!(world.simulator.messages().is_empty(), "it may still be on its way");
    sleep(WINDOW).await;
    let sent = world.send(Lost::Never, None, None).await.ok().unwrap();
    assert_eq!(sent.origin, Origin::ThisCall);
    let again = world.send(Lost::Never, None, None).await.ok().unwrap();
    assert_eq!((again.origin, again.answer.id), (Origin::Duplicate, sent.answer.id));
    assert_eq!(world.simulator.messages().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_lost_sends_to_a_number_never_take_each_others_message() {
    let world = World::new();
    let (one, other) = (Some(Uuid::new_v4()), Some(Uuid::new_v4()));
    assert_eq!(world.send(Lost::BeforeItActs, one, Some("112233")).await.err(), Some(SendOutcomeUnknown));
    // It is found in the list, by the timeout that it alone has.
    let found = world.send(Lost::AfterItActed, other, None).await.ok().unwrap().answer;
    assert_eq!((found.timeout_secs, found.custom_code), (Some(301), None));
    sleep(WINDOW).await;
    let sent = world.send(Lost::Never, one, Some("112233")).await.ok().unwrap().answer;
    assert_ne!(sent.id, found.id);
    assert_eq!(world.simulator.messages().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn many_lost_sends_to_a_number_do_not_lock_it_out() {
    let world = World::new();
    let mut last = None;
    for _ in 0..70 {
        last = world.send(Lost::BeforeItActs, Some(Uuid::new_v4()), None).await.err();
    }
    assert_eq!(last, Some(ErrorReason::RequestLimitReached));
    sleep(WINDOW).await;
    assert!(world.send(Lost::Never, None, None).await.is_ok());
}
