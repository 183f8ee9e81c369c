//! The kinds of calls that are measured.

use std::sync::atomic::{AtomicUsize, Ordering};

use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
    transport::Channel,
};
use verify_gateway::pb::{
    Channel as Via, CheckOutcome, CheckVerificationRequest, CreateVerificationRequest, GetVerificationRequest,
    check_verification_request::Target, verification_service_client::VerificationServiceClient,
};

use super::{PROFILE, Result, TOKEN};

/// A kind of calls.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A send without a `request_id`.
    Send,
    /// A send with a `request_id` of its own.
    NamedSend,
    /// A check by phone number, with the right code.
    Check,
    /// A read by ID.
    Read,
}

/// How many phone numbers are used. Each call has its own number, because sends to one number run one by one.
static NUMBERS: AtomicUsize = AtomicUsize::new(0);

impl Kind {
    pub const ALL: [Self; 4] = [Self::Send, Self::NamedSend, Self::Check, Self::Read];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::NamedSend => "named-send",
            Self::Check => "check",
            Self::Read => "read",
        }
    }

    /// Makes one call, which must succeed.
    pub async fn call(self, client: &mut VerificationServiceClient<Channel>) -> Result<()> {
        let phone_number = format!("+1303{:07}", 2_000_000 + NUMBERS.fetch_add(1, Ordering::Relaxed) % 8_000_000);
        let profile_id = PROFILE.to_owned();
        let is_whole = match self {
            Self::Send | Self::NamedSend => {
                let request_id = if self == Self::NamedSend { uuid::Uuid::new_v4().to_string() } else { String::new() };
                let request = CreateVerificationRequest {
                    request_id,
                    phone_number,
                    channel: Via::Sms.into(),
                    profile_id,
                    ..CreateVerificationRequest::default()
                };
                client.create_verification(with_token(request)?).await?.into_inner().verification.is_some()
            }
            Self::Check => {
                let request = CheckVerificationRequest {
                    target: Some(Target::PhoneNumber(phone_number)),
                    profile_id,
                    code: "12345".into(),
                    ..CheckVerificationRequest::default()
                };
                let answer = client.check_verification(with_token(request)?).await?.into_inner();
                answer.outcome == i32::from(CheckOutcome::Accepted)
            }
            Self::Read => {
                let request = GetVerificationRequest { verification_id: super::hops::VERIFICATION.id.clone() };
                client.get_verification(with_token(request)?).await?.into_inner().verification.is_some()
            }
        };
        if is_whole { Ok(()) } else { Err("an answer lacks what was asked for".into()) }
    }
}

fn with_token<T>(message: T) -> Result<Request<T>> {
    let authorization: MetadataValue<Ascii> = format!("Bearer {TOKEN}").parse()?;
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", authorization);
    Ok(request)
}
