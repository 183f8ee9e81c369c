//! Every fault of an upstream: the caller gets the right error, no send is repeated, and the gateway recovers.

use std::{fs, time::Duration};

use futures_util::future::join_all;
use tonic::{Code, Status};
use verify_gateway::pb::{CheckVerificationRequest, ListTemplatesRequest, check_verification_request::Target};

use crate::support::{
    Clients, Fault, Faulty, KEY, OTHER_KEY, OTHER_TOKEN, PHONE, Process, Refused, TOKEN, TestGateway, tenants_file,
};

const SEND: &str = "POST /v2/verifications/sms";
const CHECK: &str = "POST /v2/verifications/some-id/actions/verify";
const READ: &str = "GET /v2/verify_profiles/templates";

async fn send(clients: &mut Clients) -> Result<(), Status> {
    clients.try_send(PHONE, "some-profile").await.map(drop)
}

async fn check(clients: &mut Clients) -> Result<(), Status> {
    let request = CheckVerificationRequest {
        target: Some(Target::VerificationId("some-id".into())),
        code: "12345".into(),
        ..CheckVerificationRequest::default()
    };
    clients.verifications.check_verification(request).await.map(drop)
}

async fn read(clients: &mut Clients) -> Result<(), Status> {
    clients.templates.list_templates(ListTemplatesRequest::default()).await.map(drop)
}

