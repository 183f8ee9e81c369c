//! Settings of the webhook port.

use std::{net::SocketAddr, time::Duration};

use super::{
    kinds::{HOUR, SECOND, address, duration, optional},
    setting::settings,
};

settings! {
    /// Settings of the webhook port.
    pub struct WebhooksConfig {
        /// The address to listen on for the webhooks of Telnyx, at `/webhooks/` and the `webhook_token` of an account. Port 0
        /// takes a free one. Empty: there is no webhook port. It serves plain HTTP: put it behind what ends TLS.
        listen: Option<SocketAddr> = "", optional(address());
        /// How far the time at which a webhook was signed may be from the gateway's clock, in both directions.
        tolerance: Duration = "5m", duration(SECOND..=HOUR * 2);
    }
}
