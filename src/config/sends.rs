//! Settings of what must happen once.

use std::time::Duration;

use super::section::Section;

/// Settings of what must happen once: sends, and whatever else a `request_id` names.
#[derive(Clone, Debug, PartialEq)]
pub struct Sends {
    /// How long a `request_id` is remembered.
    pub request_id_retention: Duration,
    /// How long a request may go on at Telnyx after its connection is lost.
    pub settle_window: Duration,
    /// How far Telnyx's clock may be from the gateway's.
    pub clock_skew: Duration,
}

impl Sends {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let (second, hour) = (Duration::from_secs(1), Duration::from_hours(1));
        Self {
            request_id_retention: section.duration(
                "request_id_retention",
                "24h",
                second * 60..=hour * 24 * 7,
                "How long a request_id is remembered with its answer.",
            ),
            settle_window: section.duration(
                "settle_window",
                "2m",
                second..=hour,
                "How long a request may go on at Telnyx after its connection is lost. Only after this time is a send \
                 that left no trace sent anew, and only for the same request_id.",
            ),
            clock_skew: section.duration(
                "clock_skew",
                "10s",
                Duration::ZERO..=second * 300,
                "How far Telnyx's clock may be from the gateway's, when a lost answer is looked for by its time.",
            ),
        }
    }
}
