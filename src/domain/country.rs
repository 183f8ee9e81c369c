//! Countries.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A country, as an ISO 3166-1 alpha-2 code: two capital letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Country([u8; 2]);

/// The countries with territories that share their calling code and have an ISO 3166-1 code of their own.
const TERRITORIES: [(Country, &[Country]); 5] = [
    (Country(*b"AU"), &[Country(*b"CC"), Country(*b"CX")]),
    (Country(*b"FI"), &[Country(*b"AX")]),
    (Country(*b"GB"), &[Country(*b"GG"), Country(*b"IM"), Country(*b"JE")]),
    (Country(*b"NO"), &[Country(*b"SJ")]),
    (Country(*b"US"), &[Country(*b"AS"), Country(*b"GU"), Country(*b"MP"), Country(*b"PR"), Country(*b"VI")]),
];

impl Country {
    /// The countries that `code` stands for: a country, or a country and its territories if a plus sign follows.
    #[must_use]
    pub fn group(code: &str) -> Option<Vec<Self>> {
        let Some(main) = code.strip_suffix('+') else { return Self::new(code).map(|country| vec![country]) };
        let (country, territories) = TERRITORIES.iter().find(|(country, _)| Self::new(main) == Some(*country))?;
        Some([&[*country], *territories].concat())
    }

    /// The codes that stand for a country and its territories.
    #[must_use]
    pub fn groups() -> String {
        TERRITORIES.map(|(country, _)| format!("{country}+")).join(", ")
    }

    /// Takes `code` if it is two capital letters.
    #[must_use]
    pub fn new(code: &str) -> Option<Self> {
        let letters: [u8; 2] = code.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Self(letters))
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", char::from(self.0[0]), char::from(self.0[1]))
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Self::new(&code).ok_or_else(|| D::Error::custom("a country has two capital letters"))
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
    fn a_code_is_two_capital_letters() {
        assert!(["us", "USA", "U", "", "Ä"].iter().all(|code| Country::new(code).is_none()));
    }

    #[test]
    fn a_plus_sign_adds_the_territories() {
        let group = |code| Country::group(code).map(|group| format!("{group:?}"));
        assert_eq!(group("US+").as_deref(), Some("[US, AS, GU, MP, PR, VI]"));
        assert_eq!(group("GB+").as_deref(), Some("[GB, GG, IM, JE]"));
        assert_eq!(group("DE").as_deref(), Some("[DE]"));
        assert!(["DE+", "+", "US++", "us+", " US+", ""].iter().all(|code| Country::group(code).is_none()));
        assert_eq!(Country::groups(), "AU+, FI+, GB+, NO+, US+");
    }
}