/// The code and reason of a call, and the number of requests of its kind that reach the upstream.
type Expected = (Code, &'static str, usize);

/// The expected results of a send, a check and a read.
fn expected(fault: Fault) -> [Expected; 3] {
    let unknown =
        |read| [(Code::Unknown, "SEND_OUTCOME_UNKNOWN", 1), (Code::Unknown, "CHECK_OUTCOME_UNKNOWN", 1), read];
    match fault {
        Fault::Refused | Fault::SynDropped => [(Code::Unavailable, "UPSTREAM_UNAVAILABLE", 0); 3],
        Fault::ResetBeforeBody
        | Fault::ResetAfterBody
        | Fault::SlowHeaders
        | Fault::SlowBody
        | Fault::WrongLength
        | Fault::FailureAfterActing => unknown((Code::Unavailable, "UPSTREAM_UNAVAILABLE", 3)),
        Fault::HalfJson | Fault::Html | Fault::Oversized | Fault::Bomb => {
            unknown((Code::Internal, "UPSTREAM_ANSWER_UNREADABLE", 1))
        }
        // A throttled request had no effect, so every kind is retried.
        Fault::Throttled => [(Code::ResourceExhausted, "UPSTREAM_RATE_LIMITED", 3); 3],
    }
}

async fn fails_well(fault: Fault) {
    let mut origin = Faulty::start(Some(fault)).await;
    let gateway = TestGateway::builder()
        .upstream(origin.addr)
        .config(|config| {
            config.upstream.max_response_size = 64 << 10;
            // An open circuit breaker would stop later calls.
            config.upstream.breaker.consecutive_failures = 0;
            config.upstream.breaker.min_success_ratio = 0.0;
            match fault {
                Fault::SynDropped => config.upstream.connect_timeout = Duration::from_millis(300),
                Fault::SlowHeaders | Fault::SlowBody => {
                    config.upstream.connect_timeout = Duration::from_millis(500);
                    config.upstream.attempt_timeout = Duration::from_millis(500);
                }
                _ => {}
            }
        })
        .start()
        .await;
    let mut clients = gateway.clients().await;
    let mut healthy = gateway.clients_with(Some(OTHER_TOKEN)).await;

    let failing = async {
        let ends = [send(&mut clients).await, check(&mut clients).await, read(&mut clients).await];
        for ((end, what), (code, reason, requests)) in ends.into_iter().zip([SEND, CHECK, READ]).zip(expected(fault)) {
            let refused = Refused::by(end);
            assert_eq!((refused.code, refused.reason.as_str()), (code, reason), "{fault:?} {what}");
            assert_eq!(origin.count(KEY, what), requests, "{fault:?} {what}");
        }
    };
    let beside = async {
        if fault.is_of_requests() {
            serves_well(&mut healthy).await;
            assert_eq!([SEND, CHECK, READ].map(|what| origin.count(OTHER_KEY, what)), [1; 3], "{fault:?}");
        }
    };
    tokio::join!(failing, beside);

    origin.fail(None);
    serves_well(&mut clients).await;
    let counts = [SEND, CHECK, READ].map(|what| origin.count(KEY, what));
    assert_eq!(counts, expected(fault).map(|(_, _, requests)| requests + 1), "{fault:?}");
    gateway.stop().await;
}

async fn serves_well(clients: &mut Clients) {
    send(clients).await.unwrap();
    check(clients).await.unwrap();
    read(clients).await.unwrap();
}

#[tokio::test]
async fn no_upstream_fault_repeats_a_send_and_the_gateway_recovers_from_each() {
    join_all(Fault::ALL.map(fails_well)).await;
}

#[tokio::test]
async fn no_upstream_fault_leaks_a_file_descriptor() {
    let mut origin = Faulty::start(None).await;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("gateway.yaml");
    let tenants = tenants_file("login", TOKEN, "{ file: key }");
    fs::write(folder.path().join("key"), KEY).unwrap();
    fs::write(folder.path().join("tenants.yaml"), tenants).unwrap();
    let upstream = format!(
        "grpc: {{ listen: '127.0.0.1:0', plaintext: true }}\n\
             admin: {{ listen: '127.0.0.1:0' }}\n\
         upstream:\n  base_url: 'http://{}/v2'\n  connect_timeout: 500ms\n  attempt_timeout: 500ms\n\
         \x20 max_response_size: 64KiB\n  breaker: {{ consecutive_failures: 0, min_success_ratio: 0 }}\n  retry: {{ max_attempts: 1 }}\n",
        origin.addr
    );
    fs::write(&config, upstream).unwrap();
    let mut gateway = Process::start(&["serve", "--config", config.to_str().unwrap()]);
    let mut clients = Clients::of(gateway.logged_addr().await, Some(TOKEN)).await;

    serves_well(&mut clients).await;
    let before = gateway.descriptors();
    for fault in Fault::ALL.into_iter().filter(|fault| fault.is_of_requests()) {
        origin.fail(Some(fault));
        send(&mut clients).await.unwrap_err();
        read(&mut clients).await.unwrap_err();
    }
    origin.fail(None);
    // The gateway closes a reset connection when its task runs next, so this makes calls until it did.
    for _ in 0..1000 {
        read(&mut clients).await.unwrap();
        if gateway.descriptors() <= before {
            break;
        }
    }
    assert_eq!(gateway.descriptors(), before);
    assert_eq!(gateway.end("TERM").await.code, Some(0));
}

#[tokio::test]
async fn a_tenant_with_a_silent_upstream_does_not_delay_another_tenant() {
    const PERMITS: usize = 8;
    let origin = Faulty::start(Some(Fault::SlowHeaders)).await;
    let gateway = TestGateway::builder()
        .upstream(origin.addr)
        .config(|config| {
            config.upstream.max_concurrent_attempts = PERMITS;
            config.grpc.max_concurrent_calls = 2 * PERMITS;
            config.grpc.tenant_share = 1.0;
        })
        .start()
        .await;
    let mut waiting = Vec::new();
    for count in 1..=PERMITS {
        let mut clients = gateway.clients().await;
        waiting.push(tokio::spawn(async move { read(&mut clients).await }));
        origin.until(count, KEY, READ).await;
    }
    let mut clients = gateway.clients().await;
    for end in [read(&mut clients).await, send(&mut clients).await] {
        let refused = Refused::by(end).is(Code::ResourceExhausted, "CONCURRENCY_LIMIT_REACHED");
        assert!(refused.retry_after.is_none(), "nobody knows when an attempt ends");
    }
    assert_eq!(origin.count(KEY, SEND), 0);
    serves_well(&mut gateway.clients_with(Some(OTHER_TOKEN)).await).await;
    assert!(waiting.iter().all(|call| !call.is_finished()));
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
    gateway.stop().await;
}
