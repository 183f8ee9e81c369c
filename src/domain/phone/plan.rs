//! The numbering plan of one calling code.
//!
//! libphonenumber describes each region by regular expressions. A plan turns all expressions of a calling code into one
//! automaton over digits, so that a number is classified in one pass over it. `tests/phone` compares the results with
//! those of the library's Python port.

use std::{collections::HashSet, sync::OnceLock};

use regex_automata::util::primitives::StateID;

use super::{
    automaton::{Automaton, NationalPrefix},
    error::PhoneNumberError,
    metadata::{self, Field},
    number_type::NumberType,
};
use crate::domain::country::Country;

/// How many first digits decide the country of a number that no assigned range holds: those of a North American area code.
const PREFIX_DIGITS: usize = 3;

/// What a plan says about a national number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class {
    /// The country; none for a calling code that belongs to no country.
    pub(super) country: Option<Country>,
    /// Whether no assigned range holds the number, so that the country follows from its first digits alone.
    pub(super) country_assumed: bool,
    pub(super) number_type: NumberType,
}

/// The numbering plan of one calling code.
pub(super) struct Plan {
    calling_code: u16,
    /// The possible lengths of national numbers: bit n for n digits. Numbers that only work inside an area are left out.
    lengths: u32,
    ranges: Automaton,
    /// What each pattern of `ranges` describes.
    patterns: Vec<Pattern>,
    national_prefix: Option<NationalPrefix>,
    /// What the first digits say, by those digits. Computed when first needed.
    by_prefix: Box<[OnceLock<Class>]>,
}

#[derive(Clone, Copy)]
struct Pattern {
    /// Counts the regions of the calling code; 0 is the main one.
    region: usize,
    country: Option<Country>,
    field: Field,
    lengths: u32,
}

/// The plan of `calling_code`; none if no such code is assigned. The first use of a plan compiles it.
pub(super) fn plan(calling_code: u16) -> Option<&'static Plan> {
    static PLANS: [OnceLock<Option<Plan>>; 1000] = [const { OnceLock::new() }; 1000];
    PLANS.get(usize::from(calling_code))?.get_or_init(|| Plan::compile(calling_code)).as_ref()
}

impl Plan {
    fn compile(calling_code: u16) -> Option<Self> {
        let (mut patterns, mut texts): (Vec<Pattern>, Vec<String>) = (Vec::new(), Vec::new());
        let (mut prefix, mut rewrite, mut region, mut last) = (None, None, 0, None);
        for line in metadata::lines(calling_code) {
            region += usize::from(last.replace(line.region).is_some_and(|last| last != line.region));
            match line.field {
                Field::NationalPrefix if region == 0 => prefix = Some(line.pattern),
                Field::NationalPrefixRewrite if region == 0 => rewrite = Some(line.pattern),
                Field::NationalPrefix | Field::NationalPrefixRewrite => continue,
                Field::LeadingDigits => texts.push(format!("(?:{})[0-9]*", line.pattern)),
                Field::General | Field::Type(_) => texts.push(line.pattern.to_owned()),
            }
            if texts.len() > patterns.len() {
                let (country, field, lengths) = (Country::new(line.region), line.field, line.lengths);
                patterns.push(Pattern { region, country, field, lengths });
            }
        }
        let main = patterns.iter().find(|pattern| pattern.field == Field::General)?;
        Some(Self {
            calling_code,
            lengths: main.lengths,
            ranges: Automaton::new(&texts),
            patterns,
            national_prefix: prefix.map(|prefix| NationalPrefix::new(prefix, rewrite)),
            by_prefix: (0..10_usize.pow(3)).map(|_| OnceLock::new()).collect(),
        })
    }

    /// Checks the length of `national`, and that it holds no national prefix.
    pub(super) fn check(&self, national: &str) -> Result<(), PhoneNumberError> {
        if !self.has_length(national.len()) {
            return Err(PhoneNumberError::Length);
        }
        // The library's own E.164 form of such a number is another one.
        let stripped = self.national_prefix.as_ref().and_then(|prefix| prefix.strip(national)).filter(|stripped| {
            // A prefix belongs to the number if only the whole has the right form.
            let belongs = self.is_general(national) && !self.is_general(stripped);
            !belongs && self.has_length(stripped.len())
        });
        if stripped.is_some() { Err(PhoneNumberError::NationalPrefix) } else { Ok(()) }
    }

