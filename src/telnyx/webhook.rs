//! Webhooks: what Telnyx tells of a verification. The code in them is not read.

use serde::Deserialize;

use super::{Time, VerificationStatus, lenient, words::words};

/// The `data` of a webhook.
#[derive(Default, Deserialize)]
pub struct WebhookEvent {
    /// What happened.
    #[serde(default, deserialize_with = "lenient::text")]
    pub event_type: Option<String>,
    /// Names the event. Repetitions have the same ID. Some copies of the documentation show that of the verification.
    #[serde(default, deserialize_with = "lenient::id")]
    pub id: Option<String>,
    /// When it happened.
    #[serde(default, deserialize_with = "Time::lenient")]
    pub occurred_at: Option<Time>,
    /// The verification that it happened to.
    #[serde(default, deserialize_with = "lenient::object")]
    pub payload: Option<WebhookPayload>,
}

/// The `payload` of a webhook. Not `Debug`: it holds a phone number.
#[derive(Default, Deserialize)]
pub struct WebhookPayload {
    /// The ID of the verification.
    #[serde(default, deserialize_with = "lenient::id")]
    pub id: Option<String>,
    /// The channel's name.
    #[serde(default, rename = "type", deserialize_with = "lenient::text")]
    pub channel: Option<String>,
    /// The phone number, in E.164.
    #[serde(default, deserialize_with = "lenient::text")]
    pub phone_number: Option<String>,
    /// The profile of the send, in events of deliveries.
    #[serde(default, deserialize_with = "lenient::text")]
    pub profile_id: Option<String>,
    /// The same in events of the keypad channel.
    #[serde(default, deserialize_with = "lenient::text")]
    pub verify_profile_id: Option<String>,
    /// The state of the verification.
    #[serde(default, deserialize_with = "lenient::text")]
    pub status: Option<VerificationStatus>,
    /// How far the message came.
    #[serde(default, deserialize_with = "lenient::text")]
    pub delivery_status: Option<DeliveryStatus>,
}

words! {
    /// How far a message came.
    DeliveryStatus {
        /// It was handed over to a carrier.
        Sent = "sent",
        /// The phone has it.
        Delivered = "delivered",
        /// It failed before it was handed over.
        SendingFailed = "sending_failed",
        /// It failed after it was handed over.
        DeliveryFailed = "delivery_failed",
        /// Nothing is known after it was handed over.
        DeliveryUnconfirmed = "delivery_unconfirmed",
    }
}
