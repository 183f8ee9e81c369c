//! Settings of how the gateway stops.

use std::time::Duration;

use super::{
    kinds::{HOUR, duration},
    setting::settings,
};

settings! {
    /// Settings of how the gateway stops.
    pub struct ShutdownConfig {
        /// How long the gateway still takes calls after a request to stop, so that load balancers learn of it.
        delay: Duration = "0s", duration(Duration::ZERO..=HOUR);
        /// How long running calls then have to finish.
        grace_period: Duration = "20s", duration(Duration::ZERO..=HOUR);
    }
}
