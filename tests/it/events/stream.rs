//! `StreamEvents`.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tonic::Code;
use verify_gateway::{
    config::Config,
    domain::{Allowed, Country, Permissions},
    pb::{Channel, EventType, GetProfileRequest, StreamEventsRequest, stream_events_response::Content},
};

use super::{FIVE_SECONDS, end, every_five_seconds, next, stream, with_events};
use crate::support::{
    Clients, OTHER_TOKEN, PHONE, Refused, Served, TOKEN, TestGateway, tenants_file,
    webhooks::{WEBHOOK_TOKEN, WebhookSigner, account_of, delivery},
};

/// A gateway with the tenants `login` and `billing` of one account.
async fn gateway(
    signer: &WebhookSigner,
    permissions: [Permissions; 2],
    change: impl FnOnce(&mut Config),
) -> TestGateway {
    let directory = account_of(vec![signer.key()], permissions);
    let config = |config: &mut Config| {
        with_events(config);
        change(config);
    };
    TestGateway::builder().config(config).tenants(directory).start().await
}

async fn post(gateway: &TestGateway, signer: &WebhookSigner, id: &str, profile: &str, status: &str) {
    let now = Timestamp::now().as_second();
    assert_eq!(signer.post(gateway.webhooks, WEBHOOK_TOKEN, now, &delivery(id, profile, status)).await, 200);
}

fn all() -> StreamEventsRequest {
    StreamEventsRequest::default()
}

fn after(token: &str) -> StreamEventsRequest {
    StreamEventsRequest { resume_token: token.into(), ..all() }
}

fn refused<T>(result: Result<T, tonic::Status>) -> Refused {
    Refused::by(result)
}

