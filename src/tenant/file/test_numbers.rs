//! The test numbers of a tenant.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::Unique;
use crate::{
    config::{kinds::text, section::Section},
    domain::{PhoneNumber, TestNumber, TestNumbers},
    secret::Secret,
};

/// Reads `test_numbers`. A date before `now` is an error: the number is not a test number any more.
pub(super) fn read(section: &mut Section<'_, '_>, now: Timestamp) -> TestNumbers {
    let mut seen = Unique::default();
    // The rules of `CheckVerificationRequest.code` in the contract: no other code could be checked.
    let is_code = |text: &str| (4..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let code = text("4 to 10 digits", |text| is_code(text).then(|| Secret::new(text.to_owned())));
    let is_number = |text: &str| PhoneNumber::parse(text).ok().map(|_| text.to_owned());
    let phone_number = text("a phone number in E.164, such as +13035550100", is_number);
    let expires = text("a date in the future, such as 2027-01-31", |text| start_of(text).filter(|start| *start > now));
    let numbers = section.maps("test_numbers", |section| {
        let number = section.required("phone_number", &phone_number);
        let number = number.and_then(|number| seen.add(section, "phone_number", number));
        let (code, expires) = (section.required("code", &code), section.required("expires", &expires));
        Some(TestNumber {
            phone_number: PhoneNumber::parse(&number?).ok()?,
            code: code?.value,
            expires: expires?.value,
        })
    });
    numbers.into_iter().flatten().collect()
}

/// The first moment of a day in UTC.
fn start_of(text: &str) -> Option<Timestamp> {
    let date = text.parse::<Date>().ok().filter(|date| date.to_string() == *text)?;
    TimeZone::UTC.to_timestamp(date.into()).ok()
}
