//! The limits and the test numbers of a tenant in words.

use std::fmt::{self, Formatter};

use jiff::tz::TimeZone;

use super::counted;
use crate::{
    config::human::write_duration,
    domain::{CountryLimits, Limit, LimitMode, LimitWindow, Limits, TestNumbers},
};

/// Writes a line for each limit that is not off.
pub(super) fn write_limits(f: &mut Formatter<'_>, limits: &Limits) -> fmt::Result {
    let process = "in each gateway process";
    let lines = [
        line(limits.requests_per_second.as_ref(), |rate| {
            format!("{} calls a second, in bursts of up to {}, {process}", rate.max, rate.burst)
        }),
        line(limits.concurrent_calls.as_ref(), |max| format!("{max} calls at the same time, {process}")),
        line(limits.sends_per_phone_number.as_ref(), |windows| {
            let windows: Vec<String> = windows.iter().map(window).collect();
            format!("{} to a phone number", windows.join(" and "))
        }),
        line(limits.send_cool_down.as_ref(), |wait| {
            format!("one send to a phone number every {}", write_duration(*wait))
        }),
        line(limits.sends_per_country.as_ref(), countries),
        line(limits.sends_per_day.as_ref(), |all| format!("{} to all numbers together", window(all))),
        line(limits.checks_per_verification.as_ref(), |max| format!("{max} checks of a verification")),
        line(limits.guesses_per_phone_number.as_ref(), |guesses| {
            let per = write_duration(guesses.per);
            format!("{} wrong codes for a phone number in {per}, for all its verifications together", guesses.max)
        }),
    ];
    let mut lines = lines.into_iter().flatten().peekable();
    if lines.peek().is_none() {
        return writeln!(f, "    has no limits");
    }
    writeln!(f, "    is limited to")?;
    lines.try_for_each(|line| writeln!(f, "      {line}"))
}

/// Writes a line for each test number.
pub(super) fn write_test_numbers(f: &mut Formatter<'_>, numbers: &TestNumbers) -> fmt::Result {
    numbers.iter().try_for_each(|number| {
        let expires = TimeZone::UTC.to_datetime(number.expires).date();
        let phone_number = &number.phone_number;
        writeln!(f, "    sends nothing to the test number {phone_number}, until {expires}")?;
        let Some(country) = phone_number.country().filter(|_| phone_number.country_is_assumed()) else { return Ok(()) };
        writeln!(f, "    warning: no assigned range holds {phone_number}, so its country is assumed: {country}")
    })
}

fn line<T>(limit: Option<&Limit<T>>, allows: impl FnOnce(&T) -> String) -> Option<String> {
    let limit = limit?;
    let mode = match limit.mode {
        LimitMode::Enforce => "",
        LimitMode::Observe => " (observed only: more is counted, not refused)",
    };
    Some(format!("{}{mode}", allows(&limit.at)))
}

fn countries(countries: &CountryLimits) -> String {
    let listed = countries.listed.iter().map(|(country, of)| format!("{} to {country}", window(of)));
    let default = countries.default.iter().map(|of| format!("{} to each other country", window(of)));
    listed.chain(default).collect::<Vec<_>>().join(", ")
}

fn window(window: &LimitWindow) -> String {
    format!("{} in {}", counted(window.max as usize, "send"), write_duration(window.per))
}
