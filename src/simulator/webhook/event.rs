//! The body of a webhook, as Telnyx's guide "Receiving webhooks" shows it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::outcome::MessageOutcome;
use crate::{
    simulator::{
        settings::{CompletionEvents, DtmfFields, Settings, UnconfirmedEvent, WebhookEventId},
        verification::SimulatedVerification,
    },
    telnyx::{Channel, Time, VerificationStatus},
};

/// What can cause a webhook.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The provider takes the message.
    Sent,
    /// The outcome of the message is known.
    Outcome,
    /// A code, a report or a key decides the verification.
    Decision,
    /// The verification expires.
    Expiry,
}

/// The `data` of the webhook. None if nothing is sent.
pub(super) fn data(
    verification: &SimulatedVerification,
    cause: Cause,
    id: String,
    settings: &Settings,
    now: Timestamp,
) -> Option<Value> {
    let new = &verification.new;
    let status = verification.status(now);
    let event_type = event_type(verification, cause, &status, settings)?;
    if new.channel == Channel::DtmfConfirm && settings.dtmf_fields == DtmfFields::Sample {
        let payload = json!({
            "id": new.id, "phone_number": new.phone, "status": status, "type": new.channel.as_str(),
            "verify_profile_id": new.profile_id,
        });
        return Some(json!({"event_type": event_type, "payload": payload}));
    }
    let delivery_status = match cause {
        Cause::Sent => Some("sent"),
        Cause::Outcome => Some(new.delivery.outcome.as_str()),
        Cause::Decision | Cause::Expiry => verification.delivery_status(now),
    };
    let id = if settings.webhook_event_id == WebhookEventId::PayloadId { new.id.clone() } else { id };
    let mut payload = json!({
        "id": new.id, "record_type": "verification", "type": new.channel.as_str(), "phone_number": new.phone,
        "profile_id": new.profile_id, "status": status, "delivery_status": delivery_status,
        "custom_code": new.code, "failed_attempts": verification.failed_attempts,
        // Null in Telnyx's sample.
        "timeout_secs": null, "extension": null, "mccmnc": null,
        "created_at": Time(verification.created_at), "updated_at": Time(now),
    });
    if new.channel == Channel::DtmfConfirm {
        payload["verify_profile_id"] = json!(new.profile_id);
    }
    let occurred_at = time(now);
    Some(json!({
        "event_type": event_type, "id": id, "occurred_at": occurred_at, "record_type": "event", "payload": payload,
    }))
}

fn event_type(
    verification: &SimulatedVerification,
    cause: Cause,
    status: &VerificationStatus,
    settings: &Settings,
) -> Option<&'static str> {
    match cause {
        Cause::Sent => Some("verify.sent"),
        Cause::Outcome => match verification.new.delivery.outcome {
            MessageOutcome::Delivered => Some("verify.delivered"),
            MessageOutcome::SendingFailed | MessageOutcome::DeliveryFailed => Some("verify.failed"),
            MessageOutcome::DeliveryUnconfirmed => Some(match settings.unconfirmed_event {
                UnconfirmedEvent::Failed => "verify.failed",
                UnconfirmedEvent::Delivered => "verify.delivered",
            }),
            MessageOutcome::Silent => None,
        },
        Cause::Expiry if *status != VerificationStatus::Expired => None,
        Cause::Decision | Cause::Expiry if verification.new.channel == Channel::DtmfConfirm => {
            Some("verification.complete")
        }
        Cause::Decision | Cause::Expiry if settings.completion_events == CompletionEvents::Off => None,
        Cause::Decision | Cause::Expiry => match status {
            VerificationStatus::Accepted => Some("verification.accepted"),
            VerificationStatus::Invalid => Some("verification.rejected"),
            VerificationStatus::Expired => Some("verification.expired"),
            _ => None,
        },
    }
}

/// A time as webhooks write it: with milliseconds and an offset.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string()
}
