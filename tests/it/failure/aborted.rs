//! What an operation leaves behind that is aborted at the end of a grace period.

use std::time::Duration;

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
    domain::{ApiKey, CallContext, Caller, PhoneNumber, Tenant, TenantId},
    pb::ErrorReason,
    services::{Send, Services, Tasks},
    simulator,
    store::Store,
    telemetry::Metrics,
    telnyx::Channel,
    upstream::{Client, TransportError},
};

fn services(router: &Router, store: &Store, clock: &Clock) -> (Services, Tasks) {
    let router = router.clone();
    let transport = service_fn(move |request: Request<Bytes>| {
        let router = router.clone();
        async move {
            if request.method() == Method::POST {
                sleep(Duration::from_mins(1)).await;
            }
            let (parts, body) = router.oneshot(request.map(Body::from)).await.unwrap().into_parts();
            Ok::<_, TransportError>(Response::from_parts(parts, body.collect().await.unwrap().to_bytes()))
        }
    });
    let (config, metrics, tasks) = (Config::default(), Metrics::default(), Tasks::default());
    let client = Client::over(transport, &config, clock.clone(), &metrics).unwrap();
    (Services::new(&config, &client, store, clock, &tasks, &metrics), tasks)
}

/// With the leases, a repeated call would wait until its deadline.
#[tokio::test(start_paused = true)]
async fn an_aborted_send_gives_its_leases_back() {
    let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
    let (simulator, router) = simulator::in_process(simulator::Settings::default(), clock.clone()).unwrap();
    let profile_id = simulator.seed_profile("KEY", "test");
    let store = Store::memory(&Config::default().store, clock.clone());
    let request_id = Some(Uuid::new_v4());
    let send = || Send {
        request_id,
        phone_number: PhoneNumber::parse("+13035551234").unwrap(),
        channel: Channel::Sms,
        profile_id: profile_id.clone(),
        timeout_secs: None,
        custom_code: None,
        extension: None,
    };
    let context = || {
        let tenant = Tenant::new(TenantId::new("one").unwrap(), ApiKey::new("KEY").unwrap());
        CallContext::new(Caller::unrestricted(tenant.into()), Instant::now() + Duration::from_secs(8))
    };
    let (dying, tasks) = services(&router, &store, &clock);
    let first = tokio::spawn({
        let (context, send) = (context(), send());
        async move { dying.verifications.create(&context, send).await.map(drop) }
    });
    sleep(Duration::from_secs(1)).await;
    tasks.abort();
    tasks.drain().await;
    assert!(first.await.unwrap().is_err());

    let (next, _) = services(&router, &store, &clock);
    let began = Instant::now();
    let error = next.verifications.create(&context(), send()).await.err().unwrap();
    assert_eq!(error.reason, ErrorReason::SendOutcomeUnknown, "it may have been sent");
    assert_eq!(began.elapsed(), Duration::ZERO, "nothing was waited for");
}
