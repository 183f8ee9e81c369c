//! How far a verification has come.

use serde::{Deserialize, Serialize};

use crate::telnyx::{DeliveryStatus, VerificationStatus, WebhookEvent};

/// How far a verification has come: its message first, then the answer of the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerificationProgress {
    /// Telnyx took the send.
    Created,
    /// The message was handed over to a carrier.
    Sent,
    /// It is not known whether the phone has the message.
    DeliveryUnconfirmed,
    /// The phone has the message.
    Delivered,
    /// The message failed before it was handed over.
    SendingFailed,
    /// The message failed after it was handed over.
    DeliveryFailed,
    /// A check had a wrong code. The verification stays where it is.
    CheckRejected,
    /// The person gave the right answer.
    Accepted,
    /// The answers were wrong.
    Invalid,
    /// The code is too old.
    Expired,
    /// The verification failed.
    Error,
}

impl VerificationProgress {
    /// What `event` reports. `None` if the gateway does not know it.
    #[must_use]
    pub fn of(event: &WebhookEvent) -> Option<Self> {
        let payload = event.payload.as_ref()?;
        match (&payload.delivery_status, event.event_type.as_deref()) {
            (Some(status), _) => Self::of_delivery(status),
            (None, Some("verify.sent" | "verification.sent")) => Some(Self::Sent),
            (None, Some("verify.delivered")) => Some(Self::Delivered),
            (None, Some("verify.failed")) => Some(Self::DeliveryFailed),
            (None, Some(_)) => Self::of_status(payload.status.as_ref()?),
            (None, None) => None,
        }
    }

    const fn of_delivery(status: &DeliveryStatus) -> Option<Self> {
        Some(match status {
            DeliveryStatus::Sent => Self::Sent,
            DeliveryStatus::Delivered => Self::Delivered,
            DeliveryStatus::SendingFailed => Self::SendingFailed,
            DeliveryStatus::DeliveryFailed => Self::DeliveryFailed,
            DeliveryStatus::DeliveryUnconfirmed => Self::DeliveryUnconfirmed,
            DeliveryStatus::Unknown(_) => return None,
        })
    }

    /// What a status shows. `None` if the verification is pending, or the gateway does not know it.
    #[must_use]
    pub const fn of_status(status: &VerificationStatus) -> Option<Self> {
        Some(match status {
            VerificationStatus::Accepted => Self::Accepted,
            VerificationStatus::Invalid => Self::Invalid,
            VerificationStatus::Expired => Self::Expired,
            VerificationStatus::Error => Self::Error,
            VerificationStatus::Pending | VerificationStatus::Unknown(_) => return None,
        })
    }

    /// Whether this comes after `other`. What is on one level excludes each other, and the first counts.
    #[must_use]
    pub fn is_beyond(self, other: Option<Self>) -> bool {
        other.is_none_or(|other| self.rank() > other.rank())
    }

    /// Whether nothing comes after it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        self.rank() == 4
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Created | Self::CheckRejected => 0,
            Self::Sent => 1,
            Self::DeliveryUnconfirmed => 2,
            Self::Delivered | Self::SendingFailed | Self::DeliveryFailed => 3,
            Self::Accepted | Self::Invalid | Self::Expired | Self::Error => 4,
        }
    }

    /// The value of a metric's label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::CheckRejected => "check_rejected",
            Self::Sent => "sent",
            Self::DeliveryUnconfirmed => "delivery_unconfirmed",
            Self::Delivered => "delivered",
            Self::SendingFailed => "sending_failed",
            Self::DeliveryFailed => "delivery_failed",
            Self::Accepted => "accepted",
            Self::Invalid => "invalid",
            Self::Expired => "expired",
            Self::Error => "error",
        }
    }
}
