//! The bound on the concurrent attempts of a tenant.

use futures_util::future::join_all;
use tokio::time::timeout;

use super::*;

#[tokio::test(start_paused = true)]
async fn the_concurrent_attempts_of_a_tenant_are_bounded() {
    let transport = service_fn(|request: http::Request<Bytes>| async move {
        if request.headers()["authorization"] == "Bearer KEY-slow" {
            sleep(SECOND).await;
        }
        Ok(answer(200, SENT))
    });
    let client = over(transport, |config| config.max_concurrent_attempts = 3);
    let slow = of("slow", 60 * SECOND);
    let attempts = (0..3).map(|_| send(&client, &slow));
    let meanwhile = async {
        sleep(SECOND / 2).await;
        let start = Instant::now();
        assert_eq!(send(&client, &slow).await.unwrap_err(), ErrorReason::ConcurrencyLimitReached);
        assert_eq!(read(&client, &slow).await.unwrap_err(), ErrorReason::ConcurrencyLimitReached);
        send(&client, &of("healthy", SECOND)).await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
    };
    let (sent, ()) = tokio::join!(join_all(attempts), meanwhile);
    assert!(sent.iter().all(Result::is_ok));
    send(&client, &slow).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_attempt_returns_its_permit_however_it_ends() {
    let transport = service_fn(|_| pending::<Result<http::Response<Bytes>, TransportError>>());
    let client = over(transport, |config| config.max_concurrent_attempts = 1);
    let context = of("slow", 60 * SECOND);
    timeout(SECOND, send(&client, &context)).await.unwrap_err();
    assert_eq!(send(&client, &context).await.unwrap_err(), ErrorReason::SendOutcomeUnknown);
    assert_eq!(send(&client, &context).await.unwrap_err(), ErrorReason::SendOutcomeUnknown);
}
