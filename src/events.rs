//! What happens to verifications after they are sent.
//!
//! Telnyx reports it late, repeatedly and in any order. Each event takes effect once, and the progress of a verification
//! never goes back.

mod event;
mod known;
mod log;
mod newest;
mod progress;
mod token;

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

pub use self::{
    event::VerificationEvent,
    known::EventEffect,
    log::{EventGap, EventReader},
    progress::VerificationProgress,
    token::TokenError,
};
use self::{
    known::KnownEvents,
    log::{EventLogs, log_key},
    newest::is_gap,
    token::TokenSealer,
};
use crate::{
    config::Config,
    domain::{TenantId, VerificationRef},
    store::{self, Change, LogAppend, LogBounds, Store},
    sync::Mutex,
};

/// How long an event is known. It is not published how long Telnyx repeats one.
const KEEP: Duration = Duration::from_hours(24);
/// How long webhooks of a profile are expected after one has come.
const WEBHOOKS_GO_ON: Duration = Duration::from_mins(15);
/// How often a process stores that they come.
const STORED_FOR: Duration = Duration::from_mins(1);
/// The events of verifications. Clones share them.
#[derive(Clone)]
pub struct Events {
    store: Store,
    logs: Arc<EventLogs>,
    tokens: Arc<TokenSealer>,
    bounds: LogBounds,
    /// When this process last stored that a webhook of a profile came.
    webhooks: Arc<Mutex<HashMap<String, Instant>>>,
    has_streams: bool,
    records_own: bool,
}

impl Events {
    /// The events in `store`.
    #[must_use]
    pub fn new(config: &Config, store: Store) -> Self {
        let bounds = LogBounds { max_entries: config.events.max_events, retention: config.events.retention };
        let (logs, tokens) = (Arc::new(EventLogs::new(store.clone())), Arc::new(TokenSealer::new(&store)));
        let has_streams = config.events.enabled;
        Self {
            store,
            logs,
            tokens,
            bounds,
            webhooks: Arc::default(),
            has_streams,
            records_own: has_streams || config.webhooks.listen.is_some(),
        }
    }

    /// Whether there are streams of events.
    #[must_use]
    pub const fn has_streams(&self) -> bool {
        self.has_streams
    }

    /// Whether the tenants' own sends and checks are recorded: for streams, and to know whose a webhook is.
    #[must_use]
    pub const fn records_own(&self) -> bool {
        self.records_own
    }

    /// The time that dates events.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.store.now()
    }

    /// Records `event` of a verification of `tenant`, until `deadline` at most.
    ///
    /// # Errors
    /// The event may not be recorded.
    pub async fn record(
        &self,
        tenant: &TenantId,
        event: VerificationEvent,
        deadline: Instant,
    ) -> Result<EventEffect, store::Error> {
        let mark = self.store.digest(&[event.verification_id.as_bytes(), event.mark.as_bytes()]);
        let (records, key) = (self.store.records_of(tenant), key(tenant, &event.verification_id));
        let recorded = records.update_by(&key, deadline, |known: Option<KnownEvents>| {
            let (mut known, mut event) = (known.unwrap_or_default(), event.clone());
            let effect = known.add(mark, event.progress);
            known.complete(&mut event);
            let change = match effect {
                EventEffect::Repeated => Change::Keep,
                EventEffect::Progress | EventEffect::None if self.has_streams => {
                    event.mark = mark.to_string();
                    let append = LogAppend { log: log_key(tenant), bytes: event.to_json(), bounds: self.bounds };
                    Change::PutAndAppend(known, KEEP, append)
                }
                _ => Change::Put(known, KEEP),
            };
            (change, effect)
        });
        let effect = recorded.await?;
        self.logs.appended(tenant);
        Ok(effect)
    }

    /// Whether `tenant` sent the verification, and how far it has come.
    ///
    /// # Errors
    /// The record can't be read.
    pub async fn known(
        &self,
        tenant: &TenantId,
        verification_id: &str,
        deadline: Instant,
    ) -> Result<(bool, Option<VerificationProgress>), store::Error> {
        let read = |known: Option<KnownEvents>| {
            let known = known.unwrap_or_default();
            (Change::Keep, (known.is_own, known.progress))
        };
        self.store.update_by(&key(tenant, verification_id), deadline, read).await
    }

    /// Remembers that a webhook of a profile of `tenant` has come.
    pub async fn webhook_came(&self, tenant: &TenantId, profile_id: &str, deadline: Instant) {
        if !self.has_streams {
            return;
        }
        let key = webhook_key(tenant, profile_id);
        {
            let (now, mut stored) = (Instant::now(), self.webhooks.lock());
            stored.retain(|_, at| now - *at < STORED_FOR);
            if stored.contains_key(&key) {
                return;
            }
            stored.insert(key.clone(), now);
        }
        let come = |_: Option<bool>| (Change::Put(true, WEBHOOKS_GO_ON), ());
        // Without it the gateway reads what it need not read.
        _ = self.store.counters_of(tenant).update_by(&key, deadline, come).await;
    }

    /// Whether webhooks of a profile of `tenant` come.
    ///
    /// # Errors
    /// It can't be read.
    pub async fn had_webhook(
        &self,
        tenant: &TenantId,
        profile_id: &str,
        deadline: Instant,
    ) -> Result<bool, store::Error> {
        let come = |come: Option<bool>| (Change::Keep, come.unwrap_or_default());
        self.store.update_by(&webhook_key(tenant, profile_id), deadline, come).await
    }

    /// The ID of the newest send of `tenant` to this number with this profile.
    pub async fn find(&self, tenant: &TenantId, target: &VerificationRef) -> Option<String> {
        match target {
            VerificationRef::Id(id) => Some(id.clone()),
            VerificationRef::PhoneNumber { phone_number, profile_id } => {
                let key = self.target_key(tenant, phone_number.as_e164(), profile_id);
                self.store.update(&key, |id: Option<String>| (Change::Keep, id)).await.ok().flatten()
            }
        }
    }

    /// Records a send, so that [`Events::find`] finds it.
    ///
    /// # Errors
    /// It may not be recorded.
    pub async fn record_target(
        &self,
        tenant: &TenantId,
        (phone_number, profile_id): (&str, &str),
        id: &str,
    ) -> Result<(), store::Error> {
        let key = self.target_key(tenant, phone_number, profile_id);
        let id = id.to_owned();
        self.store.counters_of(tenant).update(&key, |_: Option<String>| (Change::Put(id.clone(), KEEP), ())).await
    }

    fn target_key(&self, tenant: &TenantId, phone_number: &str, profile_id: &str) -> String {
        format!("sent:{tenant}:{}", self.store.digest(&[phone_number.as_bytes(), profile_id.as_bytes()]))
    }

    /// Reads the events of `tenant` after the token of a reader with the same `filter`. Without a token: from now on.
    ///
    /// # Errors
    /// The token can't be used.
    pub async fn after(&self, tenant: &TenantId, filter: &[u8], token: &str) -> Result<EventReader, TokenError> {
        if token.is_empty() {
            return self.logs.read_new(tenant).await.map_err(TokenError::Store);
        }
        let position = self.tokens.open(&scope(tenant, filter), token)?;
        let expired = |error| if is_gap(&error) { TokenError::Expired } else { TokenError::Store(error) };
        self.logs.read_after(tenant, position).await.map_err(expired)
    }

    /// The token of what `reader` has read last.
    #[must_use]
    pub fn token(&self, tenant: &TenantId, filter: &[u8], reader: &EventReader) -> String {
        self.tokens.seal(&scope(tenant, filter), reader.position())
    }
}

