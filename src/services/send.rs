//! Starting a verification.

use uuid::Uuid;

use super::Verifications;
use crate::{
    domain::{Error, PhoneNumber},
    pb::ErrorReason,
    policy,
    secret::Secret,
    telnyx::{Channel, SendRequest, Verification},
    tenant::Context,
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
    /// Keys to press once the call is answered.
    pub extension: Option<String>,
}

impl Verifications {
    /// Starts a verification: allowed → upstream → what the answer means.
    ///
    /// # Errors
    /// As `CreateVerification` documents them.
    pub async fn create(&self, context: &Context, send: &Send) -> Result<Verification, Error> {
        policy::channel(&context.tenant, send.channel)?;
        policy::profile(&context.tenant, &send.profile_id)?;
        policy::country(&context.tenant, &send.phone_number)?;

        let body = SendRequest {
            phone_number: send.phone_number.as_e164(),
            verify_profile_id: &send.profile_id,
            timeout_secs: send.timeout_secs,
            custom_code: send.custom_code.as_ref().map(Secret::expose),
            extension: send.extension.as_deref(),
        };
        match self.upstream.send(context, send.channel, &body).await {
            Err(refused) if refused.reason == ErrorReason::UpstreamInvalidRequest => {
                Err(self.explain(context, send, refused).await)
            }
            result => result,
        }
    }

    /// Telnyx gives a missing channel no code of its own (reference: §10, "No channel setting provided"), so the profile
    /// is read to tell it from a bad request. The keypad channel is left out: profiles may not show its block.
    async fn explain(&self, context: &Context, send: &Send, refused: Error) -> Error {
        if !refused.violations.is_empty() || send.channel == Channel::DtmfConfirm {
            return refused;
        }
        match self.upstream.profile(context, &send.profile_id).await {
            Ok(profile) if profile.block(send.channel).is_none() => {
                Error::new(ErrorReason::ChannelNotConfigured, "the profile has no settings for this channel")
                    .source(refused)
            }
            _ => refused,
        }
    }
}
