//! Streams of events.

use std::time::Duration;

use super::{Violations, time, verification::CHANNELS};
use crate::{
    domain::{Error, is_resource_id},
    events::{VerificationEvent, VerificationProgress as Progress},
    pb::{self, EventType},
    services::EventFilter,
    telnyx::Time,
};

/// The interval of requests that have none: less than half of the minute after which many proxies end a silent stream.
const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(20);

/// `WatchVerification`: the ID and the interval of heartbeats.
pub fn watch_verification(request: &pb::WatchVerificationRequest) -> Result<(String, Duration), Error> {
    let mut violations = Violations::default();
    let heartbeat = violations.heartbeat(request.heartbeat_interval);
    let id = violations.id("verification_id", &request.verification_id);
    violations.into_result(id.zip(heartbeat))
}

/// `StreamEvents`: the filter and the interval of heartbeats.
pub fn stream_events(request: &pb::StreamEventsRequest) -> Result<(EventFilter, Duration), Error> {
    let mut violations = Violations::default();
    let heartbeat = violations.heartbeat(request.heartbeat_interval);
    let is_list = request.profile_ids.len() <= 100 && request.profile_ids.iter().all(|id| is_resource_id(id));
    violations.require(is_list, "profile_ids", "must be at most 100 IDs of profiles");
    let filter = EventFilter(request.profile_ids.iter().cloned().collect());
    violations.into_result(heartbeat.map(|heartbeat| (filter, heartbeat)))
}

impl Violations {
    fn heartbeat(&mut self, interval: Option<prost_types::Duration>) -> Option<Duration> {
        let Some(interval) = interval else { return Some(DEFAULT_HEARTBEAT) };
        let allowed = Duration::from_secs(5)..=Duration::from_mins(1);
        let interval = Duration::try_from(interval).ok().filter(|interval| allowed.contains(interval));
        self.require(interval.is_some(), "heartbeat_interval", "must be from 5 to 60 seconds");
        interval
    }
}

/// An event of the contract.
#[must_use]
pub fn event(event: &VerificationEvent) -> pb::VerificationEvent {
    let channel = CHANNELS.iter().find(|(_, channel)| event.channel == Some(*channel)).map(|(ours, _)| *ours);
    pb::VerificationEvent {
        event_id: event.mark.clone(),
        verification_id: event.verification_id.clone(),
        r#type: event_type(event.progress).into(),
        profile_id: event.profile_id.clone().unwrap_or_default(),
        channel: channel.unwrap_or_default().into(),
        country: event.country.map(|country| country.to_string()).unwrap_or_default(),
        time: moment(event.time),
    }
}

/// A moment of the contract.
#[must_use]
pub fn moment(time: jiff::Timestamp) -> Option<prost_types::Timestamp> {
    time::timestamp(Some(Time(time)))
}

/// How far a verification has come.
#[must_use]
pub const fn event_type(progress: Option<Progress>) -> EventType {
    match progress {
        None => EventType::Unspecified,
        Some(Progress::Created) => EventType::Created,
        Some(Progress::Sent) => EventType::Sent,
        Some(Progress::DeliveryUnconfirmed) => EventType::DeliveryUnconfirmed,
        Some(Progress::Delivered) => EventType::Delivered,
        Some(Progress::SendingFailed) => EventType::SendingFailed,
        Some(Progress::DeliveryFailed) => EventType::DeliveryFailed,
        Some(Progress::CheckRejected) => EventType::CheckRejected,
        Some(Progress::Accepted) => EventType::Accepted,
        Some(Progress::Invalid) => EventType::Invalid,
        Some(Progress::Expired) => EventType::Expired,
        Some(Progress::Error) => EventType::Error,
    }
}
