//! Timestamps. Telnyx writes them in three forms.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::{Deserializer, Serialize, Serializer};

use super::lenient;

/// The form of a date.
const DATE: &str = "2020-09-14";

/// A point in time. It is written as Telnyx does: in UTC, with microseconds and without a zone
/// (`2020-09-14T17:03:32.965812`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Timestamp);

impl Time {
    /// Reads a timestamp with `Z`, with an offset, or without a zone (read as UTC).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // The sign of an offset stands behind the date.
        let has_zone = text.get(DATE.len()..).is_some_and(|time| time.contains(['Z', 'z', '+', '-']));
        if has_zone {
            return text.parse().ok().map(Self);
        }
        let naive: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(naive).ok().map(Self)
    }

    /// Reads a timestamp. Anything else reads as missing.
    ///
    /// # Errors
    /// Only for text that is not JSON.
    pub fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        Ok(lenient::text::<_, String>(deserializer)?.as_deref().and_then(Self::parse))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.strftime("%Y-%m-%dT%H:%M:%S%.6f"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_forms_are_the_same_moment() {
        let naive = Time::parse("2025-10-08T17:16:09.602000").unwrap();
        assert_eq!(Time::parse("2025-10-08T17:16:09.602Z"), Some(naive));
        assert_eq!(Time::parse("2025-10-08T17:16:09.602+00:00"), Some(naive));
        assert_eq!(Time::parse("2025-10-08T19:16:09.602+02:00"), Some(naive));
    }

    #[test]
    fn it_is_written_as_verify_writes_it() {
        let time = Time::parse("2020-09-14T17:03:32.965812").unwrap();
        assert_eq!(serde_json::to_string(&time).unwrap(), r#""2020-09-14T17:03:32.965812""#);
        let whole = Time::parse("2020-09-14T17:03:32Z").unwrap();
        assert_eq!(serde_json::to_string(&whole).unwrap(), r#""2020-09-14T17:03:32.000000""#);
    }

    #[test]
    fn other_texts_are_no_timestamps() {
        for text in ["", "yesterday", "17:03:32", "2020-13-40T00:00:00"] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }
}
