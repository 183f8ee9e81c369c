//! How a webhook ended.

use http::StatusCode;

/// How a webhook ended. The sender learns only the status: causes of a refusal are for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WebhookOutcome {
    /// It is recorded.
    Accepted,
    /// It was recorded before.
    Repeated,
    /// Its event is not known. It is recorded.
    UnknownEvent,
    /// It names no verification, or is no JSON: of another product of Telnyx.
    Unreadable,
    /// No tenant may see it.
    Unowned,
    UnknownAccount,
    BadSignature,
    Stale,
    TooLarge,
    /// Its body ended early.
    Incomplete,
    Unavailable,
}

impl WebhookOutcome {
    /// Telnyx repeats what is not answered with 200, so that is also the answer to what no repetition would change.
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Accepted | Self::Repeated | Self::UnknownEvent | Self::Unreadable | Self::Unowned => StatusCode::OK,
            Self::UnknownAccount | Self::BadSignature | Self::Stale => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Incomplete | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The value of the metric label `outcome`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Repeated => "repeated",
            Self::UnknownEvent => "unknown_event",
            Self::Unreadable => "unreadable",
            Self::Unowned => "unowned",
            Self::UnknownAccount => "unknown_account",
            Self::BadSignature => "bad_signature",
            Self::Stale => "stale",
            Self::TooLarge => "too_large",
            Self::Incomplete => "incomplete",
            Self::Unavailable => "unavailable",
        }
    }
}