#[tokio::test]
async fn an_event_belongs_to_the_tenant_that_sent_the_message() {
    let signer = WebhookSigner::new(1);
    let gateway = gateway(&signer, [Permissions::all(), Permissions::all()], |_| ()).await;
    let (mut login, mut billing) = (gateway.clients().await, gateway.clients_with(Some(OTHER_TOKEN)).await);
    let (mut of_login, mut of_billing) = (stream(&mut login, all()).await, stream(&mut billing, all()).await);
    let profile = login.sms_profile().await;
    let id = login.send(PHONE, &profile).await.id;
    post(&gateway, &signer, &id, &profile, "delivered").await;
    // Nobody here sent it, so both may see it.
    post(&gateway, &signer, "v0", &profile, "sent").await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (event, _) = next(&mut of_login).await;
        assert_eq!((event.channel(), event.country.as_str(), &event.profile_id), (Channel::Sms, "US", &profile));
        seen.push((event.verification_id.clone(), event.r#type()));
    }
    let delivered = (id.clone(), EventType::Delivered);
    assert_eq!(seen, [(id, EventType::Created), delivered, ("v0".into(), EventType::Sent)]);
    assert_eq!(next(&mut of_billing).await.0.verification_id, "v0");
    gateway.stop().await;
}

#[tokio::test]
async fn an_identity_gets_the_events_of_its_profiles_and_countries() {
    let signer = WebhookSigner::new(1);
    let only = |profile: &str, country| Permissions {
        profiles: Allowed::Only(vec![profile.into(), "p2".into()]),
        countries: Allowed::Only(vec![Country::new(country).unwrap()]),
        ..Permissions::all()
    };
    let gateway = gateway(&signer, [only("p1", "US"), only("p1", "FR")], |_| ()).await;
    let (mut login, mut billing) = (gateway.clients().await, gateway.clients_with(Some(OTHER_TOKEN)).await);
    let (mut of_login, mut of_billing) = (stream(&mut login, all()).await, stream(&mut billing, all()).await);
    let chosen = StreamEventsRequest { profile_ids: vec!["p2".into()], ..all() };
    let mut of_p2 = stream(&mut login, chosen).await;
    for (id, profile) in [("v1", "p3"), ("v2", "p1"), ("v3", "p2")] {
        post(&gateway, &signer, id, profile, "sent").await;
    }
    assert_eq!(
        [next(&mut of_login).await.0.verification_id, next(&mut of_login).await.0.verification_id],
        ["v2", "v3"]
    );
    assert_eq!(next(&mut of_p2).await.0.verification_id, "v3");
    gateway.begin_to_stop();
    assert_eq!(end(&mut of_billing).await, (Code::Unavailable, "STREAM_ENDED".into()));
    gateway.stop().await;
}

#[tokio::test]
async fn a_stream_goes_on_after_its_token_and_misses_nothing() {
    let signer = WebhookSigner::new(1);
    let gateway =
        gateway(&signer, [Permissions::all(), Permissions::default()], |config| config.events.max_events = 4).await;
    let mut clients = gateway.clients().await;
    let mut first = stream(&mut clients, all()).await;
    for status in ["sent", "delivered"] {
        post(&gateway, &signer, "v1", "p", status).await;
    }
    let ((sent, token), (delivered, last)) = (next(&mut first).await, next(&mut first).await);
    drop(first);
    post(&gateway, &signer, "v2", "p", "sent").await;
    let mut resumed = stream(&mut clients, after(&token)).await;
    assert_eq!(next(&mut resumed).await.0.event_id, delivered.event_id);
    assert_eq!(next(&mut resumed).await.0.verification_id, "v2");
    assert_ne!(sent.event_id, delivered.event_id);
    // The token of the snapshot is the same position.
    let mut again = clients.events.stream_events(after(&last)).await.unwrap().into_inner();
    let snapshot = again.message().await.unwrap().unwrap();
    let mut again = stream(&mut clients, after(&snapshot.resume_token)).await;
    assert_eq!(next(&mut again).await.0.verification_id, "v2");

    // Two more than are kept.
    for id in ["v3", "v4", "v5"] {
        post(&gateway, &signer, id, "p", "sent").await;
    }
    refused(clients.events.stream_events(after(&token)).await).is(Code::FailedPrecondition, "RESUME_TOKEN_EXPIRED");
    let mut kept = stream(&mut clients, after(&last)).await;
    for id in ["v2", "v3", "v4", "v5"] {
        assert_eq!(next(&mut kept).await.0.verification_id, id);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_token_is_bound_to_its_tenant_and_filter() {
    let gateway = gateway(&WebhookSigner::new(1), [Permissions::all(), Permissions::all()], |_| ()).await;
    let (mut login, mut billing) = (gateway.clients().await, gateway.clients_with(Some(OTHER_TOKEN)).await);
    let mut first = login.events.stream_events(all()).await.unwrap().into_inner();
    let token = first.message().await.unwrap().unwrap().resume_token;
    let is_refused = |refused: Refused| _ = refused.names_fields(&["resume_token"]);
    is_refused(refused(billing.events.stream_events(after(&token)).await));
    let other = StreamEventsRequest { profile_ids: vec!["p1".into()], ..after(&token) };
    is_refused(refused(login.events.stream_events(other).await));
    is_refused(refused(login.events.stream_events(after(&token[..20])).await));
    is_refused(refused(login.events.stream_events(after("x")).await));
    stream(&mut login, after(&token)).await;
    gateway.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_has_heartbeats_until_it_is_old() {
    let change = |config: &mut Config| config.events.max_stream_age = 3 * FIVE_SECONDS + Duration::from_secs(1);
    let gateway = gateway(&WebhookSigner::new(1), [Permissions::all(), Permissions::all()], change).await;
    let mut clients = gateway.clients().await;
    let request = StreamEventsRequest { heartbeat_interval: every_five_seconds(), ..all() };
    let mut stream = stream(&mut clients, request).await;
    let begin = Instant::now();
    for beat in 1..=3 {
        let message = stream.message().await.unwrap().unwrap();
        assert!(matches!(message.content, Some(Content::Heartbeat(_))) && !message.resume_token.is_empty());
        assert_eq!(begin.elapsed().as_secs(), 5 * beat);
    }
    assert_eq!(end(&mut stream).await, (Code::Unavailable, "STREAM_ENDED".into()));
    assert_eq!(begin.elapsed().as_secs(), 16);
    gateway.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_outlives_the_longest_deadline() {
    let gateway = gateway(&WebhookSigner::new(1), [Permissions::all(), Permissions::all()], |config| {
        (config.grpc.default_deadline, config.grpc.max_deadline) = (Duration::from_secs(1), Duration::from_secs(1));
    })
    .await;
    let mut stream = stream(&mut gateway.clients().await, all()).await;
    let begin = Instant::now();
    for _ in 0..10 {
        stream.message().await.unwrap().unwrap();
    }
    assert_eq!(begin.elapsed().as_secs(), 200);
}

#[tokio::test]
async fn streams_have_permits_of_their_own() {
    let gateway = gateway(&WebhookSigner::new(1), [Permissions::all(), Permissions::all()], |config| {
        config.grpc.max_concurrent_calls = 1;
        (config.events.max_streams, config.events.max_tenant_streams) = (3, 2);
        config.events.max_connection_streams = 1;
    })
    .await;
    let open = async |token: &str| gateway.clients_with(Some(token)).await;
    let (mut one, mut two, mut three) = (open(TOKEN).await, open(TOKEN).await, open(TOKEN).await);
    let kept = [stream(&mut one, all()).await, stream(&mut two, all()).await];
    refused(one.events.stream_events(all()).await).is(Code::Unavailable, "GATEWAY_OVERLOADED");
    let of_tenant = refused(three.events.stream_events(all()).await);
    assert_eq!(
        of_tenant.is(Code::ResourceExhausted, "CONCURRENCY_LIMIT_REACHED").rule.as_deref(),
        Some("events.max_tenant_streams")
    );
    let (mut other, mut another) = (open(OTHER_TOKEN).await, open(OTHER_TOKEN).await);
    let last = stream(&mut other, all()).await;
    refused(another.events.stream_events(all()).await).is(Code::Unavailable, "GATEWAY_OVERLOADED");
    // A single permit for calls is enough for calls.
    let profile_id = one.sms_profile().await;
    one.profiles.get_profile(GetProfileRequest { profile_id }).await.unwrap();
    drop((kept, last));
    // The gateway learns of it a little later.
    while another.events.stream_events(all()).await.is_err() {}
    gateway.stop().await;
}

#[tokio::test]
async fn a_stream_ends_when_its_caller_loses_the_token_or_the_permission() {
    let file = |token: &str| tenants_file("login", token, "{ inline: KEY }");
    let settings =
        "events: { enabled: true }\ntenants: { reload_interval: 10ms }\ntelemetry: { log: { format: json } }\n";
    for (changed, code, reason) in [
        (file(OTHER_TOKEN), Code::Unauthenticated, "CREDENTIALS_INVALID"),
        (file(TOKEN).replace("admin", "sender"), Code::PermissionDenied, "RPC_NOT_ALLOWED"),
    ] {
        let upstream = "127.0.0.1:9".parse().unwrap();
        let mut served = Served::start(upstream, settings, &[("tenants.yaml", &file(TOKEN))]).await;
        let mut clients = Clients::of(served.addr, Some(TOKEN)).await;
        let request = StreamEventsRequest { heartbeat_interval: every_five_seconds(), ..all() };
        let mut stream = stream(&mut clients, request).await;
        served.swap(&[("tenants.yaml", &changed)]);
        served.says("the tenants have changed").await;
        assert_eq!(end(&mut stream).await, (code, reason.into()));
        served.end().await;
    }
}

#[tokio::test]
async fn many_watchers_leave_calls_alone() {
    let signer = WebhookSigner::new(1);
    let gateway = gateway(&signer, [Permissions::all(), Permissions::all()], |config| {
        (config.grpc.max_concurrent_calls, config.events.max_tenant_streams) = (8, 1000);
    })
    .await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        let mut clients: Clients = gateway.clients().await;
        for _ in 0..100 {
            streams.push(stream(&mut clients, all()).await);
        }
    }
    let mut clients = gateway.clients().await;
    let profile = clients.sms_profile().await;
    post(&gateway, &signer, "v1", &profile, "sent").await;
    for stream in &mut streams {
        assert_eq!(next(stream).await.0.verification_id, "v1");
    }
    gateway.begin_to_stop();
    for stream in &mut streams {
        assert_eq!(end(stream).await.0, Code::Unavailable);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_gateway_without_events_does_not_have_the_service() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    refused(clients.events.stream_events(all()).await).is(Code::Unimplemented, "RPC_UNKNOWN");
    gateway.stop().await;
}
