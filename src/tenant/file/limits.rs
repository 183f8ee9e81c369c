//! The limits of a tenant.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use crate::{
    config::{
        human,
        kinds::{Kind, SECOND, count, duration, text},
        section::Section,
    },
    domain::{CountryLimits, DAY, Limit, LimitMode, LimitRate, LimitWindow, Limits},
};

/// Bounds of limits whose events are stored one by one.
const FEW: RangeInclusive<u32> = 1..=100;
/// Bounds of limits that only count.
const MANY: RangeInclusive<u32> = 1..=1_000_000_000;
/// The lengths of windows.
const TIMES: RangeInclusive<Duration> = SECOND..=Duration::from_hours(24 * 31);

/// Reads `limits`. What is left out has its default.
pub(super) fn read(section: &mut Section<'_, '_>) -> Limits {
    let default = Limits::default();
    let max = |range| move |section: &mut Section<'_, '_>| value(section, "max", &count(range));
    let max_per_day = |range| {
        move |section: &mut Section<'_, '_>| {
            let max = value(section, "max", &count(range))?;
            Some(LimitWindow { max, per: DAY })
        }
    };
    Limits {
        requests_per_second: limit(section, "requests_per_second", None, |section| {
            let (max, burst) = (value(section, "max", &count(MANY)), value(section, "burst", &count(MANY)));
            max.map(|max| LimitRate { max, burst: burst.unwrap_or(max) })
        }),
        concurrent_calls: limit(section, "concurrent_calls", None, max(MANY)),
        sends_per_phone_number: limit(section, "sends_per_phone_number", default.sends_per_phone_number, windows),
        sends_per_country: limit(section, "sends_per_country", None, countries),
        sends_per_day: limit(section, "sends_per_day", None, max_per_day(MANY)),
        send_cool_down: limit(section, "send_cool_down", None, |section| value(section, "wait", &duration(TIMES))),
        checks_per_verification: limit(section, "checks_per_verification", default.checks_per_verification, max(FEW)),
        guesses_per_phone_number: limit(
            section,
            "guesses_per_phone_number",
            default.guesses_per_phone_number,
            max_per_day(FEW),
        ),
    }
}

/// Reads one limit: its mode, and its bound by `read`. Without a bound it has that of its default, if it has one.
fn limit<T: Clone>(
    section: &mut Section<'_, '_>,
    key: &'static str,
    default: Option<Limit<T>>,
    read: impl FnOnce(&mut Section<'_, '_>) -> Option<T>,
) -> Option<Limit<T>> {
    let given = section.has(key);
    let written = section.map(key, |section| {
        let before = section.reader.errors.len();
        let mode = value(section, "mode", &mode());
        let at = read(section).or_else(|| default.clone().map(|default| default.at));
        let mode = mode.unwrap_or(Some(LimitMode::Enforce))?;
        if at.is_none() && before == section.reader.errors.len() {
            section.error(section.location(), "", "needs a bound");
        }
        Some(Limit { mode, at: at? })
    });
    if given { written.flatten() } else { default }
}

fn value<T>(section: &mut Section<'_, '_>, key: &'static str, kind: &Kind<'_, T>) -> Option<T> {
    section.value(key, kind).map(|value| value.value)
}

fn countries(section: &mut Section<'_, '_>) -> Option<CountryLimits> {
    let default = value(section, "default", &window(MANY));
    let (mut listed, mut grouped) = (BTreeMap::new(), BTreeMap::new());
    for (name, text) in section.text_by_name("countries") {
        let countries = section.parse("countries", name, &super::countries());
        let window = section.parse("countries", text, &window(MANY));
        if let (Some(countries), Some(window)) = (countries, window) {
            // A country that is listed itself has its own bound, not that of its group.
            let bounds = if countries.value.len() == 1 { &mut listed } else { &mut grouped };
            bounds.extend(countries.value.iter().map(|country| (country.to_string(), window.value)));
        }
    }
    grouped.extend(listed);
    (default.is_some() || !grouped.is_empty()).then_some(CountryLimits { default, listed: grouped })
}

fn windows(section: &mut Section<'_, '_>) -> Option<Vec<LimitWindow>> {
    let windows: Vec<_> = section.values("max", &window(FEW)).into_iter().map(|window| window.value).collect();
    (!windows.is_empty()).then_some(windows)
}

/// The mode of a limit. None for `off`.
fn mode() -> Kind<'static, Option<LimitMode>> {
    text("one of enforce, observe, off", |text| match text {
        "enforce" => Some(Some(LimitMode::Enforce)),
        "observe" => Some(Some(LimitMode::Observe)),
        "off" => Some(None),
        _ => None,
    })
}

/// A window, such as `3 in 10m`.
fn window(range: RangeInclusive<u32>) -> Kind<'static, LimitWindow> {
    let [from, to] = [TIMES.start(), TIMES.end()].map(|time| human::write_duration(*time));
    let takes = format!(
        "a number from {} to {} and a duration from {from} to {to}, such as 3 in 10m",
        range.start(),
        range.end()
    );
    text(takes, move |text| {
        let (max, per) = text.split_once(" in ")?;
        let digits = max.trim().bytes().all(|byte| byte.is_ascii_digit());
        let max = max.trim().parse().ok().filter(|max| digits && range.contains(max))?;
        // Windows are counted in milliseconds.
        let is_whole = |per: &Duration| per.subsec_nanos().is_multiple_of(1_000_000);
        let per = human::duration(per).filter(|per| TIMES.contains(per) && is_whole(per))?;
        Some(LimitWindow { max, per })
    })
}
