//! The limits of a tenant, as the file has them.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use crate::{
    config::{
        human,
        section::{Section, Spanned},
    },
    domain::{Country, CountryLimits, DAY, Limit, LimitMode, LimitRate, LimitWindow, Limits},
};

/// Few enough to remember each single one: what is counted by number.
const FEW: RangeInclusive<u32> = 1..=100;
/// More than anybody counts.
const MANY: RangeInclusive<u32> = 1..=1_000_000_000;
/// The times that are counted in.
const TIMES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24 * 31);

/// Reads `limits`; what is left out has its default.
pub(super) fn read(section: &mut Section<'_, '_>) -> Limits {
    let default = Limits::default();
    Limits {
        requests_per_second: limit(section, "requests_per_second", None, |section| {
            let max = number(section, "max", &MANY);
            let burst = number(section, "burst", &MANY);
            max.map(|max| LimitRate { max, burst: burst.unwrap_or(max) })
        }),
        concurrent_calls: limit(section, "concurrent_calls", None, |section| number(section, "max", &MANY)),
        sends_per_phone_number: limit(section, "sends_per_phone_number", default.sends_per_phone_number, |section| {
            windows(section, &FEW)
        }),
        sends_per_country: limit(section, "sends_per_country", None, countries),
        sends_per_day: limit(section, "sends_per_day", None, |section| {
            number(section, "max", &MANY).map(|max| LimitWindow { max, per: DAY })
        }),
        send_cool_down: limit(section, "send_cool_down", None, |section| {
            parsed(section, "wait", &times(), |text| human::duration(text).filter(|wait| TIMES.contains(wait)))
        }),
        checks_per_verification: limit(
            section,
            "checks_per_verification",
            default.checks_per_verification,
            |section| number(section, "max", &FEW),
        ),
        guesses_per_phone_number: limit(
            section,
            "guesses_per_phone_number",
            default.guesses_per_phone_number,
            |section| number(section, "max", &FEW).map(|max| LimitWindow { max, per: DAY }),
        ),
    }
}

/// Reads one limit: its mode, and by `read` where it is reached. A limit that says nothing of the latter has its
/// default there, if it has one.
fn limit<T: Clone>(
    section: &mut Section<'_, '_>,
    key: &'static str,
    default: Option<Limit<T>>,
    read: impl FnOnce(&mut Section<'_, '_>) -> Option<T>,
) -> Option<Limit<T>> {
    let given = section.has(key);
    let written = section.map(key, |section| {
        let before = section.reader.errors.len();
        let mode = parsed(section, "mode", "one of enforce, observe, off", |text| match text {
            "enforce" => Some(Some(LimitMode::Enforce)),
            "observe" => Some(Some(LimitMode::Observe)),
            "off" => Some(None),
            _ => None,
        });
        let at = read(section).or_else(|| default.clone().map(|default| default.at));
        let mode = mode.unwrap_or(Some(LimitMode::Enforce))?;
        if at.is_none() && before == section.reader.errors.len() {
            section.error(section.location(), "", "says nowhere how much is allowed");
        }
        Some(Limit { mode, at: at? })
    });
    if given { written.flatten() } else { default }
}

fn countries(section: &mut Section<'_, '_>) -> Option<CountryLimits> {
    let must = must(&MANY);
    let default = parsed(section, "default", &must, |text| window(text, &MANY));
    let mut listed = BTreeMap::new();
    for (country, Spanned { text, location }) in section.text_by_name("countries") {
        let known = Country::new(&country.text).filter(|country| country.has_numbers());
        match (known, window(&text, &MANY)) {
            (Some(known), Some(window)) => _ = listed.insert(known.to_string(), window),
            (None, _) => {
                let what = "the keys must be countries' ISO 3166-1 codes of two capital letters";
                section.error(country.location, "countries", what);
            }
            (_, None) => section.error(location, "countries", format!("must be {must}")),
        }
    }
    (default.is_some() || !listed.is_empty()).then_some(CountryLimits { default, listed })
}

fn windows(section: &mut Section<'_, '_>, range: &RangeInclusive<u32>) -> Option<Vec<LimitWindow>> {
    let mut windows = Vec::new();
    for Spanned { text, location } in section.texts("max") {
        match window(&text, range) {
            Some(window) => windows.push(window),
            None => section.error(location, "max", format!("must be a list, each of which is {}", must(range))),
        }
    }
    (!windows.is_empty()).then_some(windows)
}

/// Reads a window as people write it: `3 in 10m`.
fn window(text: &str, range: &RangeInclusive<u32>) -> Option<LimitWindow> {
    let (max, per) = text.split_once(" in ")?;
    let max = whole(max.trim(), range)?;
    let per = human::duration(per).filter(|per| TIMES.contains(per))?;
    // It is counted by the millisecond.
    (per.subsec_nanos() % 1_000_000 == 0).then_some(LimitWindow { max, per })
}

fn must(range: &RangeInclusive<u32>) -> String {
    format!("a number from {} to {} and {}, such as 3 in 10m", range.start(), range.end(), times())
}

fn times() -> String {
    format!("a duration from {} to {}", human::write_duration(*TIMES.start()), human::write_duration(*TIMES.end()))
}

fn number(section: &mut Section<'_, '_>, key: &'static str, range: &RangeInclusive<u32>) -> Option<u32> {
    let must = format!("a whole number from {} to {}", range.start(), range.end());
    parsed(section, key, &must, |text| whole(text, range))
}

fn whole(text: &str, range: &RangeInclusive<u32>) -> Option<u32> {
    // Rust's own reader takes a plus sign too.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && range.contains(number))
}

fn parsed<T>(
    section: &mut Section<'_, '_>,
    key: &'static str,
    must: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    let Spanned { text, location } = section.text(key)?;
    let parsed = parse(&text);
    if parsed.is_none() {
        section.error(location, key, format!("must be {must}"));
    }
    parsed
}
