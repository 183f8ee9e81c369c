use std::{env, fs, path::Path};

use super::*;

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/phone").join(name)).unwrap()
}

fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect())
}

fn or_dash(text: Option<impl ToString>) -> String {
    text.map_or_else(|| "-".to_owned(), |text| text.to_string())
}

/// What `PhoneNumber` says of `text`, in the terms of `tests/phone/judge.py`.
fn judged(text: &str) -> Vec<String> {
    let Ok(number) = PhoneNumber::parse(text) else { return ["refuse", "-", "-"].map(str::to_owned).into() };
    let is_assigned = !number.country_is_assumed();
    let is_known = number.number_type() != NumberType::Unknown && (is_assigned || number.country().is_none());
    let number_type = is_known.then(|| number.number_type());
    vec!["accept".to_owned(), or_dash(number.country().filter(|_| is_assigned)), or_dash(number_type)]
}

fn differences(text: &str) -> Vec<String> {
    let wrong = rows(text).filter(|row| judged(row[0]) != row[1..]);
    wrong.map(|row| format!("{row:?}: {:?}", judged(row[0]))).collect()
}

#[test]
fn the_library_judges_its_examples_alike() {
    let text = file("numbers.tsv");
    assert!(rows(&text).count() > 2000);
    assert_eq!(differences(&text), Vec::<String>::new());
}

/// `PHONE_JUDGEMENTS` names a file that `tests/phone/run` makes.
#[test]
fn the_library_judges_random_numbers_alike() {
    let Some(file) = env::var_os("PHONE_JUDGEMENTS") else {
        println!("skipped: tests/phone/run compares random numbers");
        return;
    };
    let text = fs::read_to_string(file).unwrap();
    println!("{} numbers judged", rows(&text).count());
    assert_eq!(differences(&text), Vec::<String>::new());
}

#[test]
fn numbers_with_a_history_are_known() {
    for row in rows(&file("known.tsv")) {
        let (text, expected) = (row[0], &row[1..6]);
        let ours = match PhoneNumber::parse(text) {
            Err(PhoneNumberError::Format) => ["format", "-", "-", "-", "-"].map(str::to_owned),
            Err(PhoneNumberError::CallingCode) => ["calling_code", "-", "-", "-", "-"].map(str::to_owned),
            Err(PhoneNumberError::Length) => ["length", "-", "-", "-", "-"].map(str::to_owned),
            Err(PhoneNumberError::NationalPrefix) => ["national_prefix", "-", "-", "-", "-"].map(str::to_owned),
            Ok(number) => [
                "accept".to_owned(),
                or_dash(number.country()),
                or_dash(number.country_is_assumed().then_some("assumed")),
                number.number_type().to_string(),
                or_dash((number.identity() != text).then(|| number.identity())),
            ],
        };
        assert_eq!(ours, expected, "{text}");
    }
}

#[test]
fn all_else_is_refused() {
    let bad = [
        "",
        "+",
        "13035551234",
        "+1 303 555 1234",
        "+1-303-555-1234",
        "+03035551234",
        "+1303555CALL",
        "tel:+13035551234",
        "+13035551234;ext=1",
        "+١٣٠٣٥٥٥١٢٣٤",
        "+1303555123４",
    ];
    for text in bad {
        assert_eq!(PhoneNumber::parse(text).err(), Some(PhoneNumberError::Format), "{text}");
    }
}

#[test]
fn a_log_shows_calling_code_and_two_digits() {
    let number = PhoneNumber::parse("+442071838750").unwrap();
    assert_eq!(format!("{number} {number:?}"), "+44…50 +44…50");
}

#[test]
fn countries_with_phone_numbers_are_known() {
    let has = |code: &str| has_phone_numbers(Country::new(code).unwrap());
    assert!(["US", "CA", "GB", "DE", "NO"].into_iter().all(has));
    assert!(!["UK", "EU", "ZZ", "XX"].into_iter().any(has));
}

#[test]
fn territories_share_the_calling_code_of_their_country() {
    let codes_of = |country: Country| {
        (1..1000).filter(move |code| metadata::lines(*code).any(|line| Country::new(line.region) == Some(country)))
    };
    for group in Country::groups().split(", ") {
        let group = Country::group(group).unwrap();
        for country in &group {
            assert!(codes_of(*country).eq(codes_of(group[0])), "{country}");
        }
    }
}
