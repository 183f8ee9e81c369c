//! Durations and sizes with units.

use std::time::Duration;

use jiff::fmt::friendly::{Spacing, SpanParser, SpanPrinter};

/// The units of a size, largest first.
const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Reads a duration: numbers with units, such as `500ms`, `2s` or `1m 30s`.
pub fn duration(text: &str) -> Option<Duration> {
    SpanParser::new().parse_unsigned_duration(text.trim()).ok()
}

/// Writes a duration as [`duration`] reads it.
pub fn write_duration(duration: Duration) -> String {
    SpanPrinter::new().spacing(Spacing::BetweenUnits).unsigned_duration_to_string(&duration)
}

/// Reads a size: a whole number of `B`, `KiB`, `MiB` or `GiB`, such as `64KiB`.
pub fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, factor) =
        UNITS.iter().find_map(|(unit, factor)| text.strip_suffix(unit).map(|number| (number.trim_end(), factor)))?;
    // The standard parser also takes a plus sign.
    if !number.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// Writes a size as [`size`] reads it, in the largest unit that fits without a remainder.
pub fn write_size(bytes: u64) -> String {
    let fits = |factor: u64| bytes >= factor && bytes.is_multiple_of(factor);
    let (unit, factor) = UNITS.into_iter().find(|(_, factor)| fits(*factor)).unwrap_or(("B", 1));
    format!("{}{unit}", bytes / factor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_need_units() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("1m 30s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("1h"), Some(Duration::from_hours(1)));
        for bad in ["", "5", "-5s", "5 parsecs", "5s ago", "1month", "99999999999999999999s", "s"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn sizes_need_binary_units() {
        assert_eq!(size("64KiB"), Some(65_536));
        assert_eq!(size("1 MiB"), Some(1 << 20));
        assert_eq!(size("7B"), Some(7));
        for bad in ["", "64", "64KB", "64kib", "-1B", "+1B", "1.5MiB", "KiB", "99999999999GiB"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_written_value_reads_the_same(millis in 0..10_000_000_000u64, bytes: u64) {
            let time = Duration::from_millis(millis);
            prop_assert_eq!(duration(&write_duration(time)), Some(time));
            prop_assert_eq!(size(&write_size(bytes)), Some(bytes));
        }
    }
}
