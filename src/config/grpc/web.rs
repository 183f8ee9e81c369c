//! Settings of gRPC-Web.

use http::HeaderValue;
use url::Url;

use crate::config::{
    kinds::{items, switch, text},
    setting::settings,
};

settings! {
    /// Settings of gRPC-Web.
    pub struct WebConfig {
        /// Whether to serve gRPC-Web to web pages, and HTTP/1.1 with it.
        enabled: bool = "false", switch();
        /// The origins of pages that may call, as browsers write them in the `origin` header. Pages of the gateway's
        /// own origin may always call.
        allowed_origins: Vec<HeaderValue> = "",
            text("origins with commas between them, such as https://admin.example, or empty", origins);
    }
}

fn origins(text: &str) -> Option<Vec<HeaderValue>> {
    items(text).map(WebConfig::origin).collect()
}

impl WebConfig {
    /// Takes an origin as browsers write it (RFC 6454 §6.2): scheme, host and port alone, in lower case, and no port
    /// that is the scheme's own.
    pub fn origin(text: &str) -> Option<HeaderValue> {
        let origin = Url::parse(text).ok()?.origin();
        let is_origin = text.starts_with("http") && text == origin.ascii_serialization() && !text.contains('*');
        is_origin.then(|| text.parse().ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_those_that_browsers_write() {
        for right in ["https://admin.example", "http://localhost:8000", "https://[::1]:8443", "http://10.0.0.1"] {
            assert_eq!(WebConfig::origin(right).unwrap(), right);
        }
        for wrong in [
            "",
            "*",
            "null",
            "https://*.example",
            "admin.example",
            "//admin.example",
            "https://admin.example/",
            "https://admin.example/page",
            "https://Admin.example",
            "https://admin.example:443",
            "http://admin.example:80",
            "https://me@admin.example",
            "ftp://admin.example",
            "https://a.example https://b.example",
        ] {
            assert_eq!(WebConfig::origin(wrong), None, "{wrong}");
        }
        assert_eq!(origins(" ").unwrap().len(), 0);
        assert_eq!(origins("https://a.example, https://b.example").unwrap().len(), 2);
        assert_eq!(origins("https://a.example,"), None);
    }
}
