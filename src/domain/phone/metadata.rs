//! libphonenumber's metadata: what is published of the numbering plans.
//!
//! `metadata.txt` is made by `tests/phone/metadata.py`; `tests/phone/run` says when and how to renew it.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::LazyLock,
};

use super::number_type::NumberType;
use crate::domain::country::Country;

static TEXT: &str = include_str!("metadata.txt");

/// Where the lines of each calling code stand in the text.
static CALLING_CODES: LazyLock<HashMap<u16, Range<usize>>> = LazyLock::new(|| {
    let mut found: HashMap<u16, Range<usize>> = HashMap::new();
    let mut start = 0;
    for line in TEXT.split_inclusive('\n') {
        let end = start + line.len();
        if let Some(code) = line.split_once('\t').and_then(|(code, _)| code.parse().ok()) {
            found.entry(code).or_insert(start..end).end = end;
        }
        start = end;
    }
    found
});

/// One fact about the numbers of a region.
pub(super) struct Line {
    /// The region, by its ISO 3166-1 code; `001` where the numbers belong to no country.
    pub(super) region: &'static str,
    pub(super) field: Field,
    /// The possible lengths: bit n for n digits. All bits are set where none are given.
    pub(super) lengths: u32,
    /// A regular expression over national numbers, or the replacement of a `NationalPrefixRewrite`.
    pub(super) pattern: &'static str,
}

/// What a line is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// Digits that no other region of the calling code begins with.
    LeadingDigits,
    /// The form of all numbers of the region.
    General,
    /// The numbers of one type.
    Type(NumberType),
    /// What callers inside the country dial before a number.
    NationalPrefix,
    /// What takes the place of such a prefix.
    NationalPrefixRewrite,
}

/// The lines of `calling_code`, the main region first.
pub(super) fn lines(calling_code: u16) -> impl Iterator<Item = Line> {
    let range = CALLING_CODES.get(&calling_code).cloned().unwrap_or_default();
    TEXT[range].lines().map(|line| Line::read(line).expect("a test reads every line"))
}

/// The countries that have phone numbers.
pub(super) static COUNTRIES: LazyLock<HashSet<Country>> =
    LazyLock::new(|| TEXT.lines().filter_map(|line| Country::new(line.split('\t').nth(1)?)).collect());

impl Line {
    fn read(line: &'static str) -> Option<Self> {
        let mut parts = line.splitn(5, '\t').skip(1);
        let (region, field, lengths, pattern) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let bit = |length: &str| 1_u32.checked_shl(length.parse().ok()?);
        let lengths = if lengths.is_empty() {
            u32::MAX
        } else {
            lengths.split(',').try_fold(0, |all, length| Some(all | bit(length)?))?
        };
        Some(Self { region, field: Field::read(field)?, lengths, pattern })
    }
}

impl Field {
    fn read(name: &str) -> Option<Self> {
        Some(match name {
            "leading_digits" => Self::LeadingDigits,
            "general" => Self::General,
            "national_prefix" => Self::NationalPrefix,
            "national_prefix_rewrite" => Self::NationalPrefixRewrite,
            name => Self::Type(NumberType::ALL.into_iter().find(|one| one.as_str() == name)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        let lines: Vec<&str> = TEXT.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.len() > 1000 && lines.iter().all(|line| Line::read(line).is_some()));
        assert_eq!(CALLING_CODES.values().map(|range| TEXT[range.clone()].lines().count()).sum::<usize>(), lines.len());
    }
}
