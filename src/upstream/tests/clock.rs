//! Telnyx's clock, as its answers tell it.

use jiff::{SignedDuration, Timestamp};

use super::*;

const LOCAL: Timestamp = Timestamp::constant(1_800_000_000, 400_000_000);

/// A client whose answers take 0.2 s and have these headers and this status.
fn answering(status: u16, headers: &'static [(&'static str, &'static str)]) -> Client {
    let transport = service_fn(move |_: http::Request<Bytes>| async move {
        sleep(SECOND / 5).await;
        let mut answer = answer(status, r#"{"data": []}"#);
        for (name, value) in headers {
            answer.headers_mut().insert(*name, value.parse().unwrap());
        }
        Ok(answer)
    });
    Client::over(transport, &Config::default(), Clock::starting_at(LOCAL), &Metrics::default()).unwrap()
}

/// Whole milliseconds by which Telnyx's clock is ahead: at least and at most.
fn bounds(client: &Client, context: &CallContext) -> Option<(i128, i128)> {
    let clock = client.telnyx_clock(&context.tenant)?;
    let ahead = |time: Timestamp| time.duration_since(LOCAL).as_millis();
    Some((ahead(clock.earliest(LOCAL)), ahead(clock.latest(LOCAL))))
}

#[tokio::test(start_paused = true)]
async fn the_date_of_an_answer_bounds_the_offset_of_its_account() {
    // 7.4 s after the request left.
    let client = answering(200, &[("date", "Fri, 15 Jan 2027 08:00:07 GMT")]);
    let context = context(SECOND);
    assert_eq!(bounds(&client, &context), None);
    read(&client, &context).await.unwrap();
    assert_eq!(bounds(&client, &context), Some((6300, 7700)));
    assert_eq!(bounds(&client, &of("billing", SECOND)), None);

    // The answers keep their date, so Telnyx's clock seems to stand.
    tokio::time::advance(SECOND / 2).await;
    read(&client, &of("login", SECOND)).await.unwrap();
    assert_eq!(bounds(&client, &context), Some((6300, 7000)));
    tokio::time::advance(Duration::from_mins(10)).await;
    assert_eq!(bounds(&client, &context), Some((6300, 7000)));
    tokio::time::advance(SECOND).await;
    assert_eq!(bounds(&client, &context), None);
}

#[tokio::test(start_paused = true)]
async fn a_jump_of_the_gateways_clock_leaves_the_bounds_true_for_times_before_and_after_it() {
    let client = answering(200, &[("date", "Fri, 15 Jan 2027 08:00:00 GMT")]);
    let context = context(SECOND);
    read(&client, &context).await.unwrap();
    assert_eq!(bounds(&client, &context), Some((-700, 700)));
    client.0.clock.advance(5 * SECOND);
    assert_eq!(bounds(&client, &context), Some((-5700, 700)));
}

#[tokio::test(start_paused = true)]
async fn an_answer_whose_date_is_not_telnyxs_tells_nothing() {
    const DATE: (&str, &str) = ("date", "Fri, 15 Jan 2027 08:00:00 GMT");
    let others: [(u16, &'static [(&'static str, &'static str)]); 4] =
        [(200, &[]), (200, &[("date", "today")]), (200, &[DATE, ("age", "3")]), (503, &[DATE])];
    for (status, headers) in others {
        let client = answering(status, headers);
        let context = context(SECOND);
        let _ = read(&client, &context).await;
        assert_eq!(bounds(&client, &context), None, "{status} {headers:?}");
    }
    let client = answering(404, &[DATE]);
    let context = context(SECOND);
    read(&client, &context).await.unwrap_err();
    let clock = client.telnyx_clock(&context.tenant).unwrap();
    assert!(clock.earliest(LOCAL) + SignedDuration::from_millis(1400) == clock.latest(LOCAL));
}
