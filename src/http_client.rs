//! The one way to make an HTTP client.

use reqwest::{Certificate, Client, ClientBuilder, redirect, retry};

/// Builds a client that follows no redirect. It trusts the certificates in `ca` (PEM) instead of the system's.
///
/// # Errors
/// `ca` holds something else, or TLS can't be set up.
pub fn build(ca: Option<&[u8]>, configure: impl Fn(ClientBuilder) -> ClientBuilder) -> Result<Client, reqwest::Error> {
    let builder = || configure(Client::builder().redirect(redirect::Policy::none()));
    match ca {
        Some(pem) => builder().tls_certs_only(Certificate::from_pem_bundle(pem)?).build(),
        // On a machine without a certificate store no client can be built, not even for plain HTTP: Mozilla's roots
        // then.
        None => builder().build().or_else(|_| builder().tls_certs_only(mozilla_roots()?).build()),
    }
}

/// Builds a client as [`build`] does that also uses no proxy and repeats no request. The gateway alone decides where a
/// request goes and how often: a redirect could carry a key elsewhere, and a proxy from the environment could read it.
pub fn build_direct(
    ca: Option<&[u8]>,
    configure: impl Fn(ClientBuilder) -> ClientBuilder,
) -> Result<Client, reqwest::Error> {
    build(ca, |builder| configure(builder.retry(retry::never()).no_proxy()))
}

fn mozilla_roots() -> Result<Vec<Certificate>, reqwest::Error> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|root| Certificate::from_der(root)).collect()
}
