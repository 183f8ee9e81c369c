//! Which requests leave through a proxy: one rule for the upstream, for issuers and for the collector.

use std::{
    error::Error as StdError,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{Uri, uri::Scheme};
use hyper_util::{
    client::{
        legacy::connect::{HttpConnector, proxy::Tunnel},
        proxy::matcher::Matcher,
    },
    rt::TokioIo,
};
use tokio::net::TcpStream;
use tower::{Service, ServiceExt};

/// Any error of a connection.
pub type HttpConnectError = Box<dyn StdError + Send + Sync>;

/// Hosts that are reached directly whatever the rules say: a proxy can't reach this machine by these names.
const THIS_MACHINE: &str = "localhost,127.0.0.0/8,::1";

/// The URL of an HTTP proxy. It may hold credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy(String);

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Proxy {
    /// The URLs in words.
    pub const TAKES: &str = "an http URL without a path, such as http://proxy:3128 or http://user:password@proxy:3128";

    /// Takes the URL of a proxy. The scheme may be missing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let uri: Uri = text.parse().ok()?;
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        let is_bare = uri.path() == "/" && uri.query().is_none() && uri.scheme() == Some(&Scheme::HTTP);
        (has_host && is_bare).then_some(Self(text))
    }
}

/// Which requests leave through which proxy. The default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// The proxy of requests to `https` URLs.
    pub https: Option<Proxy>,
    /// The proxy of requests to `http` URLs.
    pub http: Option<Proxy>,
    /// Hosts, domains and networks that are reached directly, with commas between them.
    pub direct: String,
}

impl Proxies {
    /// The same proxy for all requests.
    #[must_use]
    pub fn all(proxy: &Proxy) -> Self {
        Self { https: Some(proxy.clone()), http: Some(proxy.clone()), direct: String::new() }
    }

    fn matcher(&self) -> Matcher {
        let url = |proxy: &Option<Proxy>| proxy.as_ref().map(|proxy| proxy.0.clone()).unwrap_or_default();
        let direct = format!("{THIS_MACHINE},{}", self.direct);
        Matcher::builder().https(url(&self.https)).http(url(&self.http)).no(direct).build()
    }

    /// The same rule for a client of reqwest.
    pub(super) fn of_reqwest(&self) -> reqwest::Proxy {
        let (rules, matcher) = (self.clone(), self.matcher());
        reqwest::Proxy::custom(move |url| {
            let uri: Uri = url.as_str().parse().ok()?;
            matcher.intercept(&uri)?;
            let proxy = if uri.scheme() == Some(&Scheme::HTTPS) { &rules.https } else { &rules.http };
            proxy.as_ref().map(|proxy| proxy.0.clone())
        })
    }
}

/// Connects to the host of a URI, or lets a proxy connect to it (CONNECT), which sees nothing of what TLS protects.
#[derive(Clone)]
pub struct ProxyConnector {
    tcp: HttpConnector,
    rules: Arc<Matcher>,
}

impl ProxyConnector {
    /// Connects by `tcp`, as the rules say.
    pub fn new(tcp: HttpConnector, rules: &Proxies) -> Self {
        Self { tcp, rules: Arc::new(rules.matcher()) }
    }
}

impl Service<Uri> for ProxyConnector {
    type Response = TokioIo<TcpStream>;
    type Error = HttpConnectError;
    type Future = BoxFuture<'static, Result<Self::Response, HttpConnectError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), HttpConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let tcp = self.tcp.clone();
        let Some(proxy) = self.rules.intercept(&uri) else {
            return Box::pin(async move { Ok(tcp.oneshot(uri).await?) });
        };
        let tunnel = Tunnel::new(proxy.uri().clone(), tcp);
        let tunnel = match proxy.basic_auth() {
            Some(credentials) => tunnel.with_auth(credentials.clone()),
            None => tunnel,
        };
        Box::pin(
            async move { tunnel.oneshot(with_port(uri)).await.map_err(|error| format!("the proxy: {error}").into()) },
        )
    }
}

/// `uri` with its port: a tunnel takes 443 for one that is missing.
fn with_port(uri: Uri) -> Uri {
    match (uri.host(), uri.port()) {
        (Some(host), None) if uri.scheme() == Some(&Scheme::HTTP) => {
            Uri::builder().scheme("http").authority(format!("{host}:80")).path_and_query("/").build().unwrap_or(uri)
        }
        _ => uri,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_has_an_http_url() {
        for good in ["http://proxy:3128", "proxy:3128", "http://user:password@proxy/", "http://[::1]:1"] {
            assert!(Proxy::parse(good).is_some(), "{good}");
        }
        for bad in ["", "https://proxy", "socks5://proxy:1", "http://proxy/path", "http://proxy?a", "http://"] {
            assert!(Proxy::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(format!("{:?}", Proxy::parse("u:sesame@proxy")), "Some([redacted])");
    }

    #[test]
    fn this_machine_and_what_is_named_are_reached_directly() {
        let proxy = Proxy::parse("proxy:3128").unwrap();
        let rules = Proxies { direct: "collector.internal,10.0.0.0/8".into(), ..Proxies::all(&proxy) }.matcher();
        let is_direct = |uri: &'static str| rules.intercept(&Uri::from_static(uri)).is_none();
        for direct in [
            "http://localhost:1",
            "http://127.0.0.1",
            "https://[::1]/",
            "http://a.collector.internal:4317",
            "http://10.1.2.3",
        ] {
            assert!(is_direct(direct), "{direct}");
        }
        for other in ["https://api.telnyx.com/v2", "http://11.0.0.1", "http://notlocalhost"] {
            assert!(!is_direct(other), "{other}");
        }
    }
}
