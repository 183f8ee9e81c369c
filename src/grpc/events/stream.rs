//! A running stream. It is polled only as fast as the caller reads, and keeps nothing but a position in the log.

use std::{pin::Pin, time::Duration};

use futures_util::{Stream, StreamExt, future::ready, stream};
use jiff::SignedDuration;
use tokio::{
    select,
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until},
};
use tonic::{Response, Status};

use crate::{
    domain::{Caller, Error},
    events::{EventGap, EventReader, VerificationEvent},
    grpc::edge::StreamGuard,
    pb::ErrorReason,
};

/// How long a watch goes on after the last state, for the report of the delivery.
const LINGER: Duration = Duration::from_secs(2);

/// A caller that gets events later than this is too slow, if more of them wait.
const MAX_LAG: SignedDuration = SignedDuration::from_secs(5);
/// How many may wait for such a caller.
const MAX_WAITING: u64 = 256;

/// The messages of a stream.
pub(super) type RunningStream<M> = Pin<Box<dyn Stream<Item = Result<M, Status>> + Send>>;

/// What a stream shows.
pub(super) trait EventSource: Send + Sync + 'static {
    type Message: Send + 'static;

    /// The token of what `reader` has read.
    fn token(&self, reader: &EventReader) -> String;

    /// The message of `event`, which `reader` has read. `None` if it is not shown.
    fn event(&self, event: &VerificationEvent, reader: &EventReader) -> Option<Self::Message>;

    /// The message of a heartbeat, if `caller` may still see the stream.
    fn heartbeat(&mut self, caller: Caller, reader: &EventReader) -> Result<Self::Message, Error>;

    /// The error of a stream that misses events.
    fn gap(&self) -> Error;

    /// Whether nothing of interest comes after `event`.
    fn ends_after(&self, event: &VerificationEvent) -> bool;
}

struct StreamState<S> {
    source: S,
    reader: EventReader,
    guard: StreamGuard,
    heartbeats: Interval,
    /// When the stream ends with OK.
    end: Option<Instant>,
}

/// Starts a stream with its `first` message. One that is over ends soon.
pub(super) fn run<S: EventSource>(
    source: S,
    reader: EventReader,
    guard: StreamGuard,
    heartbeat: Duration,
    (first, is_over): (S::Message, bool),
) -> Response<RunningStream<S::Message>> {
    let now = Instant::now();
    let mut heartbeats = interval_at(now + heartbeat, heartbeat);
    heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let state = StreamState { source, reader, guard, heartbeats, end: is_over.then(|| now + LINGER) };
    let rest = stream::unfold(Some(state), |state| async {
        let mut state = state?;
        match state.next().await {
            Ok(Some(message)) => Some((Ok(message), Some(state))),
            Ok(None) => None,
            Err(error) => Some((Err(error.into()), None)),
        }
    });
    Response::new(Box::pin(stream::once(ready(Ok(first))).chain(rest)))
}

impl<S: EventSource> StreamState<S> {
    /// The next message; `None` at the end.
    async fn next(&mut self) -> Result<Option<S::Message>, Error> {
        if self.reader.is_behind(MAX_LAG, MAX_WAITING) {
            let message = format!("the caller reads too slowly: more than {MAX_WAITING} events wait for it");
            let error = Error::new(ErrorReason::StreamTooSlow, message);
            return Err(error.resume_token(self.source.token(&self.reader)));
        }
        loop {
            let Self { source, reader, guard, heartbeats, end } = self;
            let is_over = async {
                match end {
                    Some(end) => sleep_until(*end).await,
                    None => std::future::pending().await,
                }
            };
            let event = select! {
                biased;
                ended = guard.ended() => return Err(ended.resume_token(source.token(reader))),
                _ = heartbeats.tick() => {
                    let caller = guard.caller().await?;
                    return source.heartbeat(caller, reader).map(Some);
                }
                event = reader.next() => event.map_err(|EventGap| source.gap())?,
                // After what waits.
                () = is_over => return Ok(None),
            };
            if let Some(message) = source.event(&event, reader) {
                if source.ends_after(&event) && end.is_none() {
                    *end = Some(Instant::now() + LINGER);
                }
                return Ok(Some(message));
            }
        }
    }
}
