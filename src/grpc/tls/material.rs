//! What a handshake needs, checked as a whole.

use std::sync::Arc;

use jiff::Timestamp;
use rustls::{
    Error, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::{CertifiedKey, SingleCertAndKey},
    version::{TLS12, TLS13},
};
use x509_cert::{Certificate, der::Decode};

use super::files::Files;
use crate::{
    config::{self, ClientCertificate, Errors, TlsVersion},
    domain::PeerCertificate,
    files::FileSet,
};

/// What a handshake needs, checked as a whole.
pub struct Material {
    pub(super) server: Arc<ServerConfig>,
    names: Vec<String>,
    expires: Timestamp,
}

impl Material {
    /// Reads the files that `config` names; none where it names none.
    ///
    /// # Errors
    /// Everything that is wrong with them. That a certificate has expired is none of it: a gateway that does not start
    /// would serve nobody either.
    pub fn load(config: &config::GrpcConfig) -> Result<Option<Self>, Errors> {
        Self::read(config, &mut FileSet::default())
    }

    /// Loads as [`Material::load`] does, and adds the files to `files`.
    pub(super) fn read(config: &config::GrpcConfig, files: &mut FileSet) -> Result<Option<Self>, Errors> {
        Files::read(&config.tls, files).map(|files| Self::of(&files, config)).transpose()
    }

    /// The names that the certificate is for.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// When the first certificate of the chain expires.
    #[must_use]
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }

    /// What `files` give.
    fn of(files: &Files, config: &config::GrpcConfig) -> Result<Self, Errors> {
        let mut errors = Errors::default();
        let provider = Arc::new(aws_lc_rs::default_provider());
        // What is none has left its error.
        let chain = files.certificate.certificates(&mut errors);
        let about = chain.as_deref().and_then(|chain| about(chain, files, &mut errors));
        let key = files.key.private_key(&mut errors);
        let pair = chain.zip(key).and_then(|(chain, key)| pair(chain, key, &provider, files, &mut errors));
        let verifier = verifier(&config.tls, &provider, files, &mut errors);
        match (about, pair, verifier) {
            (Some((names, expires)), Some(pair), Some(verifier)) if errors.is_empty() => {
                Ok(Self { server: Arc::new(server(config, provider, pair, verifier)), names, expires })
            }
            _ => Err(errors),
        }
    }
}

/// The names that the certificate is for, and when the first of the chain expires.
fn about(chain: &[CertificateDer<'_>], files: &Files, errors: &mut Errors) -> Option<(Vec<String>, Timestamp)> {
    let names = PeerCertificate::read(&chain[0]).map(|names| names.dns_names);
    let expires: Option<Vec<_>> = chain.iter().map(expiry).collect();
    let about = names.zip(expires.and_then(|expires| expires.into_iter().min()));
    if about.is_none() {
        files.certificate.is("holds a certificate that can't be read", errors);
    }
    about
}

/// When `certificate` expires.
fn expiry(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let since_1970 = certificate.tbs_certificate().validity().not_after.to_unix_duration();
    Timestamp::from_second(since_1970.as_secs().try_into().ok()?).ok()
}

/// The certificate with its key.
fn pair(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
    files: &Files,
    errors: &mut Errors,
) -> Option<CertifiedKey> {
    let what = match CertifiedKey::from_der(chain, key, provider) {
        Ok(pair) => return Some(pair),
        Err(Error::InconsistentKeys(_)) => "is not the key of the certificate in grpc.tls.certificate_file",
        Err(_) => "holds a key that can't be used; RSA, ECDSA and Ed25519 can",
    };
    files.key.is(what, errors);
    None
}

/// What clients' certificates have to stand.
fn verifier(
    config: &config::TlsConfig,
    provider: &Arc<CryptoProvider>,
    files: &Files,
    errors: &mut Errors,
) -> Option<Arc<dyn ClientCertVerifier>> {
    let Some(file) = &files.client_ca else { return Some(WebPkiClientVerifier::no_client_auth()) };
    let authorities = file.authorities(errors)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(authorities.into(), Arc::clone(provider));
    let verifier = match config.client_certificate {
        ClientCertificate::Required => verifier,
        ClientCertificate::Optional | ClientCertificate::None => verifier.allow_unauthenticated(),
    };
    verifier.build().inspect_err(|_| file.is("holds no certificate that can be used", errors)).ok()
}

fn server(
    config: &config::GrpcConfig,
    provider: Arc<CryptoProvider>,
    pair: CertifiedKey,
    verifier: Arc<dyn ClientCertVerifier>,
) -> ServerConfig {
    let versions: &[_] = match config.tls.min_version {
        TlsVersion::V1_2 => &[&TLS12, &TLS13],
        TlsVersion::V1_3 => &[&TLS13],
    };
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("the provider has cipher suites for both versions")
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
    // HTTP/2 and HTTP/1.1, as handshakes call them (RFC 7301 §6).
    let protocols: &[&[u8]] = if config.web.enabled { &[b"h2", b"http/1.1"] } else { &[b"h2"] };
    server.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    // Sessions are kept by this very configuration: one that began under former authorities is not resumed.
    server
}
