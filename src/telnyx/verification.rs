//! Verifications and checks.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ResponseCode, Time, VerificationStatus, lenient};

/// A way to reach a person. It is a part of the path of a send, and the `type` of a verification.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A text message.
    Sms,
    /// A call that reads the code out.
    Call,
    /// A call that rings once; the code is in the caller's number.
    Flashcall,
    /// A WhatsApp message.
    Whatsapp,
    /// A call that asks for key 1.
    DtmfConfirm,
}

impl Channel {
    /// All channels, in declaration order.
    pub const ALL: [Self; 5] = [Self::Sms, Self::Call, Self::Flashcall, Self::Whatsapp, Self::DtmfConfirm];

    /// The channel's name in paths, in `type` and as a profile's block.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Call => "call",
            Self::Flashcall => "flashcall",
            Self::Whatsapp => "whatsapp",
            Self::DtmfConfirm => "dtmf_confirm",
        }
    }

    /// The channel of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == name)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The body that starts a verification. Not `Debug`: it holds a phone number and maybe a code.
#[derive(Serialize)]
pub struct SendRequest<'a> {
    /// The number to reach, in E.164.
    pub phone_number: &'a str,
    /// The profile to send with.
    pub verify_profile_id: &'a str,
    /// Overrides the profile's lifetime of a code, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_secs: Option<u64>,
    /// The caller's own code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_code: Option<&'a str>,
    /// Keys to press once the call is answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension: Option<&'a str>,
}

/// A verification. Not `Debug`: it holds a phone number and maybe a code.
#[derive(Clone, Default, Deserialize, Serialize)]
pub struct Verification {
    /// Opaque identifier.
    #[serde(default, deserialize_with = "lenient::id")]
    pub id: Option<String>,
    /// `verification`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub record_type: Option<String>,
    /// The channel's name.
    #[serde(default, rename = "type", deserialize_with = "lenient::text")]
    pub channel: Option<String>,
    /// Its state.
    #[serde(default, deserialize_with = "lenient::text")]
    pub status: Option<VerificationStatus>,
    /// The phone number, in E.164.
    #[serde(default, deserialize_with = "lenient::text")]
    pub phone_number: Option<String>,
    /// The profile of the send.
    #[serde(default, deserialize_with = "lenient::text")]
    pub verify_profile_id: Option<String>,
    /// The lifetime of the code, in seconds.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub timeout_secs: Option<u64>,
    /// The caller's own code, echoed back.
    #[serde(default, deserialize_with = "lenient::text")]
    pub custom_code: Option<String>,
    /// When it was created.
    #[serde(default, deserialize_with = "Time::lenient")]
    pub created_at: Option<Time>,
    /// When it last changed.
    #[serde(default, deserialize_with = "Time::lenient")]
    pub updated_at: Option<Time>,
}

/// The body that checks a code, or reports the result of the caller's own check. Not `Debug`: it holds a code.
#[derive(Default, Serialize)]
pub struct CheckRequest<'a> {
    /// The code that the person entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'a str>,
    /// `accepted` or `rejected`, for a verification with a custom code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ResponseCode>,
    /// The profile of the send, for a check by phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify_profile_id: Option<&'a str>,
}

/// The response to a check. Not `Debug`: it holds a phone number.
#[derive(Clone, Default, Deserialize, Serialize)]
pub struct CheckResponse {
    /// The phone number, in E.164.
    #[serde(default, deserialize_with = "lenient::text")]
    pub phone_number: Option<String>,
    /// The result.
    #[serde(default, deserialize_with = "lenient::text")]
    pub response_code: Option<ResponseCode>,
}

impl CheckResponse {
    /// Whether the code was right.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.response_code == Some(ResponseCode::Accepted)
    }
}
