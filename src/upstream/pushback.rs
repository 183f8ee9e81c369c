//! Pushback: the time that a server asks a client to wait.

use std::time::Duration;

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimeParser};

/// Values of `x-ratelimit-reset` above this are seconds since 1970, not seconds left: Telnyx's documents show both.
const EPOCH_FROM: f64 = 1e9;

/// The pushback in `headers`: `retry-after-ms`, else `retry-after` (seconds or an HTTP date, RFC 9110 §10.2.3), else
/// `x-ratelimit-reset`. It is zero where the moment has passed.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |name| text(name)?.parse::<f64>().ok().filter(|number: &f64| *number >= 0.0);
    let seconds = |seconds| Duration::try_from_secs_f64(seconds).ok();

    let milliseconds = || seconds(number("retry-after-ms")? / 1000.0);
    let delay = || seconds(number("retry-after")?);
    let date = || Some(until(DateTimeParser::new().parse_timestamp(text("retry-after")?).ok()?, now));
    let reset = || match number("x-ratelimit-reset")? {
        #[expect(clippy::cast_possible_truncation, reason = "saturates, and such a moment is refused")]
        epoch if epoch > EPOCH_FROM => Some(until(Timestamp::from_second(epoch as i64).ok()?, now)),
        left => seconds(left),
    };
    milliseconds().or_else(delay).or_else(date).or_else(reset)
}

fn until(moment: Timestamp, now: Timestamp) -> Duration {
    let left: SignedDuration = moment.duration_since(now);
    left.try_into().unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn wait(headers: &[(&'static str, &str)]) -> Option<Duration> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        retry_after(&headers, "2026-10-21T07:28:00Z".parse().unwrap())
    }

    #[test]
    fn every_form_is_read() {
        let ms = Duration::from_millis;
        assert_eq!(wait(&[]), None);
        assert_eq!(wait(&[("retry-after-ms", "1500")]), Some(ms(1500)));
        assert_eq!(wait(&[("retry-after", "2")]), Some(ms(2000)));
        assert_eq!(wait(&[("retry-after", "0.25")]), Some(ms(250)));
        assert_eq!(wait(&[("retry-after", "Wed, 21 Oct 2026 07:28:07 GMT")]), Some(ms(7000)));
        assert_eq!(wait(&[("x-ratelimit-reset", "30")]), Some(ms(30_000)));
        assert_eq!(wait(&[("x-ratelimit-reset", "1792567685")]), Some(ms(5000)));
    }

    #[test]
    fn the_most_exact_form_wins() {
        let all = [("x-ratelimit-reset", "30"), ("retry-after", "2"), ("retry-after-ms", "100")];
        assert_eq!(wait(&all), Some(Duration::from_millis(100)));
        assert_eq!(wait(&all[..2]), Some(Duration::from_secs(2)));
    }

    #[test]
    fn a_date_in_the_past_is_no_wait() {
        assert_eq!(wait(&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")]), Some(Duration::ZERO));
    }

    proptest! {
        #[test]
        fn no_header_value_panics(value in "\\PC{0,40}|-?[0-9]{1,400}(\\.[0-9]+)?|nan|inf|-inf|1e999") {
            for name in ["retry-after-ms", "retry-after", "x-ratelimit-reset"] {
                if let Ok(value) = HeaderValue::from_str(&value) {
                    retry_after(&HeaderMap::from_iter([(name.parse().unwrap(), value)]), Timestamp::now());
                }
            }
        }
    }
}
