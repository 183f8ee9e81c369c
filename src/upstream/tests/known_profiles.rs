//! One read of a profile explains many refusals.

use futures_util::future::join_all;
use tokio::time::advance;

use super::*;

/// Whether the profile has the SMS channel, or why it could not be read.
async fn known(client: &Client, context: &CallContext, id: &str) -> Result<bool, ErrorReason> {
    let profile = client.known_profile(context, id).await.map_err(|error| error.reason)?;
    Ok(profile.block(Channel::Sms).is_some())
}

const PROFILE: &str = r#"{"data": {"id": "p", "sms": {}}}"#;
const MISSING: &str = r#"{"errors": [{"code": "10005"}]}"#;

#[tokio::test(start_paused = true)]
async fn a_profile_is_read_once_in_a_minute_for_each_key() {
    for (end, expected) in [
        ((|| Ok(answer(200, PROFILE))) as TransportResult, Ok(true)),
        (|| Ok(answer(404, MISSING)), Err(ErrorReason::ProfileNotFound)),
        (|| Ok(answer(400, r#"{"errors": [{"code": "10015"}]}"#)), Err(ErrorReason::ProfileNotFound)),
    ] {
        let (client, reads) = client(move || async move {
            sleep(SECOND / 10).await;
            end()
        });
        let (context, other) = (context(2 * SECOND), of("billing", 2 * SECOND));
        for known in join_all((0..50).map(|_| known(&client, &context, "p"))).await {
            assert_eq!(known, expected);
        }
        assert_eq!(reads.load(Ordering::Relaxed), 1);
        assert_eq!(known(&client, &other, "p").await, expected);
        assert_eq!(known(&client, &other, "q").await, expected);
        assert_eq!(reads.load(Ordering::Relaxed), 3);
        advance(Duration::from_mins(1)).await;
        assert_eq!(known(&client, &of("login", SECOND), "p").await, expected);
        assert_eq!(reads.load(Ordering::Relaxed), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_read_counts_for_those_that_wait_for_it() {
    let (client, reads) = client_with(
        |config| config.retry.max_attempts = 1,
        || async {
            sleep(SECOND / 10).await;
            Err(TransportError::Timeout)
        },
    );
    let context = context(60 * SECOND);
    for known in join_all((0..50).map(|_| known(&client, &context, "p"))).await {
        assert_eq!(known, Err(ErrorReason::UpstreamUnavailable));
    }
    assert_eq!(reads.load(Ordering::Relaxed), 1);
    advance(SECOND).await;
    known(&client, &context, "p").await.unwrap_err();
    assert_eq!(reads.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_the_read_of_another_beyond_its_deadline() {
    let (client, _) = client(pending);
    let (patient, start) = (context(5 * SECOND), Instant::now());
    let hurried = context(SECOND);
    let (_, ended) = tokio::join!(known(&client, &patient, "p"), async {
        assert_eq!(known(&client, &hurried, "p").await, Err(ErrorReason::DeadlineExceeded));
        start.elapsed()
    });
    assert_eq!(ended, SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_a_profile_is_seen_at_once() {
    let (client, reads) = client(|| async { Ok(answer(200, PROFILE)) });
    let context = context(SECOND);
    known(&client, &context, "p").await.unwrap();
    client.update_profile(&context, "p", ProfilePatch::default()).await.unwrap();
    known(&client, &context, "p").await.unwrap();
    client.delete_profile(&context, "p").await.unwrap();
    known(&client, &context, "p").await.unwrap();
    assert_eq!(reads.load(Ordering::Relaxed), 5);
}

#[tokio::test(start_paused = true)]
async fn the_read_spends_from_the_retry_budget() {
    let no_budget = |config: &mut UpstreamConfig| {
        (config.retry.budget.ratio, config.retry.budget.per_second) = (0.0, 0);
    };
    let (client, requests) = client_with(no_budget, || async { Ok(answer(200, PROFILE)) });
    assert_eq!(known(&client, &context(SECOND), "p").await, Err(ErrorReason::UpstreamUnavailable));
    assert_eq!(requests.load(Ordering::Relaxed), 0);
}
