//! Delays: fixed ones, and distributions of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ids::Ids;

/// The 99th percentile of the standard normal distribution.
const NORMAL_P99: f64 = 2.326;

/// The rule of [`Delay::is_valid`].
pub(super) const BOUNDS: &str = "a delay needs min <= max, or 0 < median <= p99";

/// A delay, in milliseconds.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged, deny_unknown_fields, expecting = "must be milliseconds, {\"min\", \"max\"} or {\"median\", \"p99\"}")]
pub enum Delay {
    /// Always the same.
    Fixed(u64),
    /// All delays between the two are equally likely.
    Uniform {
        /// The shortest delay.
        min: u64,
        /// The longest delay.
        max: u64,
    },
    /// A log-normal distribution: most delays are near the median, and few are long.
    LogNormal {
        /// Half of the delays are shorter.
        median: f64,
        /// One in a hundred is longer.
        p99: f64,
    },
}

impl Delay {
    /// Whether the bounds are in their order.
    pub(super) fn is_valid(self) -> bool {
        match self {
            Self::Fixed(_) => true,
            Self::Uniform { min, max } => min <= max,
            Self::LogNormal { median, p99 } => 0.0 < median && median <= p99 && p99.is_finite(),
        }
    }

    /// The next delay.
    pub(super) fn draw(self, ids: &mut Ids) -> Duration {
        match self {
            Self::Fixed(millis) => Duration::from_millis(millis),
            Self::Uniform { min, max } => {
                let (min, max) = (Duration::from_millis(min), Duration::from_millis(max));
                min + max.saturating_sub(min).mul_f64(ids.fraction())
            }
            Self::LogNormal { median, p99 } => {
                // Box and Muller: two uniform numbers make a normal one.
                let radius = (-2.0 * (1.0 - ids.fraction()).ln()).sqrt();
                let normal = radius * (std::f64::consts::TAU * ids.fraction()).cos();
                let millis = median * ((p99 / median).ln() / NORMAL_P99 * normal).exp();
                Duration::try_from_secs_f64(millis / 1000.0).unwrap_or(Duration::MAX)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(delay: Delay) -> Vec<u64> {
        let mut ids = Ids::new(Some(1));
        let mut drawn: Vec<_> = (0..10_000).map(|_| u64::try_from(delay.draw(&mut ids).as_micros()).unwrap()).collect();
        drawn.sort_unstable();
        drawn
    }

    #[test]
    fn distributions_have_the_bounds_and_percentiles_that_they_name() {
        let uniform = sorted(Delay::Uniform { min: 50, max: 150 });
        assert!(uniform[0] >= 50_000 && uniform[9_999] <= 150_000);
        assert!(uniform[5_000].abs_diff(100_000) < 3_000, "{}", uniform[5_000]);
        let log_normal = sorted(Delay::LogNormal { median: 80.0, p99: 400.0 });
        assert!(log_normal[5_000].abs_diff(80_000) < 4_000, "{}", log_normal[5_000]);
        assert!(log_normal[9_900].abs_diff(400_000) < 60_000, "{}", log_normal[9_900]);
        assert_eq!(sorted(Delay::Fixed(7))[9_999], 7_000);
    }

    #[test]
    fn bounds_out_of_order_are_not_valid() {
        for (json, valid) in [
            ("0", true),
            (r#"{"min": 1, "max": 1}"#, true),
            (r#"{"min": 2, "max": 1}"#, false),
            (r#"{"median": 10, "p99": 50}"#, true),
            (r#"{"median": 0, "p99": 50}"#, false),
            (r#"{"median": 51, "p99": 50}"#, false),
        ] {
            assert_eq!(serde_json::from_str::<Delay>(json).unwrap().is_valid(), valid, "{json}");
        }
        for json in ["-1", r#"{"min": 1}"#, r#"{"min": 1, "max": 2, "p99": 3}"#] {
            assert!(serde_json::from_str::<Delay>(json).is_err(), "{json}");
        }
    }
}
