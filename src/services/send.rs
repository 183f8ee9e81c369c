//! Starting a verification.

use std::time::Duration;

use uuid::Uuid;

use super::{
    Origin, Outcome, Verifications,
    once::{Found, Intent, Seek},
};
use crate::{
    domain::{CallContext, Error, PhoneNumber},
    limits::{Limiter, QuotaReservation, SentVerification, VerificationKey},
    pb::ErrorReason,
    policy,
    secret::Secret,
    telemetry::{audit, metrics::SendOutcome},
    telnyx::{Channel, SendRequest, Verification, VerificationStatus},
    upstream::{Client, Page},
};

/// A verification to start.
#[derive(Debug)]
pub struct Send {
    /// The caller's name for this intent.
    pub request_id: Option<Uuid>,
    /// The number to reach.
    pub phone_number: PhoneNumber,
    /// How to reach it.
    pub channel: Channel,
    /// The profile to send with.
    pub profile_id: String,
    /// The lifetime of the code, in seconds.
    pub timeout_secs: Option<u64>,
    /// A code of the caller's own.
    pub custom_code: Option<Secret>,
    /// Keys to press once the call is outcome.
    pub extension: Option<String>,
}

/// As many of a number's verifications as Telnyx gives at once.
const NEWEST: Page = Page { number: 1, size: 250 };

impl Verifications {
    /// Starts a verification: allowed → once, within the limits.
    ///
    /// # Errors
    /// As `CreateVerification` documents them.
    pub async fn create(&self, context: &CallContext, send: Send) -> Result<Outcome<Verification>, Error> {
        audit::annotate(|subject| {
            subject.phone_number(&send.phone_number);
            (subject.channel, subject.profile_id) = (Some(send.channel), Some(send.profile_id.clone()));
        });
        policy::channel(&context.identity, send.channel)?;
        policy::profile(&context.identity, &send.profile_id)?;
        policy::country(&context.identity, &send.phone_number)?;
        if let Some(outcome) = self.answer_send_for_test_number(context, &send).await {
            return Ok(outcome);
        }
        let (channel, country) = (send.channel, send.phone_number.country());
        let (profile_id, phone_number) = (send.profile_id.clone(), send.phone_number.clone());
        let end = self.sends.run(context, send).await;
        if let Ok(Outcome { answer, origin }) = &end {
            audit::annotate(|subject| {
                subject.verification_id.clone_from(&answer.id);
                subject.outcome = Some(origin.outcome("sent"));
            });
        }
        match &end {
            Ok(Outcome { answer, origin: Origin::ThisCall }) => {
                let by_id = VerificationKey::Id(answer.id.as_deref().unwrap_or_default());
                let phone_number = phone_number.as_e164();
                let by_phone = VerificationKey::PhoneNumber { phone_number, profile_id: &profile_id };
                self.conversions.record(&context.tenant.id, [by_id, by_phone], channel);
                self.metrics.send_ended(channel, country, SendOutcome::Sent);
            }
            // Nothing went out for this one.
            Ok(_) => {}
            Err(error) => self.metrics.send_ended(channel, country, how_it_failed(error.reason)),
        }
        end
    }
}

const fn how_it_failed(reason: ErrorReason) -> SendOutcome {
    match reason {
        ErrorReason::SendOutcomeUnknown => SendOutcome::Unknown,
        ErrorReason::UpstreamRateLimited
        | ErrorReason::UpstreamUnavailable
        | ErrorReason::UpstreamAnswerUnreadable
        | ErrorReason::GatewayOverloaded
        | ErrorReason::DeadlineExceeded
        | ErrorReason::Internal => SendOutcome::Failed,
        _ => SendOutcome::Refused,
    }
}

