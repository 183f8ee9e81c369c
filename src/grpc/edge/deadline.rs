//! The deadline of a call: the caller's, bounded by the gateway's.
//!
//! tonic's own timeout ends a late call with CANCELLED and without a reason, so the gateway does not use it.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

use crate::domain::{Error, Violation};

/// The bounds of deadlines.
#[derive(Clone, Copy)]
pub(super) struct Deadlines {
    /// For calls without a `grpc-timeout`.
    pub(super) default: Duration,
    /// For calls with a longer one.
    pub(super) max: Duration,
}

impl Deadlines {
    /// The deadline of a call that arrives now with these headers.
    pub(super) fn of(&self, headers: &HeaderMap) -> Result<Instant, Error> {
        let timeout = headers.get("grpc-timeout").map(grpc_timeout).transpose()?;
        Ok(Instant::now() + timeout.map_or(self.default, early).min(self.max))
    }
}

/// A little less than `timeout`, so that the answer arrives before the caller gives up.
fn early(timeout: Duration) -> Duration {
    timeout.saturating_sub((timeout / 20).min(Duration::from_millis(20)))
}

/// Parses `grpc-timeout` by the grammar of gRPC over HTTP/2: `TimeoutValue TimeoutUnit`.
fn grpc_timeout(value: &HeaderValue) -> Result<Duration, Error> {
    let malformed = || {
        let must = "must be at most eight digits and one of H, M, S, m, u, n";
        Error::invalid(vec![Violation::new("grpc-timeout", must)])
    };
    let (unit, digits) = value.as_bytes().split_last().ok_or_else(malformed)?;
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return Err(malformed());
    }
    let number = digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
    match unit {
        b'H' => Ok(Duration::from_hours(number)),
        b'M' => Ok(Duration::from_mins(number)),
        b'S' => Ok(Duration::from_secs(number)),
        b'm' => Ok(Duration::from_millis(number)),
        b'u' => Ok(Duration::from_micros(number)),
        b'n' => Ok(Duration::from_nanos(number)),
        _ => Err(malformed()),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    /// The timeout in `value`; `None` if it is malformed.
    fn read(value: &'static str) -> Option<Duration> {
        grpc_timeout(&HeaderValue::from_static(value)).ok()
    }

    #[test]
    fn every_unit_is_read() {
        for (value, time) in [
            ("1H", Duration::from_hours(1)),
            ("2M", Duration::from_mins(2)),
            ("30S", Duration::from_secs(30)),
            ("250m", Duration::from_millis(250)),
            ("99999999u", Duration::from_micros(99_999_999)),
            ("5n", Duration::from_nanos(5)),
        ] {
            assert_eq!(read(value), Some(time), "{value}");
        }
    }

    #[test]
    fn malformed_timeouts_are_refused() {
        for value in ["", "S", "5", "5s", "-5S", "5 S", "999999999S", "1.5S", "5HH"] {
            assert_eq!(read(value), None, "{value}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_has_a_default_and_a_bound() {
        let [default, max] = [10, 30].map(Duration::from_secs);
        for (timeout, default, left) in [
            (None, default, default),
            (None, 2 * max, max),
            (Some("30S"), default, early(max)),
            (Some("1H"), default, max),
            (Some("99999999H"), default, max),
        ] {
            let headers =
                timeout.map(|timeout| (HeaderName::from_static("grpc-timeout"), HeaderValue::from_static(timeout)));
            let deadline = Deadlines { default, max }.of(&headers.into_iter().collect()).unwrap();
            assert_eq!(deadline.duration_since(Instant::now()), left, "{timeout:?}");
        }
    }

    #[test]
    fn the_answer_leaves_in_time_to_arrive() {
        assert_eq!(early(Duration::from_millis(100)), Duration::from_millis(95));
        assert_eq!(early(Duration::from_secs(10)), Duration::from_millis(9980));
        assert_eq!(early(Duration::ZERO), Duration::ZERO);
    }
}
