//! The newest events of a log, which all its readers in this process share.

use std::{collections::VecDeque, sync::Arc};

use super::event::VerificationEvent;
use crate::store::{self, LogEntry, LogPosition};

/// How many events are read at a time.
pub(super) const PAGE: usize = 64;
/// How many of the newest events all readers share. A reader that is further behind reads the log by itself.
const SHARED: usize = 256;

/// An event and where it stands.
pub(super) type PlacedEvent = (LogPosition, Arc<VerificationEvent>);

/// The newest events without a hole.
#[derive(Default)]
pub(super) struct NewestEvents {
    /// The position before them.
    begin: LogPosition,
    events: VecDeque<PlacedEvent>,
}

impl NewestEvents {
    pub(super) const fn after_position(begin: LogPosition) -> Self {
        Self { begin, events: VecDeque::new() }
    }

    pub(super) fn add(&mut self, events: VecDeque<PlacedEvent>) {
        self.events.extend(events);
        while self.events.len() > SHARED
            && let Some((position, _)) = self.events.pop_front()
        {
            self.begin = position;
        }
    }

    pub(super) fn end(&self) -> LogPosition {
        self.events.back().map_or(self.begin, |(position, _)| *position)
    }

    /// The events after `position`, unless they or the position itself are not here.
    pub(super) fn after(&self, position: LogPosition) -> Option<VecDeque<PlacedEvent>> {
        let first = if position == self.begin {
            0
        } else {
            self.events.binary_search_by_key(&position, |(position, _)| *position).ok()? + 1
        };
        Some(self.events.range(first..).take(PAGE).cloned().collect())
    }
}

/// Whether events are missing after a position, or can't be read. Otherwise the store fails for now.
pub(super) const fn is_gap(error: &store::Error) -> bool {
    matches!(error, store::Error::LogGap | store::Error::Unreadable(_) | store::Error::Foreign)
}

/// The events of `entries`. The one with which a log begins is none.
pub(super) fn placed(entries: Vec<LogEntry>) -> Result<VecDeque<PlacedEvent>, store::Error> {
    let events = entries.into_iter().filter(|entry| !entry.bytes.is_empty());
    let event = |entry: LogEntry| Ok((entry.position, Arc::new(VerificationEvent::from_json(&entry.bytes)?)));
    events.map(event).collect()
}
