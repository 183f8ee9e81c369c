//! Phone numbers.
//!
//! A number is accepted only in its one E.164 spelling, so that limits, locks and country rules see one phone once.

mod automaton;
mod error;
mod metadata;
mod number_type;
mod plan;

use std::{borrow::Cow, fmt};

use self::plan::{Class, plan};
pub use self::{error::PhoneNumberError, number_type::NumberType};
use super::Country;

/// A phone number in E.164 with a length that is possible in its country.
///
/// `Debug` and `Display` show only the calling code and the last two digits, which a log may contain.
#[derive(Clone)]
pub struct PhoneNumber {
    e164: String,
    calling_code: u16,
    class: Class,
}

/// [`PhoneNumber::identity`] of a number in E.164.
#[must_use]
pub fn phone_identity(e164: &str) -> Cow<'_, str> {
    match e164.split_at_checked(3) {
        Some(("+54", national)) if national.len() == 11 && national.starts_with('9') => {
            Cow::Owned(format!("+54{}", &national[1..]))
        }
        Some(("+57", national)) if national.len() == 8 && national.starts_with('4') => {
            Cow::Owned(format!("+5760{national}"))
        }
        _ => Cow::Borrowed(e164),
    }
}

/// Whether `country` has phone numbers. `UK` has none, for one: the code of the United Kingdom is `GB`.
#[must_use]
pub fn has_phone_numbers(country: Country) -> bool {
    metadata::COUNTRIES.contains(&country)
}

impl PhoneNumber {
    /// Reads `text`, which must be the number's E.164 form.
    ///
    /// Numbering plans grow faster than their published tables, so lengths are checked and not single ranges.
    ///
    /// # Errors
    /// What is wrong with `text`.
    pub fn parse(text: &str) -> Result<Self, PhoneNumberError> {
        let digits = text.strip_prefix('+').ok_or(PhoneNumberError::Format)?;
        let is_e164 = (7..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
        if !is_e164 || digits.starts_with('0') {
            return Err(PhoneNumberError::Format);
        }
        // No calling code is the beginning of another.
        let split = (1..=3).map(|length| digits.split_at(length));
        let mut codes = split.filter_map(|(code, national)| Some((code.parse().ok()?, national)));
        let found = codes.find_map(|(code, national)| Some((code, national, plan(code)?)));
        let (calling_code, national, plan) = found.ok_or(PhoneNumberError::CallingCode)?;
        plan.check(national)?;
        Ok(Self { e164: text.to_owned(), calling_code, class: plan.class(national) })
    }

    /// Reads a number in an answer of Telnyx, which may lack the plus sign (reference: sections 4 and 13.2).
    #[must_use]
    pub fn from_telnyx(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+').unwrap_or(text);
        Self::parse(&format!("+{digits}")).ok()
    }

    /// The number in E.164 (`+13035551234`).
    #[must_use]
    pub fn as_e164(&self) -> &str {
        &self.e164
    }

    /// The one name of the phone behind the number: two numbers of one phone have the same.
    ///
    /// Most phones have one number. Argentina's mobile phones have two, with and without a 9 behind the calling code,
    /// and Medellín's lines with 46 kept their old number beside the new one with 604.
    #[must_use]
    pub fn identity(&self) -> Cow<'_, str> {
        phone_identity(&self.e164)
    }

    /// The country; none for a calling code that belongs to no country, such as that of satellite phones.
    #[must_use]
    pub const fn country(&self) -> Option<Country> {
        self.class.country
    }

    /// Whether no assigned range holds the number, so that its country follows from its first digits alone.
    #[must_use]
    pub const fn country_is_assumed(&self) -> bool {
        self.class.country_assumed
    }

    /// What kind of line it belongs to.
    #[must_use]
    pub const fn number_type(&self) -> NumberType {
        self.class.number_type
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
        write!(f, "+{}…{}", self.calling_code, &self.e164[self.e164.len() - 2..])
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
#[cfg(test)]
mod tests;
