//! The kinds of values in configuration files.

use std::{
    borrow::Cow,
    fmt::Display,
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use clap::ValueEnum;
use http::Uri;

use super::human;

/// A kind of values.
pub(crate) struct Kind<'k, T> {
    /// The values in words, as they follow "must be".
    pub(super) takes: Cow<'static, str>,
    parse: Parse<'k, T>,
}

/// Reads a value. Relative paths start at the folder.
type Parse<'k, T> = Box<dyn Fn(&str, &Path) -> Option<T> + 'k>;

impl<T> Kind<'_, T> {
    /// Reads a value in a file of `folder`. `None` if it is of another kind.
    pub(super) fn parse(&self, text: &str, folder: &Path) -> Option<T> {
        (self.parse)(text, folder)
    }
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const HOUR: Duration = Duration::from_hours(1);
pub(crate) const DAY: Duration = Duration::from_hours(24);

/// A text that `parse` accepts; `takes` describes it.
pub(crate) fn text<'k, T>(takes: impl Into<Cow<'static, str>>, parse: impl Fn(&str) -> Option<T> + 'k) -> Kind<'k, T> {
    Kind { takes: takes.into(), parse: Box::new(move |text, _| parse(text)) }
}

/// A value of another kind, or empty for none.
pub(crate) fn optional<T: 'static>(kind: Kind<'static, T>) -> Kind<'static, Option<T>> {
    let Kind { takes, parse } = kind;
    let parse = move |text: &str, folder: &_| if text.is_empty() { Some(None) } else { parse(text, folder).map(Some) };
    Kind { takes: format!("{takes}, or empty").into(), parse: Box::new(parse) }
}

/// A duration in a range.
pub(crate) fn duration(range: RangeInclusive<Duration>) -> Kind<'static, Duration> {
    in_range("duration", range, human::duration, |duration| human::write_duration(*duration))
}

/// A number of bytes in a range.
pub(crate) fn size(range: RangeInclusive<usize>) -> Kind<'static, usize> {
    let parse = |text: &str| human::size(text)?.try_into().ok();
    in_range("size", range, parse, |size| human::write_size(*size as u64))
}

/// A whole number in a range.
pub(crate) fn count<T>(range: RangeInclusive<T>) -> Kind<'static, T>
where
    T: PartialOrd + FromStr + Display + 'static,
{
    // The standard parser also takes a plus sign.
    let parse = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    in_range("whole number", range, parse, ToString::to_string)
}

/// A number from 0 to 1.
pub(crate) fn ratio() -> Kind<'static, f64> {
    in_range("number", 0.0..=1.0, |text| text.parse().ok(), ToString::to_string)
}

fn in_range<T: PartialOrd + 'static, W: Display>(
    what: &str,
    range: RangeInclusive<T>,
    parse: impl Fn(&str) -> Option<T> + 'static,
    write: impl Fn(&T) -> W,
) -> Kind<'static, T> {
    let takes = format!("a {what} from {} to {}", write(range.start()), write(range.end()));
    text(takes, move |text| parse(text).filter(|value| range.contains(value)))
}

/// `true` or `false`.
pub(crate) fn switch() -> Kind<'static, bool> {
    text("true or false", |text| text.parse().ok())
}

/// A text that is not empty.
pub(crate) fn not_empty() -> Kind<'static, String> {
    text("a text that is not empty", |text| (!text.trim().is_empty()).then(|| text.to_owned()))
}

/// One of the words of `T`.
pub(crate) fn choice<T: ValueEnum + 'static>() -> Kind<'static, T> {
    let words = T::value_variants().iter().filter_map(T::to_possible_value);
    let names: Vec<_> = words.map(|word| word.get_name().to_owned()).collect();
    text(format!("one of {}", names.join(", ")), |text| T::from_str(text, false).ok())
}

/// A path. A relative one starts at the folder of the configuration file.
pub(crate) fn path() -> Kind<'static, PathBuf> {
    let parse = |text: &str, folder: &Path| (!text.is_empty()).then(|| folder.join(text));
    Kind { takes: "a path".into(), parse: Box::new(parse) }
}

/// An address to listen on.
pub(crate) fn address() -> Kind<'static, SocketAddr> {
    text("an IP address with a port", |text| text.parse().ok())
}

/// An HTTP URL.
pub(crate) fn http_url() -> Kind<'static, String> {
    text("an http or https URL without credentials, query and fragment", parse_http_url)
}

/// Takes a URL of scheme `http` or `https` without credentials, query and fragment. Removes the slash at its end.
pub(crate) fn parse_http_url(text: &str) -> Option<String> {
    let uri: Uri = text.parse().ok()?;
    let authority = uri.authority()?.as_str();
    let plain = !text.contains(['?', '#']) && !authority.contains('@') && !authority.starts_with(':');
    let scheme = matches!(uri.scheme_str(), Some("http" | "https"));
    (plain && scheme).then(|| text.trim_end_matches('/').to_owned())
}

/// The items of a list with commas between them.
pub(crate) fn items(text: &str) -> impl Iterator<Item = &str> {
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
