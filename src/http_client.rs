//! The one way to make an HTTP client.

mod proxies;

pub use self::proxies::{HttpConnectError, Proxies, Proxy, ProxyConnector};

use reqwest::{Certificate, Client, ClientBuilder, redirect, retry};

/// Builds a client that follows no redirect and repeats no request: the gateway alone decides where a request goes and how
/// often. It uses `proxies`, and trusts the certificates in `ca` (PEM) instead of the system's.
///
/// # Errors
/// `ca` holds something else, or TLS can't be set up.
pub fn build(
    ca: Option<&[u8]>,
    proxies: &Proxies,
    configure: impl Fn(ClientBuilder) -> ClientBuilder,
) -> Result<Client, reqwest::Error> {
    let bare =
        || Client::builder().redirect(redirect::Policy::none()).retry(retry::never()).proxy(proxies.of_reqwest());
    let builder = || configure(bare());
    match ca {
        Some(pem) => builder().tls_certs_only(Certificate::from_pem_bundle(pem)?).build(),
        // On a machine without a certificate store no client can be built, not even for plain HTTP: Mozilla's roots
        // then.
        None => builder().build().or_else(|_| builder().tls_certs_only(mozilla_roots()?).build()),
    }
}

fn mozilla_roots() -> Result<Vec<Certificate>, reqwest::Error> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|root| Certificate::from_der(root)).collect()
}
