//! `EventService`.

mod stream;

use std::sync::Arc;

use tonic::Request;

use self::stream::{EventSource, RunningStream};
use super::{RpcResult, context, edge::StreamGuard, translate};
use crate::{
    domain::{Caller, Error, TenantId},
    events::{EventReader, Events, VerificationEvent, VerificationProgress},
    pb::{
        ErrorReason, Heartbeat, StreamEventsRequest, StreamEventsResponse, StreamSnapshot, VerificationSnapshot,
        WatchVerificationRequest, WatchVerificationResponse, event_service_server::EventService,
        stream_events_response::Content as Streamed, watch_verification_response::Content as Watched,
    },
    services::{EventFilter, EventStreams, Origin, PolledVerification, watch_scope},
    telnyx::Verification,
};

#[tonic::async_trait]
impl EventService for EventStreams {
    type WatchVerificationStream = RunningStream<WatchVerificationResponse>;
    type StreamEventsStream = RunningStream<StreamEventsResponse>;

    async fn watch_verification(
        &self,
        request: Request<WatchVerificationRequest>,
    ) -> RpcResult<Self::WatchVerificationStream> {
        let (context, guard) = (context(&request)?, guard(&request)?);
        let (id, heartbeat) = translate::watch_verification(request.get_ref())?;
        let watched = self.watch(&context, &id, &request.get_ref().resume_token).await?;
        let verification = watched.outcome.answer;
        let is_test_number = watched.outcome.origin == Origin::TestNumber;
        let snapshot = VerificationSnapshot {
            verification: Some(translate::verification(verification.clone(), is_test_number)),
            progress: translate::event_type(watched.progress).into(),
        };
        let (tenant, scope, events) = (context.tenant.id.clone(), watch_scope(&id), self.events.clone());
        let source = VerificationWatch { id, verification, tenant, scope, events, _polled: watched.polled };
        let first = source.message(Watched::Snapshot(snapshot), &watched.reader);
        Ok(stream::run(source, watched.reader, guard, heartbeat, (first, watched.is_over)))
    }

    async fn stream_events(&self, request: Request<StreamEventsRequest>) -> RpcResult<Self::StreamEventsStream> {
        let (context, guard) = (context(&request)?, guard(&request)?);
        let (filter, heartbeat) = translate::stream_events(request.get_ref())?;
        let reader = self.stream(&context.tenant.id, &filter, &request.get_ref().resume_token).await?;
        let caller = Caller { tenant: context.tenant, identity: context.identity };
        let source = TenantStream { caller, scope: filter.scope(), filter, events: self.events.clone() };
        let snapshot = StreamSnapshot { time: translate::moment(self.events.now()) };
        let first = source.message(Streamed::Snapshot(snapshot), &reader);
        Ok(stream::run(source, reader, guard, heartbeat, (first, false)))
    }
}

/// What the edge has added to a call that opens a stream.
fn guard<T>(request: &Request<T>) -> Result<StreamGuard, Error> {
    let guard = request.extensions().get().cloned();
    guard.ok_or_else(|| Error::new(ErrorReason::Internal, "the stream has no permit"))
}

/// The events of one verification.
struct VerificationWatch {
    id: String,
    /// Its profile and country decide who may watch it.
    verification: Verification,
    tenant: TenantId,
    scope: Vec<u8>,
    events: Events,
    _polled: Option<Arc<PolledVerification>>,
}

impl VerificationWatch {
    fn message(&self, content: Watched, reader: &EventReader) -> WatchVerificationResponse {
        WatchVerificationResponse { content: Some(content), resume_token: self.token(reader) }
    }
}

impl EventSource for VerificationWatch {
    type Message = WatchVerificationResponse;

    fn token(&self, reader: &EventReader) -> String {
        self.events.token(&self.tenant, &self.scope, reader)
    }

    fn event(&self, event: &VerificationEvent, reader: &EventReader) -> Option<Self::Message> {
        (event.verification_id == self.id).then(|| self.message(Watched::Event(translate::event(event)), reader))
    }

    fn heartbeat(&mut self, caller: Caller, reader: &EventReader) -> Result<Self::Message, Error> {
        EventStreams::may_watch(&caller.identity, &self.verification)?;
        let heartbeat = Heartbeat { time: translate::moment(self.events.now()) };
        Ok(self.message(Watched::Heartbeat(heartbeat), reader))
    }

    /// Another watch begins with the present state, so nothing is lost.
    fn gap(&self) -> Error {
        Error::new(ErrorReason::StreamEnded, "the stream has missed events: open another one")
    }

    fn ends_after(&self, event: &VerificationEvent) -> bool {
        event.progress.is_some_and(VerificationProgress::is_final)
    }
}

/// The events of a tenant that an identity may see.
struct TenantStream {
    caller: Caller,
    filter: EventFilter,
    scope: Vec<u8>,
    events: Events,
}

impl TenantStream {
    fn message(&self, content: Streamed, reader: &EventReader) -> StreamEventsResponse {
        StreamEventsResponse { content: Some(content), resume_token: self.token(reader) }
    }
}

impl EventSource for TenantStream {
    type Message = StreamEventsResponse;

    fn token(&self, reader: &EventReader) -> String {
        self.events.token(&self.caller.tenant.id, &self.scope, reader)
    }

    fn event(&self, event: &VerificationEvent, reader: &EventReader) -> Option<Self::Message> {
        let is_shown = self.filter.has(&self.caller.identity, event);
        is_shown.then(|| self.message(Streamed::Event(translate::event(event)), reader))
    }

    fn heartbeat(&mut self, caller: Caller, reader: &EventReader) -> Result<Self::Message, Error> {
        if caller.tenant.id != self.caller.tenant.id {
            return Err(Error::new(ErrorReason::CredentialsInvalid, "the credentials are of another tenant now"));
        }
        self.caller = caller;
        let heartbeat = Heartbeat { time: translate::moment(self.events.now()) };
        Ok(self.message(Streamed::Heartbeat(heartbeat), reader))
    }

    fn gap(&self) -> Error {
        EventStreams::expired()
    }

    fn ends_after(&self, _: &VerificationEvent) -> bool {
        false
    }
}
