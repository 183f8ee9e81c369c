//! Test numbers: phone numbers that belong to nobody, for tests in production.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::PhoneNumber;
use crate::secret::Secret;

/// A number to which no message is sent, and whose code is fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestNumber {
    /// The number.
    pub phone_number: PhoneNumber,
    /// The code.
    pub code: Secret,
    /// From when on it is an ordinary number.
    pub expires: Timestamp,
}

/// The test numbers of a tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestNumbers(BTreeMap<String, TestNumber>);

impl TestNumbers {
    /// No test numbers.
    #[must_use]
    pub const fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// The test number with this phone number, unless it has expired at `now`.
    #[must_use]
    pub fn get(&self, phone_number: &PhoneNumber, now: Timestamp) -> Option<&TestNumber> {
        self.0.get(phone_number.as_e164()).filter(|number| now < number.expires)
    }

    /// The test numbers that have not expired at `now`.
    pub fn live(&self, now: Timestamp) -> impl Iterator<Item = &TestNumber> {
        self.iter().filter(move |number| now < number.expires)
    }

    /// All test numbers, also expired ones.
    pub fn iter(&self) -> impl Iterator<Item = &TestNumber> {
        self.0.values()
    }
}

impl FromIterator<TestNumber> for TestNumbers {
    fn from_iter<I: IntoIterator<Item = TestNumber>>(numbers: I) -> Self {
        Self(numbers.into_iter().map(|number| (number.phone_number.as_e164().to_owned(), number)).collect())
    }
}