impl Send {
    fn body(&self) -> SendRequest<'_> {
        SendRequest {
            phone_number: self.phone_number.as_e164(),
            verify_profile_id: &self.profile_id,
            timeout_secs: self.timeout_secs,
            custom_code: self.custom_code.as_ref().map(Secret::expose),
            extension: self.extension.as_deref(),
        }
    }

    /// Whether `verification` could be what this send started.
    fn is_like(&self, verification: &Verification) -> bool {
        let Verification { verify_profile_id, channel, timeout_secs, custom_code, .. } = verification;
        let same = |theirs: &Option<String>, ours: &str| theirs.as_deref().is_none_or(|theirs| theirs == ours);
        same(verify_profile_id, &self.profile_id)
            && same(channel, self.channel.as_str())
            && self.timeout_secs.is_none_or(|ours| timeout_secs.is_none_or(|theirs| theirs == ours))
            && self.custom_code.as_ref().is_none_or(|ours| same(custom_code, ours.expose()))
    }

    /// Telnyx gives a missing channel no code of its own (reference: §10, "No channel setting provided"), so the profile
    /// is read to tell it from a bad request. The keypad channel is left out: profiles may not show its block.
    async fn explain(&self, upstream: &Client, context: &CallContext, refused: Error) -> Error {
        if !refused.violations.is_empty() || self.channel == Channel::DtmfConfirm {
            return refused;
        }
        match upstream.profile(context, &self.profile_id).await {
            Ok(profile) if profile.block(self.channel).is_none() => {
                Error::new(ErrorReason::ChannelNotConfigured, "the profile has no settings for this channel")
                    .source(refused)
            }
            _ => refused,
        }
    }
}

impl Intent for Send {
    type Answer = Verification;

    const RPC: &'static str = "CreateVerification";
    const IN_DOUBT: ErrorReason = ErrorReason::SendOutcomeUnknown;

    fn request_id(&self) -> Option<Uuid> {
        self.request_id
    }

    fn content(&self) -> Vec<u8> {
        serde_json::to_vec(&(self.channel.as_str(), self.body())).expect("bodies are plain data with string keys")
    }

    fn target(&self) -> Vec<&[u8]> {
        [self.profile_id.as_str(), self.phone_number.as_e164(), self.channel.as_str()].map(str::as_bytes).into()
    }

    fn mark(&self) -> String {
        self.timeout_secs.map(|timeout| timeout.to_string()).unwrap_or_default()
    }

    fn bears(verification: &Verification, mark: &str) -> bool {
        verification.timeout_secs.is_some_and(|timeout| timeout.to_string() == mark)
    }

    fn window(&self, context: &CallContext) -> Option<Duration> {
        context.tenant.duplicate_window
    }

    async fn admit(&self, limiter: &Limiter, context: &CallContext) -> Result<QuotaReservation, Error> {
        limiter.reserve_send(&context.tenant, &self.phone_number).await
    }

    async fn happened(&self, limiter: &Limiter, context: &CallContext, verification: &Verification) {
        if let Some(id) = &verification.id {
            let sent = SentVerification {
                id,
                phone_number: self.phone_number.as_e164(),
                profile_id: &self.profile_id,
                timeout_secs: verification.timeout_secs.or(self.timeout_secs),
            };
            limiter.record_send(&context.tenant, sent).await;
        }
    }

    async fn perform(&self, upstream: &Client, context: &CallContext) -> Result<Verification, Error> {
        match upstream.send(context, self.channel, &self.body()).await {
            Err(refused) if refused.reason == ErrorReason::UpstreamInvalidRequest => {
                Err(Box::pin(self.explain(upstream, context, refused)).await)
            }
            end => end,
        }
    }

    async fn look(
        &self,
        upstream: &Client,
        context: &CallContext,
        seek: &Seek<'_>,
    ) -> Result<Found<Verification>, Error> {
        let list = upstream.verifications(context, &self.phone_number, NEWEST).await?;
        let is_whole = list.meta.and_then(|meta| meta.total_results).is_none_or(|all| all <= list.data.len() as u64);
        let candidates = list.data.into_iter().filter(|verification| self.is_like(verification));
        Ok(seek.pick::<Self>(candidates, is_whole, |one| one.created_at.map(|time| time.0)))
    }

    async fn pending(&self, upstream: &Client, context: &CallContext, id: &str) -> Result<Option<Verification>, Error> {
        match upstream.verification(context, id).await {
            Ok(verification) => Ok(Some(verification).filter(|one| one.status == Some(VerificationStatus::Pending))),
            Err(gone) if gone.reason == ErrorReason::VerificationNotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn id(verification: &Verification) -> Option<&str> {
        verification.id.as_deref()
    }

    fn stored(verification: &Verification) -> Verification {
        Verification { phone_number: None, custom_code: None, ..verification.clone() }
    }

    fn restored(&self, verification: Verification) -> Verification {
        Verification {
            phone_number: Some(self.phone_number.as_e164().to_owned()),
            custom_code: self.custom_code.as_ref().map(|code| code.expose().to_owned()),
            ..verification
        }
    }
}
