//! Moments and lifetimes.

use prost_types::{Duration, Timestamp};

use crate::telnyx::Time;

/// A moment, as protobuf has it.
pub(super) fn timestamp(time: Option<Time>) -> Option<Timestamp> {
    time.map(|Time(moment)| {
        // jiff counts the part of a second towards zero, protobuf always forward.
        let nanos = moment.subsec_nanosecond();
        let before = i32::from(nanos < 0);
        Timestamp { seconds: moment.as_second() - i64::from(before), nanos: nanos + before * 1_000_000_000 }
    })
}

/// A lifetime in seconds, as protobuf has it.
pub(super) fn seconds(seconds: Option<u64>) -> Option<Duration> {
    Some(Duration { seconds: i64::try_from(seconds?).ok()?, nanos: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_before_1970_count_forward_from_the_second_before() {
        let read = |text| timestamp(Time::parse(text)).unwrap();
        assert_eq!(read("1970-01-01T00:00:01.5Z"), Timestamp { seconds: 1, nanos: 500_000_000 });
        assert_eq!(read("1969-12-31T23:59:59.25Z"), Timestamp { seconds: -1, nanos: 250_000_000 });
    }
}
