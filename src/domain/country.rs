//! Countries.

use std::fmt;

use rlibphonenumber::PHONE_NUMBER_UTIL;

/// A country, as an ISO 3166-1 alpha-2 code: two capital letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// Takes `code` if it is two capital letters.
    #[must_use]
    pub fn new(code: &str) -> Option<Self> {
        let letters: [u8; 2] = code.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Self(letters))
    }

    /// Whether phone numbers of this country are known; there are none of `UK`, for one, whose code is `GB`.
    #[must_use]
    pub fn has_numbers(self) -> bool {
        // The library numbers its regions by the two letters of their codes.
        PHONE_NUMBER_UTIL.get_supported_regions().any(|region| (region as u16).to_be_bytes() == self.0)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", char::from(self.0[0]), char::from(self.0[1]))
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_countries_with_phone_numbers_are_accepted() {
        assert!(["US", "CA", "GB", "DE", "NO"].iter().all(|code| Country::new(code).unwrap().has_numbers()));
        assert!(!["UK", "EU", "ZZ", "XX"].iter().any(|code| Country::new(code).unwrap().has_numbers()));
        assert!(["us", "USA", "U", "", "Ä"].iter().all(|code| Country::new(code).is_none()));
    }
}
