//! A certificate of the simulator's own, signed by an authority that exists only for it.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio_rustls::TlsAcceptor;

/// The names that a certificate always has.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A certificate for this machine and further names, and the certificate of its authority, which clients trust.
pub struct Certificate {
    pub(super) acceptor: TlsAcceptor,
    ca: String,
}

impl Certificate {
    /// A new authority, and a certificate that it signs for this machine and `names`.
    ///
    /// # Errors
    /// A text for people: a name is neither a DNS name nor an IP address.
    pub fn generate(names: &[String]) -> Result<Self, String> {
        Self::try_generate(names).map_err(|error| format!("no certificate can be made: {error}"))
    }

    fn try_generate(names: &[String]) -> Result<Self, Box<dyn std::error::Error>> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, "verify-gateway simulator");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;

        let names = LOCAL.into_iter().map(str::to_owned).chain(names.iter().cloned());
        let key = KeyPair::generate()?;
        let leaf = CertificateParams::new(names.collect::<Vec<_>>())?.signed_by(&key, &authority)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), ca: authority.pem() })
    }

    /// The certificate of the authority, in PEM.
    pub fn ca(&self) -> &str {
        &self.ca
    }
}
