//! The logs of tenants: the events of each in the order in which they were recorded, for some time.
//!
//! While somebody reads the log of a tenant, one task follows it for all readers of this process. Readers keep nothing but
//! a position, so a slow one costs no memory.

use std::{
    collections::{HashMap, VecDeque},
    future::pending,
    sync::{Arc, Weak},
    time::Duration,
};

use jiff::SignedDuration;
use tokio::{
    select,
    sync::{Notify, watch},
    time::sleep,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    event::VerificationEvent,
    newest::{NewestEvents, PAGE, PlacedEvent, is_gap, placed},
};
use crate::{
    domain::TenantId,
    store::{self, LogPosition, Store},
    sync::Mutex,
};

/// How often a log at a server is read. What this process appends is read at once.
const INTERVAL: Duration = Duration::from_millis(200);
/// How long to wait after the store has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// The logs that are read.
pub(super) struct EventLogs {
    store: Store,
    tenants: Mutex<HashMap<TenantId, Weak<FollowedLog>>>,
}

/// Ends with its last reader.
struct FollowedLog {
    log: Arc<SharedLog>,
    _task: AbortOnDropHandle<()>,
}

struct SharedLog {
    store: Store,
    key: String,
    newest: Mutex<NewestEvents>,
    changed: watch::Sender<()>,
    appended: Notify,
}

/// Events that a reader has not read are not kept any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventGap;

/// The key of the log of `tenant`. In a cluster it is in the slot of the records that change with it.
pub(super) fn log_key(tenant: &TenantId) -> String {
    format!("event_log:{{{tenant}}}")
}

impl EventLogs {
    pub(super) fn new(store: Store) -> Self {
        Self { store, tenants: Mutex::default() }
    }

    /// Says that this process has appended to the log of `tenant`.
    pub(super) fn appended(&self, tenant: &TenantId) {
        if let Some(followed) = self.tenants.lock().get(tenant).and_then(Weak::upgrade) {
            followed.log.appended.notify_one();
        }
    }

    /// Reads the events of `tenant` from now on.
    pub(super) async fn read_new(&self, tenant: &TenantId) -> Result<EventReader, store::Error> {
        let position = self.store.log_end(&log_key(tenant)).await?;
        Ok(EventReader::new(self.follow(tenant), position))
    }

    /// Reads the events of `tenant` after `position`.
    pub(super) async fn read_after(
        &self,
        tenant: &TenantId,
        position: LogPosition,
    ) -> Result<EventReader, store::Error> {
        let mut reader = EventReader::new(self.follow(tenant), position);
        reader.read().await?;
        Ok(reader)
    }

    fn follow(&self, tenant: &TenantId) -> Arc<FollowedLog> {
        let mut tenants = self.tenants.lock();
        if let Some(followed) = tenants.get(tenant).and_then(Weak::upgrade) {
            return followed;
        }
        let log = Arc::new(SharedLog {
            store: self.store.clone(),
            key: log_key(tenant),
            newest: Mutex::default(),
            changed: watch::Sender::new(()),
            appended: Notify::new(),
        });
        let task = tokio::spawn({
            let log = log.clone();
            async move { log.follow().await }
        });
        let followed = Arc::new(FollowedLog { log, _task: AbortOnDropHandle::new(task) });
        tenants.retain(|_, followed| followed.strong_count() > 0);
        tenants.insert(tenant.clone(), Arc::downgrade(&followed));
        followed
    }
}

impl SharedLog {
    /// Reads what is appended, for ever. After a gap it begins at the end, and the readers find out what they miss.
    async fn follow(&self) {
        let mut position = None;
        loop {
            let Err(error) = self.read_on(&mut position).await else { continue };
            if is_gap(&error) {
                tracing::warn!(error = &error as &dyn std::error::Error, "the log of a tenant has a gap");
                position = None;
                self.replace(NewestEvents::default());
            }
            sleep(PAUSE).await;
        }
    }

    /// Reads what follows `position`, or waits for it.
    async fn read_on(&self, position: &mut Option<LogPosition>) -> Result<(), store::Error> {
        let Some(after) = *position else {
            let begin = self.store.log_end(&self.key).await?;
            self.replace(NewestEvents::after_position(begin));
            *position = Some(begin);
            return Ok(());
        };
        let entries = self.store.read_log(&self.key, after, PAGE).await?;
        if let Some(last) = entries.last() {
            *position = Some(last.position);
            self.newest.lock().add(placed(entries)?);
            self.changed.send_replace(());
            return Ok(());
        }
        let interval = async {
            // Nobody else appends to the memory of this process.
            if self.store.is_remote() { sleep(INTERVAL).await } else { pending().await }
        };
        select! {
            () = self.appended.notified() => {}
            () = interval => {}
        }
        Ok(())
    }

    fn replace(&self, newest: NewestEvents) {
        *self.newest.lock() = newest;
        self.changed.send_replace(());
    }
}

/// Reads the events of a tenant, each once.
pub struct EventReader {
    followed: Arc<FollowedLog>,
    changed: watch::Receiver<()>,
    position: LogPosition,
    page: VecDeque<PlacedEvent>,
    was_current: bool,
    /// How old the last event was when it was read.
    lag: SignedDuration,
}

impl EventReader {
    fn new(followed: Arc<FollowedLog>, position: LogPosition) -> Self {
        let changed = followed.log.changed.subscribe();
        Self { followed, changed, position, page: VecDeque::new(), was_current: false, lag: SignedDuration::ZERO }
    }

    /// The position of the event that was read last.
    pub(super) const fn position(&self) -> LogPosition {
        self.position
    }

    /// Whether this reader was up to date once, and is now behind by more than the time `lag` and by more than `events`.
    #[must_use]
    pub fn is_behind(&self, lag: SignedDuration, events: u64) -> bool {
        let waiting = || self.followed.log.newest.lock().end().number.saturating_sub(self.position.number);
        self.was_current && self.lag > lag && waiting() > events
    }

    /// The next event. It may be dropped before its end.
    ///
    /// # Errors
    /// Events are missing before it.
    pub async fn next(&mut self) -> Result<Arc<VerificationEvent>, EventGap> {
        loop {
            if let Some((position, event)) = self.page.pop_front() {
                self.position = position;
                self.lag = self.followed.log.store.now().duration_since(event.time);
                return Ok(event);
            }
            self.changed.borrow_and_update();
            let shared = self.followed.log.newest.lock().after(self.position);
            match shared {
                Some(page) => self.page = page,
                None => match self.read().await {
                    Ok(()) => {}
                    Err(error) if is_gap(&error) => return Err(EventGap),
                    Err(_) => sleep(PAUSE).await,
                },
            }
            if self.page.is_empty() {
                self.was_current = true;
                // The sender is in the log.
                _ = self.changed.changed().await;
            }
        }
    }

    /// Reads the next page from the store.
    async fn read(&mut self) -> Result<(), store::Error> {
        let log = &self.followed.log;
        self.page = placed(log.store.read_log(&log.key, self.position, PAGE).await?)?;
        Ok(())
    }
}
