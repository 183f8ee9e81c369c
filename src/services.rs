//! Flows that are more than one call upstream.

use uuid::Uuid;

use crate::{
    domain::{Error, PhoneNumber},
    secret::Secret,
    telnyx::{Channel, CheckAnswer, Verification},
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

/// A code to check.
#[derive(Debug)]
pub struct Check {
    /// Which verification it belongs to.
    pub target: Target,
    /// What the person typed in.
    pub code: Secret,
}

/// Which verification a code belongs to.
#[derive(Debug)]
pub enum Target {
    /// The one with this id.
    Id(String),
    /// The pending one of this number and profile.
    Phone {
        /// The number.
        phone_number: PhoneNumber,
        /// The profile it was sent with.
        profile_id: String,
    },
}

/// Starts, checks and reports verifications.
#[derive(Clone)]
pub struct Verifications;

#[expect(clippy::unused_async, clippy::todo, missing_docs, clippy::missing_errors_doc, reason = "stub")]
impl Verifications {
    pub async fn create(&self, _: &Context, _: Send) -> Result<Verification, Error> {
        todo!()
    }
    pub async fn check(&self, _: &Context, _: Check) -> Result<CheckAnswer, Error> {
        todo!()
    }
    pub async fn report(&self, _: &Context, _verification_id: &str, _accepted: bool) -> Result<CheckAnswer, Error> {
        todo!()
    }
}
