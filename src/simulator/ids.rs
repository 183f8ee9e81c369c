//! IDs and codes, random or from a seed.

use aws_lc_rs::rand;
use serde::{Deserialize, Serialize};
use uuid::Builder;

/// The clock part of profile IDs where a seed is set, so that they do not depend on the time of day.
const SEEDED_MILLIS: u64 = 1_627_386_341_278;

/// A small generator (`SplitMix64`). A simulated code protects nothing, so it need not be secure.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Ids {
    state: u64,
    seeded_profiles: Option<u64>,
}

impl Ids {
    pub(super) fn new(seed: Option<u64>) -> Self {
        let state = seed.unwrap_or_else(|| {
            let mut bytes = [0; 8];
            rand::fill(&mut bytes).expect("the system has a random source");
            u64::from_le_bytes(bytes)
        });
        Self { state, seeded_profiles: seed.map(|_| 0) }
    }

    /// A version 4 UUID.
    pub(super) fn uuid(&mut self) -> String {
        let bytes = (u128::from(self.next()) << 64 | u128::from(self.next())).to_be_bytes();
        Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// A profile ID, which looks like a UUID: `4900`, a clock of 48 bits in milliseconds, and random bits.
    pub(super) fn profile(&mut self, now_millis: u64) -> String {
        let millis = match &mut self.seeded_profiles {
            Some(count) => {
                *count += 1;
                SEEDED_MILLIS + *count
            }
            None => now_millis,
        };
        let hex = format!("4900{:012x}{:016x}", millis & 0xffff_ffff_ffff, self.next());
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    /// A code of `length` digits.
    pub(super) fn code(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(b'0' + u8::try_from(self.next() % 10).unwrap_or(0))).collect()
    }

    /// A number from 0 to 1, without 1.
    pub(super) fn fraction(&mut self) -> f64 {
        // The 53 bits of a double's fraction.
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let bits = (self.next() >> 11) as f64;
        bits / 2f64.powi(53)
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn one_seed_gives_one_sequence() {
        let draw = |seed| {
            let mut ids = Ids::new(seed);
            (ids.uuid(), ids.profile(1), ids.code(6))
        };
        assert_eq!(draw(Some(42)), draw(Some(42)));
        assert_ne!(draw(Some(42)), draw(Some(43)));
        assert_ne!(draw(None), draw(None));
    }

    #[test]
    fn ids_have_the_shapes_of_the_samples() {
        let mut ids = Ids::new(None);
        assert_eq!(Uuid::parse_str(&ids.uuid()).unwrap().get_version_num(), 4);
        assert!(ids.profile(0x017a_e7c8_e79e).starts_with("4900017a-e7c8-e79e-"));
        assert!(Uuid::parse_str(&ids.profile(0)).is_ok());
    }

    #[test]
    fn codes_have_their_length_and_use_every_digit() {
        let mut ids = Ids::new(Some(1));
        let codes: String = (0..100).map(|_| ids.code(4)).collect();
        assert_eq!(codes.len(), 400);
        assert!(('0'..='9').all(|digit| codes.contains(digit)));
    }
}
