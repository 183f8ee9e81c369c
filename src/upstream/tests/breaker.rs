//! A failing upstream gets no attempts until a read succeeds.

use std::sync::{Mutex, atomic::AtomicU16};

use tokio::time::{advance, timeout};

use super::*;

/// An upstream with configurable responses.
#[derive(Clone, Default)]
struct ScriptedUpstream {
    /// The status of its answers to GET, and to everything else.
    read: Arc<AtomicU16>,
    write: Arc<AtomicU16>,
    /// The duration of a read, in milliseconds.
    pace: Arc<AtomicUsize>,
    /// The requests that came since [`seen`](Self::seen) was asked last.
    requests: Arc<Mutex<Vec<String>>>,
}

const PROBE: &str = "GET /v2/verify_profiles?page%5Bnumber%5D=1&page%5Bsize%5D=1";
const READ: &str = "GET /v2/verify_profiles/templates";
const SEND: &str = "POST /v2/verifications/sms";

impl ScriptedUpstream {
    /// Sets the statuses of reads and of all else.
    fn answers(&self, read: u16, write: u16) {
        self.read.store(read, Ordering::Relaxed);
        self.write.store(write, Ordering::Relaxed);
    }

    fn client(&self) -> Client {
        let upstream = self.clone();
        let transport = service_fn(move |request: http::Request<Bytes>| {
            let upstream = upstream.clone();
            async move {
                let seen = format!("{} {}", request.method(), request.uri().path_and_query().unwrap());
                upstream.requests.lock().unwrap().push(seen);
                if request.method() != "GET" {
                    return Ok(answer(upstream.write.load(Ordering::Relaxed), SENT));
                }
                sleep(Duration::from_millis(upstream.pace.load(Ordering::Relaxed) as u64)).await;
                Ok(answer(upstream.read.load(Ordering::Relaxed), r#"{"data": []}"#))
            }
        });
        over(transport, |config| config.retry.max_attempts = 1)
    }

    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

/// As many as the default takes to open.
async fn ten_sends(client: &Client) {
    for _ in 0..10 {
        assert_eq!(send(client, &context(SECOND)).await.unwrap_err(), ErrorReason::SendOutcomeUnknown);
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_rejects_reads_at_once_and_the_next_read_is_the_trial() {
    let upstream = ScriptedUpstream::default();
    let client = upstream.client();
    upstream.answers(500, 200);
    for _ in 0..10 {
        assert_eq!(read(&client, &context(SECOND)).await.unwrap_err(), ErrorReason::UpstreamUnavailable);
    }
    assert_eq!(upstream.seen(), [READ; 10]);

    advance(2 * SECOND).await;
    let refused = client.templates(&context(SECOND)).await.err().unwrap();
    assert_eq!((refused.reason, refused.retry_after), (ErrorReason::UpstreamUnavailable, Some(3 * SECOND)));
    assert!(upstream.seen().is_empty());

    // A failed trial opens the circuit again.
    advance(3 * SECOND).await;
    for _ in 0..2 {
        assert_eq!(read(&client, &context(SECOND)).await.unwrap_err(), ErrorReason::UpstreamUnavailable);
    }
    assert_eq!(upstream.seen(), [READ]);

    advance(5 * SECOND).await;
    upstream.answers(200, 200);
    for _ in 0..2 {
        read(&client, &context(SECOND)).await.unwrap();
    }
    assert_eq!(upstream.seen(), [READ; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_send_is_never_the_first_request_to_a_failing_upstream() {
    let upstream = ScriptedUpstream::default();
    let client = upstream.client();
    upstream.answers(500, 500);
    ten_sends(&client).await;
    assert_eq!(upstream.seen(), [SEND; 10]);
    // Nothing was sent, and the error says so.
    assert_eq!(send(&client, &context(SECOND)).await.unwrap_err(), ErrorReason::UpstreamUnavailable);
    assert!(upstream.seen().is_empty());

    advance(5 * SECOND).await;
    let call = context(SECOND);
    let (first, second) = tokio::join!(send(&client, &call), send(&client, &call));
    assert_eq!([first, second], [Err(ErrorReason::UpstreamUnavailable), Err(ErrorReason::UpstreamUnavailable)]);
    assert_eq!(upstream.seen(), [PROBE]);

    // Reads succeed and sends still fail: the send is the trial.
    upstream.answers(200, 500);
    advance(5 * SECOND).await;
    assert_eq!(send(&client, &context(SECOND)).await.unwrap_err(), ErrorReason::SendOutcomeUnknown);
    assert_eq!(send(&client, &context(SECOND)).await.unwrap_err(), ErrorReason::UpstreamUnavailable);
    assert_eq!(upstream.seen(), [PROBE, SEND]);

    upstream.answers(200, 200);
    advance(5 * SECOND).await;
    for _ in 0..2 {
        send(&client, &context(SECOND)).await.unwrap();
    }
    assert_eq!(upstream.seen(), [PROBE, SEND, SEND]);
}

#[tokio::test(start_paused = true)]
async fn other_keys_and_other_effects_have_circuits_of_their_own() {
    let upstream = ScriptedUpstream::default();
    let client = upstream.client();
    upstream.answers(200, 500);
    ten_sends(&client).await;
    assert_eq!(send(&client, &context(SECOND)).await.unwrap_err(), ErrorReason::UpstreamUnavailable);
    upstream.answers(200, 200);
    send(&client, &of("billing", SECOND)).await.unwrap();
    read(&client, &context(SECOND)).await.unwrap();
    create(&client, &context(SECOND)).await.unwrap();
    assert_eq!(send(&client, &context(SECOND)).await.unwrap_err(), ErrorReason::UpstreamUnavailable);
}

#[tokio::test(start_paused = true)]
async fn a_send_does_not_follow_a_probe_that_ends_after_its_deadline() {
    let upstream = ScriptedUpstream::default();
    let client = upstream.client();
    upstream.answers(200, 500);
    ten_sends(&client).await;
    upstream.seen();
    advance(5 * SECOND).await;
    upstream.answers(200, 200);
    upstream.pace.store(1500, Ordering::Relaxed);
    let start = Instant::now();
    let failed = send(&client, &run_to_completion(SECOND)).await.unwrap_err();
    assert_eq!((failed, start.elapsed()), (ErrorReason::DeadlineExceeded, SECOND));
    // A caller that goes away during the probe leaves the trial to the next one.
    timeout(SECOND / 2, send(&client, &context(SECOND))).await.unwrap_err();
    assert_eq!(upstream.seen(), [PROBE, PROBE]);
    send(&client, &context(2 * SECOND)).await.unwrap();
    assert_eq!(upstream.seen(), [PROBE, SEND]);
}

#[tokio::test(start_paused = true)]
async fn a_send_does_not_follow_a_probe_whose_caller_is_gone() {
    let upstream = ScriptedUpstream::default();
    let client = upstream.client();
    upstream.answers(200, 500);
    ten_sends(&client).await;
    upstream.seen();
    advance(5 * SECOND).await;
    upstream.answers(200, 200);
    upstream.pace.store(500, Ordering::Relaxed);
    let context = run_to_completion(60 * SECOND);
    let gone = async {
        sleep(SECOND / 4).await;
        context.cancelled.cancel();
    };
    let (failed, ()) = tokio::join!(send(&client, &context), gone);
    assert_eq!((failed.unwrap_err(), upstream.seen()), (ErrorReason::UpstreamUnavailable, vec![PROBE.to_owned()]));
}

/// Any end that leaves open whether a send was carried out.
#[tokio::test(start_paused = true)]
async fn whatever_leaves_an_outcome_unknown_opens_a_circuit() {
    for (number, end) in UNKNOWN_ENDS.into_iter().enumerate() {
        let (client, attempts) = client(move || async move { end() });
        for _ in 0..10 {
            assert_eq!(
                send(&client, &context(SECOND)).await.unwrap_err(),
                ErrorReason::SendOutcomeUnknown,
                "end {number}"
            );
        }
        assert_eq!(
            send(&client, &context(SECOND)).await.unwrap_err(),
            ErrorReason::UpstreamUnavailable,
            "end {number}"
        );
        assert_eq!(attempts.load(Ordering::Relaxed), 10, "end {number}");
    }
}

#[tokio::test(start_paused = true)]
async fn neither_refusals_nor_abandoned_attempts_open_a_circuit() {
    let upstream = ScriptedUpstream::default();
    let client = upstream.client();
    for status in [301, 308, 400, 401, 403, 404, 405, 409, 422] {
        upstream.answers(status, status);
        for _ in 0..30 {
            send(&client, &context(SECOND)).await.unwrap_err();
            read(&client, &context(SECOND)).await.unwrap_err();
        }
    }
    upstream.pace.store(1000, Ordering::Relaxed);
    for _ in 0..30 {
        read(&client, &context(SECOND / 2)).await.unwrap_err();
    }
    upstream.answers(200, 200);
    send(&client, &context(SECOND)).await.unwrap();
    read(&client, &context(2 * SECOND)).await.unwrap();
}
