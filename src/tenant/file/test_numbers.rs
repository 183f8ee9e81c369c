//! The test numbers of a tenant, as the file has them.

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    config::{
        Location,
        section::{Section, Spanned},
    },
    domain::{PhoneNumber, TestNumber, TestNumbers},
    secret::Secret,
};

/// Reads `test_numbers`. A date that is over at `now` is an error: whoever wrote it believes in a test number that is
/// none.
pub(super) fn read(section: &mut Section<'_, '_>, now: Timestamp) -> TestNumbers {
    let mut seen = HashMap::new();
    let numbers = section.maps("test_numbers", |section| {
        for key in ["phone_number", "code", "expires"] {
            section.demand(key);
        }
        let phone_number = section.text("phone_number").and_then(|written| phone_number(section, written, &mut seen));
        let code = section.text("code").and_then(|written| code(section, written));
        let expires = section.text("expires").and_then(|written| expires(section, &written, now));
        Some(TestNumber { phone_number: phone_number?, code: code?, expires: expires? })
    });
    numbers.into_iter().flatten().collect()
}

fn phone_number(
    section: &mut Section<'_, '_>,
    Spanned { text, location }: Spanned,
    seen: &mut HashMap<String, Location>,
) -> Option<PhoneNumber> {
    let Some(number) = PhoneNumber::parse(&text) else {
        section.error(location, "phone_number", "must be a phone number in E.164, such as +13035550100");
        return None;
    };
    if let Some(first) = seen.get(&text) {
        section.error(location, "phone_number", format!("given twice, first at {first}"));
        return None;
    }
    seen.insert(text, location);
    Some(number)
}

/// A code by the rules of the contract's `CheckVerificationRequest.code`: no other could be checked.
fn code(section: &mut Section<'_, '_>, Spanned { text, location }: Spanned) -> Option<Secret> {
    let is_code = (4..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_code {
        section.error(location, "code", "must be 4 to 10 digits");
        return None;
    }
    Some(Secret::new(text))
}

/// The first moment of the day, by UTC.
fn expires(section: &mut Section<'_, '_>, Spanned { text, location }: &Spanned, now: Timestamp) -> Option<Timestamp> {
    let date = text.parse::<Date>().ok().filter(|date| date.to_string() == *text);
    let Some(expires) = date.and_then(|date| TimeZone::UTC.to_timestamp(date.into()).ok()) else {
        section.error(location.clone(), "expires", "must be a date, such as 2027-01-31");
        return None;
    };
    if expires <= now {
        section.error(location.clone(), "expires", "is over: the number is a number like any other");
        return None;
    }
    Some(expires)
}
