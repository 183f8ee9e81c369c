//! The logs of tenants: the events of each in the order in which they were recorded, for some time.
//!
//! Readers keep nothing but a position, so a slow one costs no memory.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::{Mutex as AsyncMutex, watch};

use super::event::VerificationEvent;
use crate::{domain::TenantId, sync::Mutex};

/// How many events a reader takes at a time.
const PAGE: usize = 64;

/// A position in a log: a time in milliseconds, and a number among the events of that time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LogPosition {
    pub(super) millis: i64,
    pub(super) number: u64,
}

/// The bounds of each log.
#[derive(Clone, Copy)]
pub(super) struct LogBounds {
    pub(super) max_events: usize,
    pub(super) retention: Duration,
}

pub(super) struct EventLogs {
    bounds: LogBounds,
    tenants: Mutex<HashMap<TenantId, Arc<TenantLog>>>,
}

pub(super) struct TenantLog {
    bounds: LogBounds,
    entries: Mutex<LogEntries>,
    appended: watch::Sender<()>,
    /// Held from the change of a verification's record to the append, so that its events are in its order.
    pub(super) order: AsyncMutex<()>,
}

#[derive(Default)]
struct LogEntries {
    queue: VecDeque<(LogPosition, Arc<VerificationEvent>)>,
    last: LogPosition,
    /// The newest position that was dropped.
    dropped: LogPosition,
}

/// Events that a reader has not read are not kept any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventGap;

impl EventLogs {
    pub(super) fn new(bounds: LogBounds) -> Self {
        Self { bounds, tenants: Mutex::default() }
    }

    pub(super) fn of(&self, tenant: &TenantId) -> Arc<TenantLog> {
        let new = || {
            let (entries, appended) = (Mutex::default(), watch::Sender::new(()));
            Arc::new(TenantLog { bounds: self.bounds, entries, appended, order: AsyncMutex::default() })
        };
        Arc::clone(self.tenants.lock().entry(tenant.clone()).or_insert_with(new))
    }
}

impl TenantLog {
    pub(super) fn append(&self, event: VerificationEvent) {
        let mut entries = self.entries.lock();
        let (millis, last) = (event.time.as_millisecond(), entries.last);
        let next = LogPosition { millis: last.millis, number: last.number + 1 };
        let position = if millis > last.millis { LogPosition { millis, number: 0 } } else { next };
        entries.drop_old(self.bounds, event.time);
        entries.last = position;
        entries.queue.push_back((position, Arc::new(event)));
        drop(entries);
        self.appended.send_replace(());
    }

    pub(super) fn last(&self) -> LogPosition {
        self.entries.lock().last
    }

    fn after(&self, position: LogPosition) -> Result<VecDeque<(LogPosition, Arc<VerificationEvent>)>, EventGap> {
        let entries = self.entries.lock();
        if position < entries.dropped {
            return Err(EventGap);
        }
        let begin = entries.queue.partition_point(|(known, _)| *known <= position);
        Ok(entries.queue.range(begin..).take(PAGE).cloned().collect())
    }
}

impl LogEntries {
    /// Makes room for one more.
    fn drop_old(&mut self, bounds: LogBounds, now: Timestamp) {
        let oldest = now.saturating_sub(bounds.retention).unwrap_or(Timestamp::MIN).as_millisecond();
        while let Some((position, _)) = self.queue.front()
            && (self.queue.len() >= bounds.max_events || position.millis < oldest)
        {
            self.dropped = *position;
            self.queue.pop_front();
        }
    }
}

/// Reads the events of a tenant, each once.
pub struct EventReader {
    log: Arc<TenantLog>,
    appended: watch::Receiver<()>,
    position: LogPosition,
    page: VecDeque<(LogPosition, Arc<VerificationEvent>)>,
}

impl EventReader {
    /// Reads the events after `position`.
    pub(super) fn new(log: Arc<TenantLog>, position: LogPosition) -> Result<Self, EventGap> {
        let appended = log.appended.subscribe();
        let page = log.after(position)?;
        Ok(Self { log, appended, position, page })
    }

    /// The position of the event that was read last.
    pub(super) const fn position(&self) -> LogPosition {
        self.position
    }

    /// The next event. It may be dropped before its end.
    ///
    /// # Errors
    /// Events are missing before it.
    pub async fn next(&mut self) -> Result<Arc<VerificationEvent>, EventGap> {
        loop {
            if let Some((position, event)) = self.page.pop_front() {
                self.position = position;
                return Ok(event);
            }
            self.appended.borrow_and_update();
            self.page = self.log.after(self.position)?;
            if self.page.is_empty() {
                // The sender is in the log.
                _ = self.appended.changed().await;
            }
        }
    }
}
