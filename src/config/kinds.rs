//! The kinds of values that settings take.

use std::{borrow::Cow, fmt::Display, net::SocketAddr, ops::RangeInclusive, path::PathBuf, time::Duration};

use http::Uri;

use super::{human, setting::Kind};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const HOUR: Duration = Duration::from_hours(1);
pub(super) const DAY: Duration = Duration::from_hours(24);

/// A text that `parse` accepts; `takes` describes it.
pub(super) fn text<T>(takes: impl Into<Cow<'static, str>>, parse: impl Fn(&str) -> Option<T> + 'static) -> Kind<T> {
    Kind { takes: takes.into(), parse: Box::new(move |text, _| parse(text)) }
}

/// A value of another kind, or empty for none.
pub(super) fn optional<T: 'static>(kind: Kind<T>) -> Kind<Option<T>> {
    let Kind { takes, parse } = kind;
    let parse = move |text: &str, folder: &_| if text.is_empty() { Some(None) } else { parse(text, folder).map(Some) };
    Kind { takes: format!("{takes}, or empty").into(), parse: Box::new(parse) }
}

/// A duration in a range.
pub(super) fn duration(range: RangeInclusive<Duration>) -> Kind<Duration> {
    in_range("duration", range, human::duration, |duration| human::write_duration(*duration))
}

/// A number of bytes in a range.
pub(super) fn size(range: RangeInclusive<usize>) -> Kind<usize> {
    let parse = |text: &str| human::size(text)?.try_into().ok();
    in_range("size", range, parse, |size| human::write_size(*size as u64))
}

/// A whole number in a range.
pub(super) fn count(range: RangeInclusive<usize>) -> Kind<usize> {
    in_range("whole number", range, |text| text.parse().ok(), ToString::to_string)
}

/// A number from 0 to 1.
pub(super) fn ratio() -> Kind<f64> {
    in_range("number", 0.0..=1.0, |text| text.parse().ok(), ToString::to_string)
}

fn in_range<T: PartialOrd + 'static, W: Display>(
    what: &str,
    range: RangeInclusive<T>,
    parse: impl Fn(&str) -> Option<T> + 'static,
    write: impl Fn(&T) -> W,
) -> Kind<T> {
    let takes = format!("a {what} from {} to {}", write(range.start()), write(range.end()));
    text(takes, move |text| parse(text).filter(|value| range.contains(value)))
}

/// `true` or `false`.
pub(super) fn switch() -> Kind<bool> {
    text("true or false", |text| text.parse().ok())
}

/// One of several words.
pub(super) fn choice<T: Copy>(words: &'static [(&'static str, T)]) -> Kind<T> {
    let names: Vec<_> = words.iter().map(|(name, _)| *name).collect();
    text(format!("one of {}", names.join(", ")), |text| {
        words.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
    })
}

/// A path. A relative one starts at the folder of the configuration file.
pub(super) fn path() -> Kind<PathBuf> {
    let parse = |text: &str, folder: &std::path::Path| (!text.is_empty()).then(|| folder.join(text));
    Kind { takes: "a path".into(), parse: Box::new(parse) }
}

/// An address to listen on.
pub(super) fn address() -> Kind<SocketAddr> {
    text("an IP address with a port", |text| text.parse().ok())
}

/// An HTTP URL.
pub(super) fn http_url() -> Kind<String> {
    text("an http or https URL without credentials, query and fragment", parse_http_url)
}

/// Takes a URL of scheme `http` or `https` without credentials, query and fragment. Removes the slash at its end.
pub(super) fn parse_http_url(text: &str) -> Option<String> {
    let uri: Uri = text.parse().ok()?;
    let authority = uri.authority()?.as_str();
    let plain = !text.contains(['?', '#']) && !authority.contains('@') && !authority.starts_with(':');
    let scheme = matches!(uri.scheme_str(), Some("http" | "https"));
    (plain && scheme).then(|| text.trim_end_matches('/').to_owned())
}

/// The items of a list with commas between them.
pub(super) fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|_| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::parse_http_url;

    #[test]
    fn urls_have_no_credentials_query_or_fragment() {
        assert_eq!(parse_http_url("https://api.telnyx.com/v2/").as_deref(), Some("https://api.telnyx.com/v2"));
        assert_eq!(parse_http_url("http://[::1]:4010").as_deref(), Some("http://[::1]:4010"));
        for bad in [
            "",
            "api.telnyx.com",
            "/v2",
            "ftp://a",
            "http://",
            "http://:80",
            "https://u:p@a",
            "https://a?",
            "https://a#b",
        ] {
            assert_eq!(parse_http_url(bad), None, "{bad}");
        }
    }
}
