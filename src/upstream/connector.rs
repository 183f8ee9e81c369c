//! Connections to the upstream.
//!
//! The client is the one below reqwest. Its other layers (redirects, proxies, cookies, decompression) have nothing to do
//! here, and cost as much as all else of an attempt. So there is no redirect that could carry a key elsewhere, and a proxy
//! only ever connects: it does not see what TLS protects.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::Uri;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::{net::TcpStream, time::timeout};
use tower::Service;

use crate::{
    config,
    files::{self, MAX_PEM},
    http_client::{HttpConnectError, ProxyConnector},
};

/// The HTTP client. Clones share its connections.
pub(super) type HttpClient = Client<Connector, Full<Bytes>>;

/// How long a connection without traffic, or with a request that is not acknowledged, is trusted to be alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const KEEP_ALIVE_RETRIES: u32 = 3;
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Makes the client. It trusts the certificates of `upstream.ca_file` instead of the system's.
pub(super) fn client(config: &config::UpstreamConfig) -> Result<HttpClient, HttpConnectError> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(config.connect_timeout));
    http.set_keepalive(Some(KEEP_ALIVE));
    http.set_keepalive_interval(Some(KEEP_ALIVE));
    http.set_keepalive_retries(Some(KEEP_ALIVE_RETRIES));
    http.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    let tcp = ProxyConnector::new(http, &config.proxies);
    let connector = Connector { https: (tcp, tls(config)?).into(), timeout: config.connect_timeout };
    let mut builder = Client::builder(TokioExecutor::new());
    builder.timer(TokioTimer::new()).pool_timer(TokioTimer::new());
    builder.pool_idle_timeout(config.pool_idle_timeout).pool_max_idle_per_host(config.max_idle_connections);
    Ok(builder.build(connector))
}

fn tls(config: &config::UpstreamConfig) -> Result<ClientConfig, HttpConnectError> {
    let builder = || {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
    };
    let only = |roots: RootCertStore| Ok::<_, rustls::Error>(builder()?.with_root_certificates(roots));
    let verified = match &config.ca_file {
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(&files::read(path, MAX_PEM)?) {
                roots.add(certificate?)?;
            }
            only(roots)?
        }
        // On a machine without a certificate store no client can be built, not even for plain HTTP: Mozilla's roots
        // then.
        None => builder()?.with_platform_verifier().or_else(|_| {
            let mut roots = RootCertStore::empty();
            webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().try_for_each(|root| roots.add(root.clone()))?;
            only(roots)
        })?,
    };
    let mut tls = verified.with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tls)
}

/// Connects, with one timeout for TCP and TLS together.
#[derive(Clone)]
pub(super) struct Connector {
    https: HttpsConnector<ProxyConnector>,
    timeout: Duration,
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = HttpConnectError;
    type Future = BoxFuture<'static, Result<Self::Response, HttpConnectError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), HttpConnectError>> {
        self.https.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = timeout(self.timeout, self.https.call(uri));
        Box::pin(async move { connecting.await? })
    }
}
