//! Settings of the client of the Telnyx Verify API.

use std::{path::PathBuf, time::Duration};

use super::{
    kinds::{HOUR, SECOND, count, duration, http_url, optional, path, ratio, size, switch},
    proxies::proxy,
    setting::settings,
};
use crate::http_client::{Proxies, Proxy};

const MILLISECOND: Duration = Duration::from_millis(1);

settings! {
    /// Settings of the client of the Telnyx Verify API.
    pub struct UpstreamConfig {
        /// The URL of the Telnyx API.
        base_url: String = "https://api.telnyx.com/v2", http_url();
        /// How long connecting may take, including the TLS handshake.
        connect_timeout: Duration = "2s", duration(MILLISECOND..=HOUR);
        /// How long one attempt may take, including connecting. The time left for the call bounds it too.
        attempt_timeout: Duration = "10s", duration(MILLISECOND..=HOUR);
        /// How long an idle connection is kept. Keep it below the idle timeout of proxies on the way.
        pool_idle_timeout: Duration = "60s", duration(MILLISECOND..=HOUR);
        /// How many idle connections are kept.
        max_idle_connections: usize = "64", count(0..=65_536);
        /// The largest answer. A larger one counts as unreadable.
        max_response_size: usize = "1MiB", size(1 << 10..=64 << 20);
        /// A PEM file with the certificates to trust instead of the system's. Empty: the system's.
        ca_file: Option<PathBuf> = "", optional(path());
        /// The HTTP proxy through which requests leave. It only connects (`CONNECT`), so it sees no key. Empty: the one that
        /// `HTTPS_PROXY` names for all requests of the gateway, or none.
        proxy: Option<Proxy> = "", optional(proxy());
        /// Which requests leave through which proxy.
        proxies: Proxies => Proxies::default();
        /// Whether requests to Telnyx carry the W3C `traceparent` header.
        propagate_trace: bool = "false", switch();
        /// Whether the webhook URLs of profiles may have loopback, link-local and private hosts. Telnyx can't reach them.
        allow_private_webhooks: bool = "false", switch();
        /// How many attempts a tenant may have in progress at the same time. Further ones fail at once and may be
        /// retried. Keep it below `grpc.max_concurrent_calls`, so that no tenant takes all calls.
        max_concurrent_attempts: usize = "256", count(1..=1_000_000);
        /// Retries of failed attempts, where a retry is safe.
        retry: RetryConfig;
        /// The circuit breaker, which stops attempts while the upstream fails. There is one for each API key and
        /// effect: reads, writes, creations, checks and sends.
        breaker: BreakerConfig;
    }
    rules(upstream) {
        ["connect_timeout", "attempt_timeout"] upstream.connect_timeout <= upstream.attempt_timeout,
            "connect_timeout must not be longer than attempt_timeout";
        // Without the version Telnyx answers as if each resource were missing.
        ["base_url"] !upstream.base_url.contains("//api.telnyx.com") || upstream.base_url.trim_end_matches('/').ends_with("/v2"),
            "base_url must be https://api.telnyx.com/v2, or another host";
    }
}

settings! {
    /// When and how often an attempt is retried. Which operations may be retried is not configurable.
    pub struct RetryConfig {
        /// How many attempts a call may make, including the first. 1 turns retries off.
        max_attempts: usize = "3", count(1..=10);
        /// The upper bound of the random wait before the second attempt. It doubles with each further attempt.
        base_delay: Duration = "100ms", duration(MILLISECOND..=HOUR);
        /// The upper bound of any such wait.
        max_delay: Duration = "2s", duration(MILLISECOND..=HOUR);
        /// The longest pushback from Telnyx that the gateway waits for. It passes a longer one on to the caller.
        max_retry_after: Duration = "10s", duration(Duration::ZERO..=HOUR);
        /// How many retries there may be: for each tenant, and for all tenants together.
        budget: BudgetConfig;
    }
    rules(retry) {
        ["base_delay", "max_delay"] retry.base_delay <= retry.max_delay, "base_delay must not be longer than max_delay";
    }
}

settings! {
    /// How many retries there may be: for each tenant, and for all tenants together.
    pub struct BudgetConfig {
        /// The number of retries as a share of the first attempts in the window. It counts to a tenth of a percent.
        ratio: f64 = "0.2", ratio();
        /// Further retries in each second. If this and the ratio are 0, there are no retries.
        per_second: usize = "10", count(0..=1_000_000);
        /// How long an attempt counts.
        window: Duration = "10s", duration(SECOND..=SECOND * 60);
    }
}

settings! {
    /// When the circuit breaker stops attempts: for each API key and effect.
    pub struct BreakerConfig {
        /// How many consecutive failures open it. A failure is no connection, or whatever leaves open if Telnyx carried
        /// out the request: no answer in time, a status of 500 and above, or an answer that can't be read. 0 turns this
        /// rule off.
        consecutive_failures: usize = "10", count(0..=1_000_000);
        /// The share of successes in the window below which it opens. A throttled attempt (429) is no success. 0 turns
        /// this rule off.
        min_success_ratio: f64 = "0.5", ratio();
        /// How many attempts the window must hold for that rule.
        min_samples: usize = "20", count(1..=1_000_000);
        /// How long an attempt counts.
        window: Duration = "30s", duration(SECOND..=HOUR);
        /// How long it stays open before one request tries the upstream again.
        open_for: Duration = "5s", duration(MILLISECOND..=HOUR);
    }
}
