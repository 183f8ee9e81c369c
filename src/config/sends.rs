//! Settings of operations that must take effect at most once.

use std::time::Duration;

use super::{
    kinds::{DAY, HOUR, SECOND, duration},
    setting::settings,
};

settings! {
    /// Settings of operations that must take effect at most once.
    pub struct SendsConfig {
        /// How long the gateway remembers a `request_id` with its answer.
        request_id_retention: Duration = "24h", duration(SECOND * 60..=DAY * 7);
        /// How long a request may still take effect at Telnyx after its connection is lost. Only after this time does
        /// the gateway repeat a send that left no trace, and only for the same `request_id`.
        settle_window: Duration = "2m", duration(SECOND..=HOUR);
        /// How far the clocks of Telnyx and the gateway may differ. It widens the time in which the gateway looks for a
        /// lost send.
        clock_skew: Duration = "10s", duration(Duration::ZERO..=SECOND * 300);
    }
}
