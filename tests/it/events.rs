//! Streams of events: what they show, to whom, from where, and how they end.

mod killed;
mod polling;
mod replicas;
mod slow;
mod stream;
mod watch;

use std::time::Duration;

use tonic::{Code, Streaming};
use verify_gateway::{
    config::Config,
    pb::{
        EventType, StreamEventsRequest, StreamEventsResponse, VerificationEvent, WatchVerificationRequest,
        WatchVerificationResponse, stream_events_response::Content as Streamed,
        watch_verification_response::Content as Watched,
    },
};

use crate::support::{Clients, Refused, webhooks::with_webhooks};

/// Turns on webhooks and streams.
fn with_events(config: &mut Config) {
    with_webhooks(config);
    config.events.enabled = true;
}

async fn stream(clients: &mut Clients, request: StreamEventsRequest) -> Streaming<StreamEventsResponse> {
    let mut stream = clients.events.stream_events(request).await.unwrap().into_inner();
    let first = stream.message().await.unwrap().unwrap();
    assert!(matches!(first.content, Some(Streamed::Snapshot(_))) && !first.resume_token.is_empty());
    stream
}

/// The next event and its token. Heartbeats are left out.
async fn next(stream: &mut Streaming<StreamEventsResponse>) -> (VerificationEvent, String) {
    loop {
        let StreamEventsResponse { content, resume_token } = stream.message().await.unwrap().unwrap();
        if let Some(Streamed::Event(event)) = content {
            return (event, resume_token);
        }
    }
}

async fn watch(clients: &mut Clients, verification_id: &str) -> Streaming<WatchVerificationResponse> {
    let request = WatchVerificationRequest { verification_id: verification_id.into(), ..Default::default() };
    clients.events.watch_verification(request).await.unwrap().into_inner()
}

/// The next type of a watch's events. `None` at its end.
async fn next_type(stream: &mut Streaming<WatchVerificationResponse>) -> Option<EventType> {
    loop {
        match stream.message().await.unwrap()?.content {
            Some(Watched::Event(event)) => return Some(event.r#type()),
            Some(Watched::Snapshot(snapshot)) => return Some(snapshot.progress()),
            Some(Watched::Heartbeat(_)) | None => {}
        }
    }
}

/// The code and the reason of the error that ends a stream.
async fn end<M>(stream: &mut Streaming<M>) -> (Code, String) {
    loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            Ok(None) => return (Code::Ok, String::new()),
            Err(status) => {
                let code = status.code();
                return (code, Refused::by(Err::<(), _>(status)).reason);
            }
        }
    }
}

/// A bound that no test reaches, unless it hangs.
const BOUND: Duration = Duration::from_mins(1);

const FIVE_SECONDS: Duration = Duration::from_secs(5);

fn every_five_seconds() -> Option<prost_types::Duration> {
    FIVE_SECONDS.try_into().ok()
}
