//! Moments and lifetimes.

use prost_types::{Duration, Timestamp};

use crate::telnyx::Time;

/// The first moment that protobuf has: 0001-01-01T00:00:00Z.
const FIRST: jiff::Timestamp = jiff::Timestamp::constant(-62_135_596_800, 0);
/// The longest duration that protobuf has, about 10,000 years.
const MAX_SECONDS: i64 = 315_576_000_000;

/// A moment, as protobuf has it. One that it does not have reads as missing.
pub(super) fn timestamp(time: Option<Time>) -> Option<Timestamp> {
    // Protobuf begins with the year 1.
    let time = time.filter(|Time(moment)| *moment >= FIRST);
    time.map(|Time(moment)| {
        // jiff counts the part of a second towards zero, protobuf always forward.
        let nanos = moment.subsec_nanosecond();
        let before = i32::from(nanos < 0);
        Timestamp { seconds: moment.as_second() - i64::from(before), nanos: nanos + before * 1_000_000_000 }
    })
}

/// A lifetime in seconds, as protobuf has it. One that it does not have reads as missing.
pub(super) fn seconds(seconds: Option<u64>) -> Option<Duration> {
    let seconds = i64::try_from(seconds?).ok().filter(|seconds| *seconds <= MAX_SECONDS)?;
    Some(Duration { seconds, nanos: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_protobuf_does_not_have_is_missing() {
        let read = |text| timestamp(Time::parse(text)).map(|read| read.seconds);
        assert_eq!(read("0001-01-01T00:00:00Z"), Some(-62_135_596_800));
        assert_eq!(read("0000-12-31T23:59:59.9Z"), None);
        assert_eq!(read("-000044-03-15T12:00:00Z"), None);
        assert_eq!(read("9999-12-30T22:00:00Z"), Some(253_402_207_200));
        assert_eq!(read("+010000-01-01T00:00:00Z"), None);
        assert_eq!(seconds(Some(315_576_000_000)).map(|read| read.seconds), Some(315_576_000_000));
        assert_eq!([seconds(Some(315_576_000_001)), seconds(Some(u64::MAX)), seconds(None)], [None, None, None]);
    }

    #[test]
    fn moments_before_1970_count_forward_from_the_second_before() {
        let read = |text| timestamp(Time::parse(text)).unwrap();
        assert_eq!(read("1970-01-01T00:00:01.5Z"), Timestamp { seconds: 1, nanos: 500_000_000 });
        assert_eq!(read("1969-12-31T23:59:59.25Z"), Timestamp { seconds: -1, nanos: 250_000_000 });
    }
}
