//! Events of verifications: those that the tenant's own calls make, and streams of all.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Origin, Outcome, PolledVerification, Send, Verifications, dependencies::Dependencies, polling::Polling,
    read::may_read,
};
use crate::{
    domain::{Allowed, CallContext, Error, Identity, PhoneNumber, Tenant, TenantId, VerificationRef, Violation},
    events::{EventReader, Events, TokenError, VerificationEvent, VerificationProgress},
    pb::ErrorReason,
    telnyx::{CheckResponse, ResponseCode, Verification, VerificationStatus},
};

/// How long the answer to a call may wait for its event.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// Watches verifications.
#[derive(Clone)]
pub struct EventStreams {
    verifications: Verifications,
    polling: Arc<Polling>,
    /// The events of all tenants.
    pub events: Events,
}

/// A verification whose events follow.
pub struct WatchedVerification {
    /// Its present state.
    pub outcome: Outcome<Verification>,
    /// How far it has come, if that is known.
    pub progress: Option<VerificationProgress>,
    /// Whether its last event is over.
    pub is_over: bool,
    /// The events since then, of all verifications of the tenant.
    pub reader: EventReader,
    /// Reads it, unless it is over.
    pub polled: Option<Arc<PolledVerification>>,
}

/// The profiles whose events to stream. Empty: all.
#[derive(Clone, Debug, Default)]
pub struct EventFilter(pub BTreeSet<String>);

impl EventFilter {
    /// What tokens are bound to.
    #[must_use]
    pub fn scope(&self) -> Vec<u8> {
        let profiles: Vec<&str> = self.0.iter().map(String::as_str).collect();
        profiles.join("\0").into_bytes()
    }

    /// Whether `identity` gets `event`. What the event does not show could be anything.
    #[must_use]
    pub fn has(&self, identity: &Identity, event: &VerificationEvent) -> bool {
        let (profiles, countries) = (&identity.permissions.profiles, &identity.permissions.countries);
        let is_chosen = self.0.is_empty() || event.profile_id.as_ref().is_some_and(|profile| self.0.contains(profile));
        is_chosen
            && profiles.has(event.profile_id.as_deref().unwrap_or_default())
            && (*countries == Allowed::Any || event.country.is_some_and(|country| countries.has(&country)))
    }
}

/// What the tokens of a watch are bound to. No filter has it: only one of its profiles could be empty.
#[must_use]
pub fn watch_scope(verification_id: &str) -> Vec<u8> {
    [&[0, 0], verification_id.as_bytes()].concat()
}

impl EventStreams {
    pub(super) fn new(verifications: &Verifications, deps: &Arc<Dependencies>, max_reads: u32) -> Self {
        let (polling, events) = (Arc::new(Polling::new(deps, max_reads)), deps.events.clone());
        Self { verifications: verifications.clone(), polling, events }
    }

    /// Reads a verification and what follows.
    pub async fn watch(&self, context: &CallContext, id: &str, token: &str) -> Result<WatchedVerification, Error> {
        // Before the state is read, so that nothing is missed in between.
        let reader =
            self.read_after(&context.tenant.id, &watch_scope(id), token, "a watch of the same verification").await?;
        let outcome = self.verifications.get(context, id).await?;
        let (_, progress) = self.events.known(&context.tenant.id, id, context.deadline).await?;
        let status = outcome.answer.status.as_ref();
        let is_over = status.is_some_and(|status| *status != VerificationStatus::Pending)
            || progress.is_some_and(VerificationProgress::is_final);
        let is_silent = is_over || outcome.origin == Origin::TestNumber;
        let polled = (!is_silent).then(|| self.polling.start(context, id, &outcome.answer));
        Ok(WatchedVerification { outcome, progress, is_over, reader, polled })
    }

    /// Whether an identity may still watch `verification`.
    pub fn may_watch(identity: &Identity, verification: &Verification) -> Result<(), Error> {
        may_read(identity, verification)
    }

    /// The error of a token, or of a stream, after which events are missing.
    #[must_use]
    pub fn expired() -> Error {
        Error::new(ErrorReason::ResumeTokenExpired, "the events after the resume token are not kept any more")
    }

    /// Reads the events of `tenant` from now on, or after `token`.
    pub async fn stream(&self, tenant: &TenantId, filter: &EventFilter, token: &str) -> Result<EventReader, Error> {
        self.read_after(tenant, &filter.scope(), token, "a stream with the same profile_ids").await
    }

    async fn read_after(&self, tenant: &TenantId, scope: &[u8], token: &str, of: &str) -> Result<EventReader, Error> {
        self.events.after(tenant, scope, token).await.map_err(|error| match error {
            TokenError::Invalid => {
                let must = format!("must be the resume_token of {of}, unchanged");
                Error::invalid(vec![Violation::new("resume_token", must)])
            }
            TokenError::Expired => Self::expired(),
            TokenError::Store(error) => error.into(),
        })
    }
}

impl Dependencies {
    /// Records that Telnyx took a send.
    pub(super) async fn record_sent(&self, tenant: &Tenant, send: &Send, id: &str) {
        if !self.events.records_own() {
            return;
        }
        let event = VerificationEvent {
            verification_id: id.to_owned(),
            mark: "created".to_owned(),
            progress: Some(VerificationProgress::Created),
            profile_id: Some(send.profile_id.clone()),
            channel: Some(send.channel),
            country: send.phone_number.country(),
            time: self.now(),
        };
        let target = (send.phone_number.as_e164(), send.profile_id.as_str());
        let recorded = tokio::join!(
            self.events.record_target(&tenant.id, target, id),
            self.events.record(&tenant.id, event, Instant::now() + MAX_WAIT)
        );
        if let (Err(error), _) | (_, Err(error)) = recorded {
            tracing::warn!(error = &error as &dyn std::error::Error, "the event of a send can't be recorded");
        }
    }

    /// Records what a check or a report showed. `rejected` is what a wrong code means.
    pub(super) async fn record_checked(
        &self,
        tenant: &Tenant,
        target: &VerificationRef,
        result: &Result<CheckResponse, Error>,
        rejected: VerificationProgress,
    ) {
        let Ok(answer) = result else { return };
        let progress = match &answer.response_code {
            _ if !self.events.records_own() => return,
            Some(ResponseCode::Accepted) => VerificationProgress::Accepted,
            Some(ResponseCode::Rejected) => rejected,
            Some(ResponseCode::Expired) => VerificationProgress::Expired,
            Some(ResponseCode::MaxAttemptsExceeded) => VerificationProgress::Invalid,
            Some(ResponseCode::Unknown(_)) | None => return,
        };
        let Some(verification_id) = self.events.find(&tenant.id, target).await else { return };
        let phone_number = answer.phone_number.as_deref().and_then(PhoneNumber::from_telnyx);
        let event = VerificationEvent {
            verification_id,
            mark: Uuid::new_v4().to_string(),
            progress: Some(progress),
            profile_id: match target {
                VerificationRef::PhoneNumber { profile_id, .. } => Some(profile_id.clone()),
                VerificationRef::Id(_) => None,
            },
            channel: None,
            country: phone_number.and_then(|phone_number| phone_number.country()),
            time: self.now(),
        };
        if let Err(error) = self.events.record(&tenant.id, event, Instant::now() + MAX_WAIT).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the event of a check can't be recorded");
        }
    }
}
