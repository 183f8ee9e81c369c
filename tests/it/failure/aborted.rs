//! What an operation leaves behind whose gateway ends first.

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

fn services(router: &Router, store: &Store, clock: &Clock, instance: &str) -> (Services, Tasks) {
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
    let (mut config, metrics, tasks) = (Config::default(), Metrics::default(), Tasks::default());
    instance.clone_into(&mut config.store.instance);
    let client = Client::over(transport, &config, clock.clone(), &metrics).unwrap();
    (Services::new(&config, &client, store, clock, &tasks, &metrics), tasks)
}

/// What the repetition of a send finds, and how long it waits, after `end` has ended the gateway that runs it.
async fn repeated_after(end: impl Fn(&Tasks), instances: [&str; 2]) -> (ErrorReason, Duration) {
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
    let (dying, tasks) = services(&router, &store, &clock, instances[0]);
    let first = tokio::spawn({
        let (context, send) = (context(), send());
        async move { dying.verifications.create(&context, send).await.map(drop) }
    });
    sleep(Duration::from_secs(1)).await;
    end(&tasks);
    tasks.drain().await;
    assert!(first.await.unwrap().is_err());

    let (next, _) = services(&router, &store, &clock, instances[1]);
    let began = Instant::now();
    let error = next.verifications.create(&context(), send()).await.err().unwrap();
    (error.reason, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn an_aborted_send_gives_its_leases_back() {
    let found = repeated_after(|tasks| _ = tasks.abort(), ["", ""]).await;
    assert_eq!(found, (ErrorReason::SendOutcomeUnknown, Duration::ZERO), "it may have been sent");
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_restarts_takes_over_the_leases_of_its_predecessor_alone() {
    let found = repeated_after(Tasks::kill, ["a", "a"]).await;
    assert_eq!(found, (ErrorReason::SendOutcomeUnknown, Duration::ZERO));
    for others in [["", ""], ["a", "b"], ["a", ""], ["", "a"]] {
        let (reason, waited) = repeated_after(Tasks::kill, others).await;
        assert_eq!(reason, ErrorReason::DeadlineExceeded, "{others:?}");
        assert!(waited > Duration::from_secs(7), "{others:?}: {waited:?}");
    }
}
