//! Watches what happens to the verifications of the tenant, through restarts of gateways and lost connections.

use tokio::time::sleep;
use tonic::Status;

use crate::{
    Events,
    errors::{open_again, reason},
    pb::{StreamEventsRequest, VerificationEvent, stream_events_response::Content},
};

/// Calls `handle` for each event, in their order. After a restart an event may come again, with the same `event_id`. Returns
/// only when it does not help to open the stream again. Dropping the future ends it.
pub async fn watch(gateway: &mut Events, handle: impl Fn(VerificationEvent)) -> Status {
    let mut resume_token = String::new();
    let mut failures = 0;
    loop {
        let error = match follow(gateway, &mut resume_token, &mut failures, &handle).await {
            Ok(()) => Status::unavailable("the stream ended"),
            Err(error) => error,
        };
        let Some(wait) = open_again(&error, failures) else { return error };
        println!("opening again in {wait:.1?}: {:?} {}", error.code(), reason(&error));
        if reason(&error) == "RESUME_TOKEN_EXPIRED" {
            // Events are lost. Read the verifications that matter.
            resume_token.clear();
        }
        failures += 1;
        sleep(wait).await;
    }
}

/// Follows one stream to its end.
async fn follow(
    gateway: &mut Events,
    resume_token: &mut String,
    failures: &mut u32,
    handle: impl Fn(VerificationEvent),
) -> Result<(), Status> {
    // Has no deadline. A heartbeat comes every 20 seconds.
    let request = StreamEventsRequest { resume_token: resume_token.clone(), ..Default::default() };
    let mut stream = gateway.stream_events(request).await?.into_inner();
    while let Some(message) = stream.message().await? {
        *failures = 0;
        match message.content {
            Some(Content::Event(event)) => handle(event),
            Some(Content::Snapshot(_)) => println!("watching"),
            _ => {}
        }
        // To go on after a restart of this program, keep the token with what `handle` has done.
        *resume_token = message.resume_token;
    }
    Ok(())
}
