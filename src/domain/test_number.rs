//! Numbers that belong to nobody, for tests in production.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::PhoneNumber;
use crate::secret::Secret;

/// A number that no message goes to, and whose code is always the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestNumber {
    /// The number.
    pub phone_number: PhoneNumber,
    /// The code.
    pub code: Secret,
    /// When it becomes a number like any other.
    pub expires: Timestamp,
}

/// The test numbers of a tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestNumbers(BTreeMap<String, TestNumber>);

impl TestNumbers {
    /// No number.
    #[must_use]
    pub const fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// The test number that `phone_number` is at `now`.
    #[must_use]
    pub fn get(&self, phone_number: &PhoneNumber, now: Timestamp) -> Option<&TestNumber> {
        self.0.get(phone_number.as_e164()).filter(|number| now < number.expires)
    }

    /// All of them that are some at `now`.
    pub fn live(&self, now: Timestamp) -> impl Iterator<Item = &TestNumber> {
        self.iter().filter(move |number| now < number.expires)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &TestNumber> {
        self.0.values()
    }
}

impl FromIterator<TestNumber> for TestNumbers {
    fn from_iter<I: IntoIterator<Item = TestNumber>>(numbers: I) -> Self {
        Self(numbers.into_iter().map(|number| (number.phone_number.as_e164().to_owned(), number)).collect())
    }
}
