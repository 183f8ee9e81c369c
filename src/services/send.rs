//! Starting a verification.

pub(super) mod listing;

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Origin, Outcome, Verifications,
    dependencies::Dependencies,
    idempotency::{Admission, AnswerInfo, Candidates, Distinct, IdempotentOperation, OperationSpec},
};
use crate::{
    domain::{CallContext, Country, Error, FieldPath, PhoneNumber, Tenant, VerificationRef, Violation},
    limits::SentVerification,
    pb::ErrorReason,
    policy,
    secret::Secret,
    telemetry::{audit, metrics::SendOutcome},
    telnyx::{Channel, SendRequest, Verification, VerificationStatus},
    upstream::{self, Client},
};

/// The lifetime of a code where neither the request nor the profile shows one, in seconds (reference: §3.1, its example).
const DEFAULT_TIMEOUT_SECS: u64 = 300;
/// The longest lifetime of a code that the contract allows, in seconds.
const MAX_TIMEOUT_SECS: u64 = 86_400;

/// A verification to start.
#[derive(Debug)]
pub struct Send {
    /// The caller's name for the send.
    pub request_id: Option<Uuid>,
    /// The number that the message goes to.
    pub phone_number: PhoneNumber,
    /// The channel of the message.
    pub channel: Channel,
    /// The profile to send with.
    pub profile_id: String,
    /// The lifetime of the code, in seconds.
    pub timeout_secs: Option<u64>,
    /// A code of the caller's own.
    pub custom_code: Option<Secret>,
    /// Keys to press once the call is answered.
    pub extension: Option<String>,
}

impl Verifications {
    /// Starts a verification: permissions → at most once, within the limits.
    pub async fn create(&self, context: &CallContext, send: Send) -> Result<Outcome<Verification>, Error> {
        audit::annotate(|subject| {
            subject.phone_number(&send.phone_number, self.deps.store.phone_hash(&send.phone_number));
            (subject.channel, subject.profile_id) = (Some(send.channel), Some(send.profile_id.clone()));
        });
        policy::channel(&context.identity, send.channel)?;
        policy::profile(&context.identity, &send.profile_id)?;
        policy::country(&context.identity, Some(&send.phone_number))?;
        policy::number_type(&context.tenant, &send.phone_number)?;
        let (phone_number, profile_id) = (send.phone_number.clone(), send.profile_id.clone());
        let by_phone = VerificationRef::PhoneNumber { phone_number, profile_id };
        if let Some(test) = self.test_number(context, &by_phone) {
            return Ok(test.answer_send(&self.deps, &send).await);
        }
        let (channel, country) = (send.channel, send.phone_number.country());
        let result = self.sends.run(context, send).await;
        if let Ok(Outcome { answer, origin: Origin::ThisCall }) = &result {
            let by_id = VerificationRef::Id(answer.id.clone().unwrap_or_default());
            self.conversions.record(&context.tenant.id, [&by_id, &by_phone], channel);
        }
        ended(&self.deps, channel, country, &result);
        result
    }
}

/// Audits and counts a send that has ended.
fn ended(
    deps: &Dependencies,
    channel: Channel,
    country: Option<Country>,
    result: &Result<Outcome<Verification>, Error>,
) {
    match result {
        Ok(Outcome { answer, origin }) => {
            audit::annotate(|subject| {
                subject.verification_id.clone_from(&answer.id);
                subject.outcome = Some(origin.audit_outcome("sent"));
            });
            if *origin == Origin::ThisCall {
                deps.metrics.send_ended(channel, country, SendOutcome::Sent);
            }
        }
        Err(error) => deps.metrics.send_ended(channel, country, failed_send(error.reason)),
    }
}

const fn failed_send(reason: ErrorReason) -> SendOutcome {
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
    /// What it shares with all sends that it could be mistaken for.
    pub(super) fn target<'a>(profile_id: &'a str, phone_number: &'a PhoneNumber, channel: Channel) -> [&'a [u8]; 3] {
        [profile_id, phone_number.as_e164(), channel.as_str()].map(str::as_bytes)
    }

    /// The request's body, with this lifetime of the code.
    fn body(&self, timeout_secs: Option<u64>) -> Bytes {
        upstream::to_json(&SendRequest {
            phone_number: self.phone_number.as_e164(),
            verify_profile_id: &self.profile_id,
            timeout_secs,
            custom_code: self.custom_code.as_ref().map(Secret::expose),
            extension: self.extension.as_deref(),
        })
    }

    /// Whether `verification` has the profile and the channel of this send, or does not show that it has others.
    fn may_be_at_target(&self, verification: &Verification) -> bool {
        let same = |theirs: &Option<String>, ours: &str| theirs.as_deref().is_none_or(|theirs| theirs == ours);
        same(&verification.verify_profile_id, &self.profile_id) && same(&verification.channel, self.channel.as_str())
    }

    /// Tells a missing channel or profile from a bad request by reading the profile: Telnyx has no error code of its own
    /// for the first (reference: §10, "No channel setting provided"), and may answer 400 to the second. Profiles may not
    /// show the block of the keypad channel.
    async fn explain(&self, upstream: &Client, context: &CallContext, refused: Error) -> Error {
        let of_profile = |violation: &Violation| violation.field == FieldPath::Upstream("/verify_profile_id".into());
        if !refused.violations.iter().all(of_profile) {
            return refused;
        }
        match upstream.known_profile(context, &self.profile_id).await {
            Ok(profile) if self.channel != Channel::DtmfConfirm && profile.block(self.channel).is_none() => {
                Error::new(ErrorReason::ChannelNotConfigured, "the profile has no settings for this channel")
                    .source(refused)
            }
            Err(missing) if missing.reason == ErrorReason::ProfileNotFound => missing.source(refused),
            _ => refused,
        }
    }
}

