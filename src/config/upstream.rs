//! Settings of the client of the Telnyx Verify API.

use std::{path::PathBuf, time::Duration};

use super::{kinds::url, section::Section};

/// Settings of the client of the Telnyx Verify API.
#[derive(Clone, Debug, PartialEq)]
pub struct Upstream {
    /// Where the API is: a URL of scheme `http` or `https`, without a slash at its end.
    pub base_url: String,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long one attempt may take, connecting included.
    pub attempt_timeout: Duration,
    /// How long a connection is kept that nothing uses.
    pub pool_idle_timeout: Duration,
    /// How many connections are kept that nothing uses.
    pub max_idle_connections: usize,
    /// The largest answer, in bytes.
    pub max_response_size: usize,
    /// The certificates to trust, in PEM, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether Telnyx is told the trace that a call belongs to.
    pub propagate_trace: bool,
    /// How many attempts a tenant may have under way at once.
    pub max_concurrent_attempts: usize,
    /// When and how often an attempt is repeated.
    pub retry: Retry,
    /// When an upstream that fails is left alone.
    pub breaker: Breaker,
}

/// When and how often an attempt is repeated. What may be repeated at all is no setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// How many attempts a call has, the first included.
    pub max_attempts: usize,
    /// The upper bound of the wait before the second attempt; it doubles with each further one.
    pub base_delay: Duration,
    /// The upper bound of any such wait.
    pub max_delay: Duration,
    /// The longest wait asked for by Telnyx that is waited out.
    pub max_retry_after: Duration,
    /// How many retries there may be beside the first attempts.
    pub budget: Budget,
}

/// How many retries there may be beside the first attempts: for each tenant, and for all together.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// As a share of the first attempts of the window.
    pub ratio: f64,
    /// In addition, in each second.
    pub per_second: usize,
    /// How long an attempt counts.
    pub window: Duration,
}

/// When an upstream that fails is left alone: for each API key and each kind of operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Breaker {
    /// After how many failures in a row; 0 for never.
    pub consecutive_failures: usize,
    /// Below which share of successes in the window.
    pub min_success_ratio: f64,
    /// How many attempts the window must hold for that.
    pub min_samples: usize,
    /// How long an attempt counts.
    pub window: Duration,
    /// How long the upstream is left alone before it is tried again.
    pub open_for: Duration,
}

impl Upstream {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let (ms, hour) = (Duration::from_millis(1), Duration::from_hours(1));
        let upstream = Self {
            base_url: section.setting(
                "base_url",
                "https://api.telnyx.com/v2",
                "an http or https URL without credentials, query and fragment",
                "Where the Telnyx API is.",
                url,
            ),
            connect_timeout: section.duration(
                "connect_timeout",
                "2s",
                ms..=hour,
                "How long connecting may take, the TLS handshake included.",
            ),
            attempt_timeout: section.duration(
                "attempt_timeout",
                "10s",
                ms..=hour,
                "How long one attempt may take. The time left for the call bounds it too.",
            ),
            pool_idle_timeout: section.duration(
                "pool_idle_timeout",
                "60s",
                ms..=hour,
                "How long a connection is kept that nothing uses. Keep it below the limit of what is in between.",
            ),
            max_idle_connections: section.count(
                "max_idle_connections",
                "64",
                0..=65_536,
                "How many connections are kept that nothing uses.",
            ),
            max_response_size: section.size(
                "max_response_size",
                "1MiB",
                1 << 10..=64 << 20,
                "The largest answer. A larger one counts as unreadable.",
            ),
            ca_file: section.file(
                "ca_file",
                "A PEM file with the certificates to trust instead of the system's. Empty: the system's.",
            ),
            propagate_trace: section.switch(
                "propagate_trace",
                "false",
                "Whether requests to Telnyx carry the W3C traceparent header.",
            ),
            max_concurrent_attempts: section.count(
                "max_concurrent_attempts",
                "256",
                1..=1_000_000,
                "How many requests a tenant may have under way at once. Further ones fail at once and may be retried. \
                 Keep it below grpc.max_concurrent_calls, so that no tenant takes all places.",
            ),
            retry: section.section("retry", "Repeating attempts that failed, where this is safe.", Retry::read),
            breaker: section.section(
                "breaker",
                "Leaving an upstream alone that fails: each API key by itself, and reads, changes, creations, checks and \
                 sends each by themselves.",
                Breaker::read,
            ),
        };
        section.rule(
            upstream.connect_timeout <= upstream.attempt_timeout,
            &["connect_timeout", "attempt_timeout"],
            "connect_timeout must not be longer than attempt_timeout",
        );
        upstream
    }
}

impl Retry {
    fn read(section: &mut Section<'_, '_>) -> Self {
        let (ms, hour) = (Duration::from_millis(1), Duration::from_hours(1));
        let retry = Self {
            max_attempts: section.count(
                "max_attempts",
                "3",
                1..=10,
                "How many attempts a call has, the first included. 1 switches retries off.",
            ),
            base_delay: section.duration(
                "base_delay",
                "100ms",
                ms..=hour,
                "The upper bound of the random wait before the second attempt. It doubles with each further one.",
            ),
            max_delay: section.duration("max_delay", "2s", ms..=hour, "The upper bound of any such wait."),
            max_retry_after: section.duration(
                "max_retry_after",
                "10s",
                Duration::ZERO..=hour,
                "The longest wait asked for by Telnyx that is waited out. A longer one is reported to the caller.",
            ),
            budget: section.section(
                "budget",
                "How many retries there may be: for each tenant by itself, and for all together.",
                Budget::read,
            ),
        };
        section.rule(
            retry.base_delay <= retry.max_delay,
            &["base_delay", "max_delay"],
            "base_delay must not be longer than max_delay",
        );
        retry
    }
}

impl Breaker {
    fn read(section: &mut Section<'_, '_>) -> Self {
        let (second, hour) = (Duration::from_secs(1), Duration::from_hours(1));
        Self {
            consecutive_failures: section.count(
                "consecutive_failures",
                "10",
                0..=1_000_000,
                "After how many failures in a row: no connection, no answer in time, or a status of 500 and above. \
                 0 switches this rule off.",
            ),
            min_success_ratio: section.ratio(
                "min_success_ratio",
                "0.5",
                "Below which share of successes in the window. Being throttled (429) counts as none. 0 switches this \
                 rule off.",
            ),
            min_samples: section.count(
                "min_samples",
                "20",
                1..=1_000_000,
                "How many attempts the window must hold for that.",
            ),
            window: section.duration("window", "30s", second..=hour, "How long an attempt counts."),
            open_for: section.duration(
                "open_for",
                "5s",
                Duration::from_millis(1)..=hour,
                "How long the upstream is left alone before one request tries it again.",
            ),
        }
    }
}

impl Budget {
    fn read(section: &mut Section<'_, '_>) -> Self {
        Self {
            ratio: section.ratio(
                "ratio",
                "0.2",
                "As a share of the first attempts in the window. It counts to a tenth of a percent.",
            ),
            per_second: section.count(
                "per_second",
                "10",
                0..=1_000_000,
                "In addition, in each second. With 0 here and as the ratio there are no retries.",
            ),
            window: section.duration(
                "window",
                "10s",
                Duration::from_secs(1)..=Duration::from_mins(1),
                "How long an attempt counts.",
            ),
        }
    }
}
