//! The URLs of webhooks.

use std::net::IpAddr;

use url::{Host, Url};

use super::{Violations, fields::is_printable, optional};

impl Violations {
    /// A URL that Telnyx calls. It can't reach private hosts, so they are refused unless they are `allowed`.
    pub(super) fn webhook(&mut self, field: &str, text: &str, allowed: bool) -> Option<String> {
        // The parser drops tabs and line breaks.
        let is_text = text.len() <= 2000 && text.chars().all(|c| is_printable(c) && !c.is_whitespace());
        let url = Url::parse(text).ok().filter(|url| is_text && matches!(url.scheme(), "http" | "https"));
        let is_public = |url: &Url| url.host().is_some_and(|host| allowed || !is_private(&host));
        optional(text, |text| {
            let must = "must be an http or https URL of at most 2000 characters without spaces";
            self.require(url.is_some(), field, must);
            let url = url?;
            self.require(is_public(&url), field, "must have a public host: Telnyx calls it over the Internet");
            is_public(&url).then(|| text.to_owned())
        })
    }
}

/// Whether nobody outside of a host or its network reaches `host`.
fn is_private(host: &Host<&str>) -> bool {
    let ip = match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            return name == "localhost" || name.ends_with(".localhost");
        }
        Host::Ipv4(ip) => IpAddr::V4(*ip),
        Host::Ipv6(ip) => IpAddr::V6(*ip),
    };
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            // 0.0.0.0/8 is this network, 100.64.0.0/10 is shared behind the NAT of a carrier (RFC 6890).
            let [first, second, ..] = ip.octets();
            let is_shared = first == 0 || first == 100 && second & 0xc0 == 64;
            ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_broadcast()
                || ip.is_multicast()
                || is_shared
        }
        IpAddr::V6(ip) => {
            let is_local = ip.is_unique_local() || ip.is_unicast_link_local();
            ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() || is_local
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_accepted(text: &str, allowed: bool) -> bool {
        let mut violations = Violations::default();
        violations.webhook("webhook_url", text, allowed) == Some(text.to_owned())
            && violations.into_result(Some(())).is_ok()
    }

    #[test]
    fn public_urls_are_accepted() {
        for url in
            ["https://example.com/a?b#c", "http://example.com:8080", "http://8.8.8.8", "https://[2606:4700::1111]/"]
        {
            assert!(is_accepted(url, false), "{url}");
        }
    }

    #[test]
    fn private_hosts_are_accepted_if_they_are_allowed() {
        for url in [
            "http://localhost/",
            "http://LOCALHOST.:80/",
            "http://a.localhost/",
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::]/",
            "http://0.0.0.0/",
            "http://169.254.169.254/latest",
            "http://[fe80::1]/",
            "http://10.0.0.1/",
            "http://192.168.1.1/",
            "http://172.16.0.1/",
            "http://100.64.0.1/",
            "http://[fd00::1]/",
            "http://255.255.255.255/",
            "http://224.0.0.1/",
            "http://[ff02::1]/",
        ] {
            assert!(!is_accepted(url, false) && is_accepted(url, true), "{url}");
        }
    }

    #[test]
    fn all_else_is_refused() {
        let long = format!("https://example.com/{}", "x".repeat(2000));
        for text in [
            "example.com",
            "ftp://example.com",
            "https://",
            "https:/\n/example.com",
            "https://exam\tple.com",
            " https://example.com",
            "https://example.com/ ",
            "https://example.com/\u{202e}",
            "https://example.com/\0",
            "https://example.com/\u{2028}",
            &long,
        ] {
            assert!(!is_accepted(text, true), "{text:?}");
        }
    }
}
