//! The client over a service in this process, in paused time.

mod attempts;
mod breaker;
mod budget;
mod clock;
mod known_profiles;
mod permits;

use std::{
    future::pending,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::time::sleep;
use tower::service_fn;

use super::*;
use crate::{
    config::{self, UpstreamConfig},
    domain::{ApiKey, Caller, Tenant, TenantId, VerificationRef},
    secret::Secret,
    telnyx::{ProfilePatch, SendRequest, TemplateText},
};

const SECOND: Duration = Duration::from_secs(1);

fn context(time_left: Duration) -> CallContext {
    of("login", time_left)
}

/// A call of `tenant`.
fn of(tenant: &str, time_left: Duration) -> CallContext {
    let tenant = Tenant::new(TenantId::new(tenant).unwrap(), ApiKey::new(&format!("KEY-{tenant}")).unwrap());
    CallContext::new(Caller::unrestricted(Arc::new(tenant)), Instant::now() + time_left)
}

/// A call that runs to completion.
fn run_to_completion(time_left: Duration) -> CallContext {
    CallContext { run_to_completion: true, ..context(time_left) }
}

fn answer(status: u16, body: &'static str) -> http::Response<Bytes> {
    http::Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap()
}

/// A client whose attempts end as `end` says, and the number of attempts so far.
fn client<F>(end: impl Fn() -> F + Clone + Send + Sync + 'static) -> (Client, Arc<AtomicUsize>)
where
    F: Future<Output = Result<http::Response<Bytes>, TransportError>> + Send + 'static,
{
    client_with(|_| (), end)
}

/// The same, with settings that are changed by `change`.
fn client_with<F>(
    change: impl FnOnce(&mut UpstreamConfig),
    end: impl Fn() -> F + Clone + Send + Sync + 'static,
) -> (Client, Arc<AtomicUsize>)
where
    F: Future<Output = Result<http::Response<Bytes>, TransportError>> + Send + 'static,
{
    let attempts = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&attempts);
    let transport = service_fn(move |_: http::Request<Bytes>| {
        attempts.fetch_add(1, Ordering::Relaxed);
        end()
    });
    (over(transport, change), seen)
}

/// A client over `transport` whose settings are changed by `change`.
fn over<T>(transport: T, change: impl FnOnce(&mut UpstreamConfig)) -> Client
where
    T: Service<http::Request<Bytes>, Response = http::Response<Bytes>, Error = TransportError>
        + Clone
        + Send
        + Sync
        + 'static,
    T::Future: Send + 'static,
{
    let mut config = Config::default();
    change(&mut config.upstream);
    Client::over(transport, &config, Clock::default(), &Metrics::default()).unwrap()
}

/// The id of what was sent, or why it was not.
async fn send(client: &Client, context: &CallContext) -> Result<String, ErrorReason> {
    let request = SendRequest {
        phone_number: "+13035551234",
        verify_profile_id: "profile",
        timeout_secs: None,
        custom_code: None,
        extension: None,
    };
    client
        .send(context, Channel::Sms, "profile", to_json(&request))
        .await
        .map(|sent| sent.id.unwrap())
        .map_err(|failed| failed.reason)
}

async fn create(client: &Client, context: &CallContext) -> Result<(), ErrorReason> {
    client
        .create_template(context, to_json(&TemplateText { text: "{{code}}" }))
        .await
        .map(drop)
        .map_err(|failed| failed.reason)
}

async fn read(client: &Client, context: &CallContext) -> Result<(), ErrorReason> {
    client.templates(context).await.map(drop).map_err(|failed| failed.reason)
}

async fn check(client: &Client, context: &CallContext) -> Result<(), ErrorReason> {
    let answer = client.check(context, &VerificationRef::Id("id".into()), &Secret::new("12345".into())).await;
    answer.map(drop).map_err(|failed| failed.reason)
}

const SENT: &str = r#"{"data": {"id": "1"}}"#;

#[tokio::test(start_paused = true)]
async fn a_send_that_runs_to_completion_outlasts_the_deadline() {
    let (client, _) = client(|| async {
        sleep(3 * SECOND).await;
        Ok(answer(200, SENT))
    });
    let start = Instant::now();
    assert_eq!(send(&client, &run_to_completion(SECOND)).await.unwrap(), "1");
    assert_eq!(start.elapsed(), 3 * SECOND);
    create(&client, &run_to_completion(SECOND)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn only_the_attempt_timeout_ends_a_send_that_runs_to_completion() {
    let (client, attempts) = client(pending);
    let start = Instant::now();
    let failed = send(&client, &run_to_completion(SECOND)).await.unwrap_err();
    assert_eq!((failed, start.elapsed()), (ErrorReason::SendOutcomeUnknown, 10 * SECOND));
    assert_eq!(attempts.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn other_calls_end_with_the_deadline() {
    let (client, _) = client(pending);
    let start = Instant::now();
    let failed = check(&client, &run_to_completion(SECOND)).await.unwrap_err();
    assert_eq!((failed, start.elapsed()), (ErrorReason::CheckOutcomeUnknown, SECOND));
    let failed = read(&client, &run_to_completion(SECOND)).await.unwrap_err();
    assert_eq!((failed, start.elapsed()), (ErrorReason::DeadlineExceeded, 2 * SECOND));
    let failed = send(&client, &context(SECOND)).await.unwrap_err();
    assert_eq!((failed, start.elapsed()), (ErrorReason::SendOutcomeUnknown, 3 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn no_attempt_of_a_send_begins_after_the_deadline() {
    let (client, attempts) = client(|| async {
        sleep(2 * SECOND).await;
        Ok(answer(429, ""))
    });
    assert_eq!(send(&client, &run_to_completion(SECOND)).await.unwrap_err(), ErrorReason::UpstreamRateLimited);
    assert_eq!(attempts.load(Ordering::Relaxed), 1);
    assert_eq!(send(&client, &context(Duration::ZERO)).await.unwrap_err(), ErrorReason::DeadlineExceeded);
    assert_eq!(attempts.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_is_gone_ends_a_wait_but_no_attempt() {
    let (client, attempts) = client(|| async {
        sleep(SECOND).await;
        let mut throttled = answer(429, "");
        throttled.headers_mut().insert("retry-after", 5.into());
        Ok(throttled)
    });
    for (gone_after, ended_after) in [(SECOND / 2, SECOND), (2 * SECOND, 2 * SECOND)] {
        let (context, start) = (context(60 * SECOND), Instant::now());
        let gone = async {
            sleep(gone_after).await;
            context.cancelled.cancel();
        };
        let (failed, ()) = tokio::join!(send(&client, &context), gone);
        // Nothing was sent: Telnyx took none of the attempts.
        assert_eq!((failed.unwrap_err(), start.elapsed()), (ErrorReason::UpstreamRateLimited, ended_after));
    }
    assert_eq!(attempts.load(Ordering::Relaxed), 2);

    let context = context(60 * SECOND);
    context.cancelled.cancel();
    assert_eq!(send(&client, &context).await.unwrap_err(), ErrorReason::DeadlineExceeded);
    assert_eq!(attempts.load(Ordering::Relaxed), 2);
}

/// How an attempt ends.
type TransportResult = fn() -> Result<http::Response<Bytes>, TransportError>;

/// Every kind of end after which nobody knows whether a send, a check or a creation was carried out.
const UNKNOWN_ENDS: [TransportResult; 23] = [
    || Err(TransportError::Lost("reset".into())),
    || Err(TransportError::Timeout),
    || Err(TransportError::TooLarge),
    || Ok(answer(200, "<html></html>")),
    || Ok(answer(200, r#"{"data": {"id": "#)),
    || Ok(answer(200, "")),
    || Ok(answer(200, r#"{"data": {}}"#)),
    || Ok(answer(200, r#"{"data": {"id": "", "response_code": ""}}"#)),
    || Ok(answer(200, r#"{"data": {"id": null, "response_code": null}}"#)),
    || Ok(answer(200, r#"{"data": [{"id": "1", "response_code": "accepted"}]}"#)),
    || Ok(answer(200, r#"{"id": "1", "response_code": "accepted"}"#)),
    || Ok(answer(204, "")),
    || Ok(answer(300, "")),
    || Ok(answer(302, "")),
    || Ok(answer(303, "")),
    || Ok(answer(304, "")),
    || Ok(answer(408, "")),
    || Ok(answer(409, r#"{"errors": [{"code": "10036"}]}"#)),
    || Ok(answer(499, "")),
    || Ok(answer(500, "")),
    || Ok(answer(503, r#"{"errors": [{"code": "10037"}]}"#)),
    || Ok(answer(504, "<html></html>")),
    || Ok(answer(600, "")),
];

#[tokio::test(start_paused = true)]
async fn an_outcome_that_is_unknown_is_reported_as_unknown() {
    for (number, end) in UNKNOWN_ENDS.into_iter().enumerate() {
        let (client, attempts) = client(move || async move { end() });
        let context = context(60 * SECOND);
        let reasons = [
            send(&client, &context).await.unwrap_err(),
            check(&client, &context).await.unwrap_err(),
            create(&client, &context).await.unwrap_err(),
        ];
        let unknown =
            [ErrorReason::SendOutcomeUnknown, ErrorReason::CheckOutcomeUnknown, ErrorReason::CreateOutcomeUnknown];
        assert_eq!(reasons, unknown, "end {number}");
        assert_eq!(attempts.load(Ordering::Relaxed), 3, "end {number}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_send_that_changed_nothing_is_never_reported_as_unknown() {
    let ends: [(TransportResult, ErrorReason); 16] = [
        (|| Err(TransportError::Unsent("refused".into())), ErrorReason::UpstreamUnavailable),
        (|| Ok(answer(429, "<html></html>")), ErrorReason::UpstreamRateLimited),
        (|| Ok(answer(400, "")), ErrorReason::UpstreamInvalidRequest),
        (|| Ok(answer(401, "<html></html>")), ErrorReason::UpstreamKeyRefused),
        (|| Ok(answer(402, "")), ErrorReason::InsufficientFunds),
        (|| Ok(answer(403, r#"{"errors": [{"code": "10009"}]}"#)), ErrorReason::UpstreamKeyRefused),
        (|| Ok(answer(403, r#"{"errors": [{"code": 20003}]}"#)), ErrorReason::UpstreamKeyRefused),
        (|| Ok(answer(403, r#"{"errors": [{"code": "10010"}]}"#)), ErrorReason::AccountRestricted),
        (|| Ok(answer(403, "<html></html>")), ErrorReason::AccountRestricted),
        (|| Ok(answer(404, r#"{"errors": [{"code": "10005"}]}"#)), ErrorReason::ProfileNotFound),
        (|| Ok(answer(404, "<html></html>")), ErrorReason::UpstreamAnswerUnreadable),
        (|| Ok(answer(301, "")), ErrorReason::UpstreamAnswerUnreadable),
        (|| Ok(answer(308, "")), ErrorReason::UpstreamAnswerUnreadable),
        (|| Ok(answer(405, "")), ErrorReason::UpstreamAnswerUnreadable),
        (|| Ok(answer(415, "")), ErrorReason::UpstreamAnswerUnreadable),
        (|| Ok(answer(409, "")), ErrorReason::UpstreamConflict),
    ];
    for (end, reason) in ends {
        let (client, _) = client(move || async move { end() });
        assert_eq!(send(&client, &context(60 * SECOND)).await.unwrap_err(), reason);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_receives_the_method_path_headers_and_body() {
    let transport = service_fn(|request: http::Request<Bytes>| async move {
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/v2/verifications/sms"));
        assert_eq!(request.headers()["authorization"], "Bearer KEY-login");
        assert_eq!(request.headers()["content-type"], "application/json");
        assert_eq!(request.headers()["accept-encoding"], "identity");
        assert!(request.body().starts_with(b"{"));
        Ok(answer(200, SENT))
    });
    send(&over(transport, |_| ()), &context(SECOND)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_the_request_names_needs_no_id_in_the_answer() {
    let (client, _) = client(|| async { Ok(answer(200, r#"{"data": {"id": "", "text": 5}}"#)) });
    let context = context(SECOND);
    let ids = [
        client.verification(&context, "a").await.unwrap().id,
        client.profile(&context, "b").await.unwrap().id,
        client.update_profile(&context, "c", ProfilePatch::default()).await.unwrap().id,
        client.update_template(&context, "d", "x").await.unwrap().id,
    ];
    assert_eq!(ids.map(Option::unwrap), ["a", "b", "c", "d"]);
}