impl IdempotentOperation for Send {
    type Answer = Verification;

    const RPC: &'static str = "CreateVerification";
    const OUTCOME_UNKNOWN: ErrorReason = ErrorReason::SendOutcomeUnknown;

    fn spec(&self, tenant: &Tenant) -> OperationSpec<'_> {
        OperationSpec {
            request_id: self.request_id,
            body: self.body(self.timeout_secs),
            target: Self::target(&self.profile_id, &self.phone_number, self.channel).into(),
            timeout_secs: self.timeout_secs,
            custom_code: self.custom_code.as_ref().map(Secret::expose),
            duplicate_window: tenant.duplicate_window,
        }
    }

    async fn execute(&self, upstream: &Client, call: &CallContext, body: Bytes) -> Result<Verification, Error> {
        match upstream.send(call, self.channel, &self.profile_id, body).await {
            Err(refused) if refused.reason == ErrorReason::UpstreamInvalidRequest => {
                Err(Box::pin(self.explain(upstream, call, refused)).await)
            }
            result => result,
        }
    }

    async fn find(
        &self,
        upstream: &Client,
        call: &CallContext,
        since: Timestamp,
    ) -> Result<Candidates<Verification>, Error> {
        let mut candidates = listing::read(upstream, call, &self.phone_number, since).await?;
        candidates.answers.retain(|verification| self.may_be_at_target(verification));
        Ok(candidates)
    }

    /// The timeout of the request or the profile, moved by as few seconds as needed. Telnyx takes none for the keypad.
    async fn distinguish(
        &self,
        upstream: &Client,
        call: &CallContext,
        others: &[Option<u64>],
    ) -> Result<Option<Distinct>, Error> {
        if self.channel == Channel::DtmfConfirm {
            return Ok(None);
        }
        let mut of_profile = None;
        let needs_profile = self.timeout_secs.is_none() || others.contains(&None);
        if needs_profile {
            let profile = upstream.known_profile(call, &self.profile_id).await.ok();
            of_profile = profile.and_then(|profile| profile.block(self.channel)?.timeout_secs());
        }
        // If the lifetime of the profile's codes is not known, it is at least none like 301 s.
        let is_excluded = |timeout: u64| needs_profile && of_profile.is_none() && timeout.is_multiple_of(5);
        let is_taken = |timeout: u64| others.iter().any(|other| other.or(of_profile) == Some(timeout));
        let wanted = self.timeout_secs.or(of_profile).unwrap_or(DEFAULT_TIMEOUT_SECS);
        let mut near = (wanted..=MAX_TIMEOUT_SECS).chain((1..wanted).rev());
        let timeout_secs = near.find(|timeout| !is_taken(*timeout) && !is_excluded(*timeout)).unwrap_or(wanted);
        Ok(Some(Distinct { timeout_secs, body: self.body(Some(timeout_secs)) }))
    }

    fn ended_alone(&self, deps: &Dependencies, result: &Result<Outcome<Verification>, Error>) {
        ended(deps, self.channel, self.phone_number.country(), result);
    }

    /// Reuses a duplicate that is still pending. All other sends take quota.
    async fn admit(
        &self,
        deps: &Dependencies,
        call: &CallContext,
        duplicate: Option<&str>,
    ) -> Result<Admission<Verification>, Error> {
        if let Some(id) = duplicate {
            match Box::pin(deps.upstream.verification(call, id)).await {
                Ok(verification) if verification.status == Some(VerificationStatus::Pending) => {
                    return Ok(Admission::Reuse(verification));
                }
                Err(error) if error.reason != ErrorReason::VerificationNotFound => return Err(error),
                _ => {}
            }
        }
        Ok(Admission::Dispatch(deps.limiter.reserve_send(&call.tenant, &self.phone_number).await?))
    }

    async fn executed(&self, deps: &Dependencies, call: &CallContext, verification: &Verification) {
        if let Some(id) = &verification.id {
            let sent = SentVerification {
                id,
                phone_number: self.phone_number.as_e164(),
                profile_id: &self.profile_id,
                timeout_secs: verification.timeout_secs.or(self.timeout_secs),
            };
            tokio::join!(deps.limiter.record_send(&call.tenant, sent), deps.record_sent(&call.tenant, self, id));
        }
    }

    fn describe(verification: &Verification) -> AnswerInfo<'_> {
        AnswerInfo {
            id: verification.id.as_deref(),
            created: verification.created_at.map(|time| time.0),
            timeout_secs: verification.timeout_secs,
            custom_code: verification.custom_code.as_deref().filter(|code| !code.is_empty()),
            is_partial: verification.verify_profile_id.is_none() || verification.channel.is_none(),
        }
    }

    fn redact(verification: &Verification) -> Verification {
        Verification { phone_number: None, custom_code: None, ..verification.clone() }
    }

    fn restore(&self, verification: Verification) -> Verification {
        Verification {
            phone_number: Some(self.phone_number.as_e164().to_owned()),
            custom_code: self.custom_code.as_ref().map(|code| code.expose().to_owned()),
            ..verification
        }
    }
}