    fn has_length(&self, digits: usize) -> bool {
        self.lengths >> digits & 1 == 1
    }

    /// Whether `national` has the form of a number of the main region.
    fn is_general(&self, national: &str) -> bool {
        self.matches(national).any(|pattern| pattern.region == 0 && pattern.field == Field::General)
    }

    /// The country and type of `national`. The first region that claims the number has it, as in the library.
    pub(super) fn class(&self, national: &str) -> Class {
        let (mut owner, mut is_general, mut number_type): (Option<Pattern>, _, _) = (None, None, NumberType::Unknown);
        for pattern in self.matches(national).filter(|pattern| pattern.lengths >> national.len() & 1 == 1) {
            if owner.is_some_and(|owner| owner.region != pattern.region) {
                break;
            }
            match pattern.field {
                Field::General => is_general = Some(pattern.region),
                Field::Type(found) if is_general == Some(pattern.region) => {
                    owner = Some(pattern);
                    number_type = number_type.or(found);
                }
                Field::LeadingDigits => owner = Some(pattern),
                _ => {}
            }
        }
        match owner {
            Some(Pattern { country, .. }) => {
                Class { country, country_assumed: false, number_type: self.adjusted(number_type) }
            }
            None => *self.by_prefix[prefix(national)].get_or_init(|| self.class_of_prefix(national)),
        }
    }

    /// What the first digits of a number say that no assigned range holds.
    ///
    /// Its country is the only one that has numbers with these digits, else the main country of the calling code. Its type
    /// is a special one if all assigned numbers with these digits have that type.
    fn class_of_prefix(&self, national: &str) -> Class {
        let known = self.reachable(&national[..PREFIX_DIGITS.min(national.len())]);
        let main = self.patterns.first().and_then(|pattern| pattern.country);
        let claims = known.iter().filter(|pattern| pattern.field != Field::General).map(|pattern| pattern.country);
        let country = claims.reduce(|first, other| if first == other { first } else { main }).unwrap_or(main);
        let mut types = known.iter().filter_map(|pattern| match pattern.field {
            Field::Type(number_type) => Some(number_type),
            _ => None,
        });
        let first = types.next().filter(|first| first.is_special() && types.all(|other| other == *first));
        let number_type = self.adjusted(first.unwrap_or(NumberType::Unknown));
        Class { country, country_assumed: country.is_some(), number_type }
    }

    /// The type of numbers whose calling code alone decides it (ITU-T E.164, list of assigned country codes).
    const fn adjusted(&self, number_type: NumberType) -> NumberType {
        match self.calling_code {
            808 => NumberType::SharedCost,
            870 | 881 | 882 | 883 => NumberType::Satellite,
            878 => NumberType::PersonalNumber,
            979 => NumberType::PremiumRate,
            _ => number_type,
        }
    }

    /// The patterns that match `national`, whatever its length, in the order of their regions.
    fn matches(&self, national: &str) -> impl Iterator<Item = Pattern> {
        self.ranges.matches(self.ranges.walk(national)).map(|at| self.patterns[at])
    }

    /// The patterns that match any number that begins with `prefix`.
    fn reachable(&self, prefix: &str) -> Vec<Pattern> {
        let Some(begin) = self.ranges.walk(prefix) else { return Vec::new() };
        let (mut seen, mut open, mut found) = (HashSet::<StateID>::from([begin]), vec![begin], HashSet::new());
        while let Some(state) = open.pop() {
            found.extend(self.ranges.matches(Some(state)));
            open.extend(self.ranges.next(state).filter(|next| seen.insert(*next)));
        }
        found.into_iter().map(|at| self.patterns[at]).collect()
    }
}

fn prefix(national: &str) -> usize {
    let digits = national.bytes().chain([b'0'; PREFIX_DIGITS]).take(PREFIX_DIGITS);
    digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0'))
}
