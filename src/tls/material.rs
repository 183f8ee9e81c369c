//! The certificate and the authorities for handshakes.

use std::sync::Arc;

use jiff::Timestamp;
use rustls::{
    Error, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::CertificateDer,
    server::{VerifierBuilderError, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::{CertifiedKey, SingleCertAndKey},
    version::{TLS12, TLS13},
};
use x509_cert::{Certificate, der::Decode};

use super::{TlsPort, files::TlsFiles};
use crate::{
    config::{ClientCertificate, Errors, TlsVersion},
    domain::PeerCertificate,
    files::FileSet,
};

/// The certificate and the authorities for handshakes, validated as a whole.
pub struct Material {
    pub(super) server: Arc<ServerConfig>,
    /// The DNS names of the certificate.
    pub names: Vec<String>,
    /// When the first certificate of the chain expires.
    pub expires: Timestamp,
}

impl Material {
    /// Reads the files of `port`. `None` without TLS.
    ///
    /// # Errors
    /// All errors in the files. An expired certificate is no error, but a warning.
    pub fn load(port: &TlsPort) -> Result<Option<Self>, Errors> {
        Self::read(port, &mut FileSet::default())
    }

    /// Reads as [`Material::load`] does, and adds the files to `files`.
    pub(super) fn read(port: &TlsPort, files: &mut FileSet) -> Result<Option<Self>, Errors> {
        TlsFiles::read(port, files).map(|files| Self::of(&files, port)).transpose()
    }

    fn of(files: &TlsFiles, port: &TlsPort) -> Result<Self, Errors> {
        let TlsFiles { certificate, key, client_ca } = files;
        let (mut errors, provider) = (Errors::default(), Arc::new(aws_lc_rs::default_provider()));
        let chain = certificate.ok(certificate.certificates(), &mut errors);
        let subject = chain.as_deref().and_then(|chain| {
            certificate.ok(subject(chain).ok_or("holds a certificate that can't be read".into()), &mut errors)
        });
        let private_key = key.ok(key.private_key(), &mut errors);
        let pair = chain.zip(private_key).and_then(|(chain, private_key)| {
            let pair = CertifiedKey::from_der(chain, private_key, &provider).map_err(|error| match error {
                Error::InconsistentKeys(_) => {
                    format!("is not the key of the certificate in {}", certificate.setting).into()
                }
                _ => "must hold an RSA, ECDSA or Ed25519 key".into(),
            });
            key.ok(pair, &mut errors)
        });
        let verifier = match client_ca {
            None => Some(WebPkiClientVerifier::no_client_auth()),
            Some(file) => file.ok(file.authorities(), &mut errors).and_then(|authorities| {
                let verifier = verifier(authorities, port.config.client_certificate, &provider);
                file.ok(verifier.map_err(|_| "holds no certificate that can be used".into()), &mut errors)
            }),
        };
        match (subject, pair, verifier) {
            (Some((names, expires)), Some(pair), Some(verifier)) if errors.is_empty() => {
                Ok(Self { server: Arc::new(server(port, provider, pair, verifier)), names, expires })
            }
            _ => Err(errors),
        }
    }
}

/// The DNS names of the certificate, and when the first of its chain expires. `None` if one can't be parsed.
fn subject(chain: &[CertificateDer<'_>]) -> Option<(Vec<String>, Timestamp)> {
    let expires = |certificate: &CertificateDer<'_>| {
        let certificate = Certificate::from_der(certificate).ok()?;
        let since_1970 = certificate.tbs_certificate().validity().not_after.to_unix_duration();
        Timestamp::from_second(since_1970.as_secs().try_into().ok()?).ok()
    };
    let expires: Vec<_> = chain.iter().map(expires).collect::<Option<_>>()?;
    Some((PeerCertificate::read(&chain[0])?.dns_names, expires.into_iter().min()?))
}

/// Verifies the certificates of clients.
fn verifier(
    authorities: RootCertStore,
    certificate: ClientCertificate,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, VerifierBuilderError> {
    let verifier = WebPkiClientVerifier::builder_with_provider(authorities.into(), Arc::clone(provider));
    match certificate {
        ClientCertificate::Required => verifier,
        ClientCertificate::Optional | ClientCertificate::None => verifier.allow_unauthenticated(),
    }
    .build()
}

fn server(
    port: &TlsPort,
    provider: Arc<CryptoProvider>,
    pair: CertifiedKey,
    verifier: Arc<dyn ClientCertVerifier>,
) -> ServerConfig {
    let versions: &[_] = match port.config.min_version {
        TlsVersion::V1_2 => &[&TLS12, &TLS13],
        TlsVersion::V1_3 => &[&TLS13],
    };
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("the provider has cipher suites for both versions")
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
    server.alpn_protocols = port.protocols.iter().map(|protocol| protocol.to_vec()).collect();
    // Sessions belong to this configuration. One from former authorities is not resumed.
    server
}
