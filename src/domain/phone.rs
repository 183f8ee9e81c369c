//! Phone numbers.

use std::{fmt, sync::OnceLock};

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber as Parsed};

use super::Country;

/// A phone number in E.164 that its country's numbering plan has room for.
///
/// `Debug` and `Display` show the country's calling code and the last two digits only: all that a log may hold.
#[derive(Clone)]
pub struct PhoneNumber {
    e164: String,
    country_code: u16,
    /// Found when it is first asked for, which takes some microseconds.
    country: OnceLock<Option<Country>>,
}

impl PhoneNumber {
    /// Takes `text` if it is a plus sign followed by a calling code and a number of a possible length.
    ///
    /// Numbering plans grow faster than their published tables, so lengths are checked and not single ranges.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        // The library takes other scripts' digits, letters and punctuation too.
        if !(7..=15).contains(&digits.len())
            || digits.starts_with('0')
            || !digits.bytes().all(|digit| digit.is_ascii_digit())
        {
            return None;
        }
        let parsed = Self::read(digits)?;
        let country_code = u16::try_from(parsed.country_code).ok()?;
        PHONE_NUMBER_UTIL.is_possible_number(&parsed).then(|| Self {
            e164: text.to_owned(),
            country_code,
            country: OnceLock::new(),
        })
    }

    /// The number in E.164 (`+13035551234`).
    #[must_use]
    pub fn as_e164(&self) -> &str {
        &self.e164
    }

    /// The country; none for numbers of no country, such as satellite phones.
    #[must_use]
    pub fn country(&self) -> Option<Country> {
        *self.country.get_or_init(|| {
            let region = PHONE_NUMBER_UTIL.get_region_for_number(&Self::read(&self.e164[1..])?)?;
            // The library numbers its regions by the two letters of their codes; what is no country has another number.
            Country::new(str::from_utf8(&(region as u16).to_be_bytes()).ok()?)
        })
    }

    /// The number as the library has it. In E.164 the calling code comes first and no code begins another, so this
    /// needs nothing of the library's reader for free text, which takes ten times as long.
    fn read(digits: &str) -> Option<Parsed> {
        let split = (1..=3).map(|length| digits.split_at(length));
        let mut codes = split.filter_map(|(code, national)| Some((code.parse().ok()?, national)));
        let (country_code, national) =
            codes.find(|(code, _)| PHONE_NUMBER_UTIL.get_region_for_country_code(*code).is_some())?;
        let zeros = national.bytes().take_while(|digit| *digit == b'0').count();
        Some(Parsed {
            country_code,
            national_number: national.parse().ok()?,
            italian_leading_zero: (zeros > 0).then_some(true),
            number_of_leading_zeros: i32::try_from(zeros).ok().filter(|zeros| *zeros > 1),
            ..Parsed::default()
        })
    }
}

impl PartialEq for PhoneNumber {
    fn eq(&self, other: &Self) -> bool {
        self.e164 == other.e164
    }
}

impl Eq for PhoneNumber {}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}…{}", self.country_code, &self.e164[self.e164.len() - 2..])
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_possible_length_are_taken() {
        for good in ["+13035551234", "+442071838750", "+4915112345678", "+2348012345678", "+870773123456"] {
            assert_eq!(PhoneNumber::parse(good).unwrap().as_e164(), good);
        }
    }

    #[test]
    fn all_else_is_refused() {
        let bad = [
            "",
            "+",
            "13035551234",
            "+1303555123",
            "+130355512345",
            "+1 303 555 1234",
            "+1-303-555-1234",
            "+03035551234",
            "+1303555CALL",
            "+999123456789",
            "tel:+13035551234",
            "+13035551234;ext=1",
            "+١٣٠٣٥٥٥١٢٣٤",
            "+1303555123４",
        ];
        for text in bad {
            assert!(PhoneNumber::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_log_shows_calling_code_and_two_digits() {
        let number = PhoneNumber::parse("+442071838750").unwrap();
        assert_eq!(format!("{number} {number:?}"), "+44…50 +44…50");
    }

    #[test]
    fn countries_with_one_calling_code_are_distinguished() {
        let country = |text| PhoneNumber::parse(text).unwrap().country();
        assert_eq!(country("+13035551234"), Country::new("US"));
        assert_eq!(country("+14165551234"), Country::new("CA"));
        assert_eq!(country("+870773123456"), None);
    }
}
