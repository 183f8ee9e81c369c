//! Settings of webhooks and of streams of events.

use std::{net::SocketAddr, time::Duration};

use super::{
    grpc::TlsConfig,
    kinds::{DAY, HOUR, SECOND, address, count, duration, http_url, optional, switch},
    setting::settings,
};

settings! {
    /// Settings of the webhook port.
    pub struct WebhooksConfig {
        /// The address to listen on for the webhooks of Telnyx, at `/webhooks/` and the `webhook_token` of an account. Port 0
        /// takes a free one. Empty: there is no webhook port.
        listen: Option<SocketAddr> = "", optional(address());
        /// How far the time at which a webhook was signed may be from the gateway's clock, in both directions.
        tolerance: Duration = "5m", duration(SECOND..=HOUR * 2);
        /// How many connections may be open at the same time. The oldest gives way to a new one.
        max_connections: usize = "256", count(1..=1_000_000);
        /// The URL at which Telnyx reaches the port, such as `https://webhooks.example`. The gateway then knows which profiles
        /// send it their webhooks. Empty: it does not.
        public_url: Option<String> = "", optional(http_url());
        /// Whether `CreateProfile` and `UpdateProfile` set a `webhook_url` that is left empty: to `public_url`, `/webhooks/` and
        /// the `webhook_token` of the tenant's account.
        set_profile_urls: bool = "true", switch();
        /// TLS: the certificate of the port. Without one it serves plain HTTP: put it behind what ends TLS then, because
        /// webhooks show phone numbers and codes.
        tls: TlsConfig;
    }
    rules(webhooks) {
        ["public_url", "listen"] webhooks.public_url.is_none() || webhooks.listen.is_some(), "public_url needs listen";
    }
}

impl WebhooksConfig {
    /// The URL to which the profiles of an account with this `webhook_token` send their webhooks, if that is known.
    pub fn url(&self, webhook_token: Option<&str>) -> Option<String> {
        Some(format!("{}/webhooks/{}", self.public_url.as_ref()?, webhook_token?))
    }
}

settings! {
    /// Settings of the streams of `EventService`.
    pub struct EventsConfig {
        /// Whether to serve `EventService`, and to keep events for it in the store. Several gateways need
        /// `store.backend: redis`.
        enabled: bool = "false", switch();
        /// How long an event is kept for streams that are opened again. It is dropped with the first event after that time, or
        /// when no event has come for 8 days.
        retention: Duration = "24h", duration(SECOND * 60..=DAY * 7);
        /// How many events of each tenant are kept. Each takes some 300 bytes. A Redis or Valkey server keeps some hundred
        /// more.
        max_events: usize = "10000", count(1..=1_000_000);
        /// How many verifications of a tenant each gateway reads from Telnyx in a second, of those that somebody watches while
        /// webhooks of their profile stay silent. 0: none.
        max_reads: u32 = "1", count(0..=100);
        /// How many streams may run at the same time. They have no part in `grpc.max_concurrent_calls`.
        max_streams: usize = "1000", count(1..=1_000_000);
        /// How many of them one tenant may have.
        max_tenant_streams: usize = "250", count(1..=1_000_000);
        /// How many of them one connection may have. A connection has 256 calls of all kinds.
        max_connection_streams: usize = "100", count(1..=256);
        /// At what age the gateway ends a stream. Clients open another one. Streams also end when their connection is as old
        /// as `grpc.max_connection_age`.
        max_stream_age: Duration = "25m", duration(SECOND..=DAY);
    }
}