/// The key of what is known of a verification. All keys of a tenant are in one slot of a cluster, with its log.
fn key(tenant: &TenantId, verification_id: &str) -> String {
    format!("event:{{{tenant}}}:{verification_id}")
}

fn webhook_key(tenant: &TenantId, profile_id: &str) -> String {
    format!("webhook:{tenant}:{profile_id}")
}

/// What a token is bound to. A tenant's name has no zero byte.
fn scope(tenant: &TenantId, filter: &[u8]) -> Vec<u8> {
    [tenant.as_str().as_bytes(), &[0], filter].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Clock, telnyx::Channel};

    fn events(config: &Config) -> Events {
        Events::new(config, Store::memory(&config.store, Clock::default()))
    }

    fn event(second: i64, progress: VerificationProgress) -> VerificationEvent {
        VerificationEvent {
            verification_id: "v1".into(),
            mark: progress.name().into(),
            progress: Some(progress),
            profile_id: None,
            channel: None,
            country: None,
            time: Timestamp::from_second(1_800_000_000 + second).unwrap(),
        }
    }

    fn config() -> Config {
        let mut config = Config::default();
        config.events.enabled = true;
        config
    }

    #[tokio::test]
    async fn an_event_has_what_earlier_ones_showed_of_the_verification() {
        let (events, tenant) = (events(&config()), TenantId::new("login").unwrap());
        let mut reader = events.after(&tenant, b"", "").await.unwrap();
        let sent = event(0, VerificationProgress::Sent);
        let sent = VerificationEvent { profile_id: Some("p1".into()), channel: Some(Channel::Sms), ..sent };
        let deadline = Instant::now() + Duration::from_secs(1);
        for event in [sent, event(1, VerificationProgress::Delivered)] {
            assert_eq!(events.record(&tenant, event, deadline).await.unwrap(), EventEffect::Progress);
        }
        for progress in [VerificationProgress::Sent, VerificationProgress::Delivered] {
            let event = reader.next().await.unwrap();
            assert_eq!((event.progress, event.profile_id.as_deref()), (Some(progress), Some("p1")));
            assert_eq!(event.channel, Some(Channel::Sms));
        }
    }

    #[tokio::test]
    async fn a_reader_that_is_behind_the_retention_has_a_gap() {
        let (config, tenant) = (config(), TenantId::new("login").unwrap());
        let retention = config.events.retention.as_secs();
        for (seconds, has_gap) in [(retention, false), (retention + 1, true)] {
            let clock = Clock::standing_at(Timestamp::from_second(1_800_000_000).unwrap());
            let events = Events::new(&config, Store::memory(&config.store, clock.clone()));
            let mut reader = events.after(&tenant, b"", "").await.unwrap();
            let deadline = Instant::now() + Duration::from_secs(1);
            events.record(&tenant, event(0, VerificationProgress::Sent), deadline).await.unwrap();
            clock.advance(Duration::from_secs(seconds));
            events.record(&tenant, event(1, VerificationProgress::Delivered), deadline).await.unwrap();
            assert_eq!(reader.next().await.is_err(), has_gap, "{seconds}");
        }
    }
}
