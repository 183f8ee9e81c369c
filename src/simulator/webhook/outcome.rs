//! The outcome of a message on its way to the phone.

use serde::{Deserialize, Serialize};

/// The outcome of a message, and how long it takes.
#[derive(Clone, Copy, Deserialize, Serialize)]
pub(in crate::simulator) struct MessageDelivery {
    pub(in crate::simulator) outcome: MessageOutcome,
    pub(in crate::simulator) after_secs: u32,
}

/// The outcome of a message, as webhooks name it in `delivery_status`.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::simulator) enum MessageOutcome {
    Delivered,
    /// It failed before the provider took it.
    SendingFailed,
    /// It failed after the provider took it.
    DeliveryFailed,
    /// Nobody knows whether it arrived. It did.
    DeliveryUnconfirmed,
    /// It arrives, and no webhook is sent.
    Silent,
}

impl MessageOutcome {
    /// The name in `delivery_status`, of which [`Silent`](Self::Silent) has none.
    pub(in crate::simulator) const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::SendingFailed => "sending_failed",
            Self::DeliveryFailed => "delivery_failed",
            Self::DeliveryUnconfirmed => "delivery_unconfirmed",
            Self::Silent => "silent",
        }
    }

    /// Whether the phone receives the message.
    pub(in crate::simulator) fn arrives(self) -> bool {
        !matches!(self, Self::SendingFailed | Self::DeliveryFailed)
    }
}
