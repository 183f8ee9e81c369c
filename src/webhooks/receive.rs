//! From a request to its answer. Telnyx waits two seconds, and repeats what is not answered with 200.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Collected, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout_at};

use super::{outcome::WebhookOutcome, owner::owners, signature::SignedHeaders};
use crate::{
    authn::Authenticator,
    clock::Clock,
    domain::{PhoneNumber, TelnyxAccount, TenantId},
    events::{EventEffect, Events, VerificationEvent, VerificationProgress},
    store,
    telemetry::Metrics,
    telnyx::{Channel, Data, DeliveryStatus, WebhookEvent, WebhookPayload},
};

/// The largest body. Real ones have some hundred bytes.
const MAX_BODY: usize = 64 << 10;
/// How long a webhook may take in all.
const MAX_TIME: Duration = Duration::from_millis(1500);
/// The part of it that is left for the answer when the store was slow.
const ANSWER_TIME: Duration = Duration::from_millis(100);

/// Takes webhooks.
pub(super) struct Receiver {
    pub(super) tolerance: Duration,
    pub(super) authenticator: Authenticator,
    pub(super) events: Events,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
}

impl Receiver {
    /// Path → account → signature → time → event → owner → record.
    pub(super) async fn receive(&self, request: Request<Incoming>) -> StatusCode {
        let deadline = Instant::now() + MAX_TIME;
        let token = request.uri().path().strip_prefix("/webhooks/");
        let Some(token) = token.filter(|token| !token.contains('/') && request.method() == Method::POST) else {
            return StatusCode::NOT_FOUND;
        };
        let account = self.authenticator.in_directory(|directory| directory.account_by_webhook_token(token).cloned());
        let received = async {
            // The status is that of a bad signature, so that nobody finds tokens by trying.
            let account = account.ok_or(WebhookOutcome::UnknownAccount)?;
            let (head, body) = request.into_parts();
            let signed = SignedHeaders::read(&head.headers).ok_or(WebhookOutcome::BadSignature)?;
            let body = read(body).await?;
            self.verify(&signed, &account, &body)?;
            self.record(&account, &body, deadline - ANSWER_TIME).await
        };
        let result = timeout_at(deadline, received).await.unwrap_or(Err(WebhookOutcome::Unavailable));
        let outcome = result.unwrap_or_else(|refusal| refusal);
        self.metrics.webhook_ended(outcome.name());
        outcome.status()
    }

    fn verify(&self, signed: &SignedHeaders<'_>, account: &TelnyxAccount, body: &[u8]) -> Result<(), WebhookOutcome> {
        if !signed.is_of(&account.public_keys, body) {
            return Err(WebhookOutcome::BadSignature);
        }
        let skew = signed.skew(self.clock.now());
        self.metrics.webhook_skewed(skew);
        if skew > self.tolerance { Err(WebhookOutcome::Stale) } else { Ok(()) }
    }

    async fn record(
        &self,
        account: &TelnyxAccount,
        body: &[u8],
        deadline: Instant,
    ) -> Result<WebhookOutcome, WebhookOutcome> {
        let webhook: WebhookEvent = Data::read(body).ok_or(WebhookOutcome::Unreadable)?;
        let payload = webhook.payload.as_ref().ok_or(WebhookOutcome::Unreadable)?;
        let verification_id = payload.id.as_ref().ok_or(WebhookOutcome::Unreadable)?;
        let owners = self.owners(account, verification_id, payload, deadline).await?;
        let phone_number = payload.phone_number.as_deref().and_then(PhoneNumber::from_telnyx);
        let event = VerificationEvent {
            verification_id: verification_id.clone(),
            mark: mark(&webhook, body),
            progress: VerificationProgress::of(&webhook),
            profile_id: profile(payload).map(str::to_owned),
            channel: payload.channel.as_deref().and_then(Channel::from_name),
            country: phone_number.and_then(|phone_number| phone_number.country()),
            time: self.events.now(),
        };
        let mut effects = Vec::with_capacity(owners.len());
        for tenant in &owners {
            let came = self.events.webhook_came(tenant, event.profile_id.as_deref().unwrap_or_default(), deadline);
            let (recorded, ()) = tokio::join!(self.events.record(tenant, event.clone(), deadline), came);
            effects.push(recorded.map_err(|error| unavailable(&error))?);
        }
        if effects.contains(&EventEffect::Progress)
            && let Some(progress) = event.progress
        {
            let channel = event.channel.map_or("unknown", Channel::as_str);
            self.metrics.delivery_changed(channel, event.country, progress.name());
        }
        Ok(match event.progress {
            _ if owners.is_empty() => WebhookOutcome::Unowned,
            _ if effects.iter().all(|effect| *effect == EventEffect::Repeated) => WebhookOutcome::Repeated,
            None => WebhookOutcome::UnknownEvent,
            Some(_) => WebhookOutcome::Accepted,
        })
    }

    /// The tenant that sent the verification. If none did, those that may see it.
    async fn owners(
        &self,
        account: &TelnyxAccount,
        verification_id: &str,
        payload: &WebhookPayload,
        deadline: Instant,
    ) -> Result<Vec<TenantId>, WebhookOutcome> {
        let of_account = self.authenticator.in_directory(|directory| {
            directory.tenants_of(&account.name).map(|entry| entry.tenant.id.clone()).collect::<Vec<_>>()
        });
        if of_account.len() > 1 {
            for tenant in of_account {
                let known = self.events.known(&tenant, verification_id, deadline).await;
                if let (true, _) = known.map_err(|error| unavailable(&error))? {
                    return Ok(vec![tenant]);
                }
            }
        }
        Ok(self.authenticator.in_directory(|directory| owners(directory, &account.name, profile(payload))))
    }
}

/// Telnyx has two names for it.
fn profile(payload: &WebhookPayload) -> Option<&str> {
    payload.profile_id.as_deref().or(payload.verify_profile_id.as_deref())
}

fn unavailable(error: &store::Error) -> WebhookOutcome {
    tracing::warn!(error = error as &dyn std::error::Error, "a webhook can't be recorded");
    WebhookOutcome::Unavailable
}

/// Reads the body, which is not changed in any way: the signature covers its bytes.
async fn read(body: Incoming) -> Result<Bytes, WebhookOutcome> {
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(WebhookOutcome::TooLarge);
    }
    let read = Limited::new(body, MAX_BODY).collect().await;
    read.map(Collected::to_bytes).map_err(|error| {
        if error.is::<LengthLimitError>() { WebhookOutcome::TooLarge } else { WebhookOutcome::Incomplete }
    })
}

/// What repetitions of a webhook have in common. Its ID alone may be that of the verification.
fn mark(webhook: &WebhookEvent, body: &[u8]) -> String {
    let status = webhook.payload.as_ref().and_then(|payload| payload.delivery_status.as_ref());
    let status = status.map(|status| match status {
        DeliveryStatus::Unknown(text) => text,
        known => known.known().unwrap_or_default(),
    });
    match &webhook.id {
        Some(id) => {
            format!("{id} {} {}", webhook.event_type.as_deref().unwrap_or_default(), status.unwrap_or_default())
        }
        None => String::from_utf8_lossy(body).into_owned(),
    }
}
