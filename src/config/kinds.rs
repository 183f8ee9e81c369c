//! The kinds of settings.

use std::{net::SocketAddr, ops::RangeInclusive, path::PathBuf, time::Duration};

use http::Uri;

use super::{human, section::Section};

impl Section<'_, '_> {
    /// A duration.
    pub(super) fn duration(
        &mut self,
        key: &'static str,
        default: &str,
        range: RangeInclusive<Duration>,
        doc: &'static str,
    ) -> Duration {
        let [from, to] = [range.start(), range.end()].map(|end| human::write_duration(*end));
        let takes = format!("a duration from {from} to {to}");
        self.setting(key, default, takes, doc, |text| human::duration(text).filter(|duration| range.contains(duration)))
    }

    /// A number of bytes.
    pub(super) fn size(
        &mut self,
        key: &'static str,
        default: &str,
        range: RangeInclusive<u64>,
        doc: &'static str,
    ) -> usize {
        let [from, to] = [range.start(), range.end()].map(|end| human::write_size(*end));
        let takes = format!("a size from {from} to {to}");
        let parse = |text: &str| human::size(text).filter(|size| range.contains(size))?.try_into().ok();
        self.setting(key, default, takes, doc, parse)
    }

    /// A whole number.
    pub(super) fn count(
        &mut self,
        key: &'static str,
        default: &str,
        range: RangeInclusive<usize>,
        doc: &'static str,
    ) -> usize {
        let takes = format!("a whole number from {} to {}", range.start(), range.end());
        self.setting(key, default, takes, doc, |text| text.parse().ok().filter(|count| range.contains(count)))
    }

    /// A share of one.
    pub(super) fn ratio(&mut self, key: &'static str, default: &str, doc: &'static str) -> f64 {
        let parse = |text: &str| text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        self.setting(key, default, "a number from 0 to 1", doc, parse)
    }

    /// On or off.
    pub(super) fn switch(&mut self, key: &'static str, default: &str, doc: &'static str) -> bool {
        self.setting(key, default, "true or false", doc, |text| text.parse().ok())
    }

    /// A file that may be none.
    pub(super) fn file(&mut self, key: &'static str, doc: &'static str) -> Option<PathBuf> {
        self.setting(key, "", "a path or empty", doc, |text| Some((!text.is_empty()).then(|| PathBuf::from(text))))
    }

    /// An address to listen on.
    pub(super) fn address(&mut self, key: &'static str, default: &str, doc: &'static str) -> SocketAddr {
        self.setting(key, default, "an IP address with a port", doc, |text| text.parse().ok())
    }
}

/// Takes a URL of scheme `http` or `https` that has neither credentials, query nor fragment; without its last slash.
pub(super) fn url(text: &str) -> Option<String> {
    let uri: Uri = text.parse().ok()?;
    let authority = uri.authority()?.as_str();
    let plain = !text.contains(['?', '#']) && !authority.contains('@') && !authority.starts_with(':');
    let scheme = matches!(uri.scheme_str(), Some("http" | "https"));
    (plain && scheme).then(|| text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn urls_have_no_credentials_query_or_fragment() {
        assert_eq!(url("https://api.telnyx.com/v2/").as_deref(), Some("https://api.telnyx.com/v2"));
        assert_eq!(url("http://[::1]:4010").as_deref(), Some("http://[::1]:4010"));
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
            assert_eq!(url(bad), None, "{bad}");
        }
    }
}
