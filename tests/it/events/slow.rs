//! Callers that do not read, beside many that do.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use tokio::time::{advance, pause, resume, timeout};
use tonic::{Code, Streaming, transport::Endpoint};
use verify_gateway::{
    domain::Permissions,
    pb::{GetProfileRequest, StreamEventsRequest, StreamEventsResponse, stream_events_response::Content},
};

use super::{BOUND, next, stream as open, with_events};
use crate::support::{
    Clients, Refused, TOKEN, TestGateway,
    webhooks::{WEBHOOK_TOKEN, WebhookSigner, account_of, delivery},
};

/// More than the buffers of a connection take and 256.
const EVENTS: usize = 800;

/// A thousand streams of another profile, on ten connections.
async fn watchers(gateway: &TestGateway) -> Vec<Streaming<StreamEventsResponse>> {
    let mut streams = Vec::new();
    for _ in 0..10 {
        let mut clients = gateway.clients().await;
        for _ in 0..100 {
            let request = StreamEventsRequest { profile_ids: vec!["p2".into()], ..Default::default() };
            streams.push(open(&mut clients, request).await);
        }
    }
    streams
}

/// The IDs of all events of a stream that fails, its last token, and its error.
async fn read_to_end(stream: &mut Streaming<StreamEventsResponse>) -> (Vec<String>, String, Refused) {
    let (mut seen, mut last) = (Vec::new(), String::new());
    loop {
        match stream.message().await {
            Ok(message) => {
                let message = message.expect("an error at the end");
                last = message.resume_token;
                if let Some(Content::Event(event)) = message.content {
                    seen.push(event.verification_id);
                }
            }
            Err(status) => return (seen, last, Refused::by(Err::<(), _>(status))),
        }
    }
}

#[tokio::test]
async fn a_caller_that_does_not_read_costs_no_memory_and_misses_nothing() {
    let signer = WebhookSigner::new(1);
    let directory = account_of(vec![signer.key()], [Permissions::all(), Permissions::default()]);
    let config = |config: &mut verify_gateway::config::Config| {
        with_events(config);
        (config.events.max_streams, config.events.max_tenant_streams) = (1100, 1100);
        config.grpc.max_concurrent_calls = 1;
    };
    let gateway = TestGateway::builder().config(config).tenants(directory).start().await;
    // One client: to make one takes longer than to post.
    let http = reqwest::Client::new();
    let post = async |id: &str, profile: &str| {
        let (url, body) =
            (format!("http://{}/webhooks/{WEBHOOK_TOKEN}", gateway.webhooks), delivery(id, profile, "sent"));
        let (now, body) = (Timestamp::now().as_second(), body.to_string().into_bytes());
        let sent = http.post(url).headers(signer.headers(now, &body)).body(body).send();
        assert_eq!(timeout(BOUND, sent).await.expect("an answer in time").unwrap().status(), 200);
    };
    let endpoint = Endpoint::new(format!("http://{}", gateway.addr)).unwrap().initial_stream_window_size(1 << 12);
    let mut clients = Clients::over(endpoint.connect().await.unwrap(), Some(TOKEN));
    let mut slow = open(&mut clients, StreamEventsRequest::default()).await;
    let mut others = watchers(&gateway).await;

    // Long IDs, so that the buffers take few events.
    let ids: Vec<_> = (0..EVENTS).map(|number| format!("v{number:0>180}")).collect();
    stream::iter(ids.iter().map(|id| post(id, "p1"))).buffer_unordered(16).collect::<Vec<()>>().await;
    post("last", "p2").await;
    for stream in &mut others {
        let (event, _) = timeout(BOUND, next(stream)).await.expect("an event in time");
        assert_eq!(event.verification_id, "last");
    }
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    clients.profiles.get_profile(GetProfileRequest { profile_id }).await.unwrap();

    pause();
    advance(Duration::from_secs(6)).await;
    resume();
    let (mut seen, last, error) = timeout(BOUND, read_to_end(&mut slow)).await.expect("an error in time");
    let token = error.is(Code::ResourceExhausted, "STREAM_TOO_SLOW").metadata["resume_token"].clone();
    assert!(!seen.is_empty() && seen.len() + 256 < EVENTS, "{}", seen.len());
    // The token of the error and that of the last message are the same position.
    let mut rests = Vec::new();
    for token in [last, token] {
        let mut resumed = open(&mut clients, StreamEventsRequest { resume_token: token, ..Default::default() }).await;
        let mut rest = Vec::new();
        while seen.len() + rest.len() <= EVENTS {
            rest.push(timeout(BOUND, next(&mut resumed)).await.expect("an event in time").0.verification_id);
        }
        rests.push(rest);
    }
    assert_eq!(rests[0], rests[1]);
    seen.extend(rests.remove(0));
    assert_eq!(seen.pop().as_deref(), Some("last"));
    seen.sort();
    assert_eq!(seen, ids);
    gateway.stop().await;
}
