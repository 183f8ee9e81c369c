//! The certificate that a client presents.

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// The names in the certificate that the client of a connection presented. The TLS handshake has verified the
/// certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerCertificate {
    /// Its DNS names (RFC 5280 §4.2.1.6), as written.
    pub dns_names: Vec<String>,
    /// Its URIs, such as SPIFFE IDs.
    pub uris: Vec<String>,
}

impl PeerCertificate {
    /// Reads the names of `certificate`. `None` if it is malformed.
    #[must_use]
    pub fn read(certificate: &CertificateDer<'_>) -> Option<Self> {
        // The handshake verifies with the same parser, so both read the same names.
        let certificate = EndEntityCert::try_from(certificate).ok()?;
        Some(Self {
            dns_names: certificate.valid_dns_names().map(str::to_owned).collect(),
            uris: certificate.valid_uri_names().map(str::to_owned).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    #[test]
    fn dns_names_and_uris_are_read_and_a_malformed_certificate_has_none() {
        let names = ["login.test".to_owned(), "*.login.test".to_owned(), "10.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        for uri in ["spiffe://acme/login", "https://acme.test/a?b"] {
            params.subject_alt_names.push(SanType::URI(uri.try_into().unwrap()));
        }
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let read = PeerCertificate::read(certificate.der()).unwrap();
        assert_eq!(read.dns_names, ["login.test", "*.login.test"]);
        assert_eq!(read.uris, ["spiffe://acme/login", "https://acme.test/a?b"]);
        assert_eq!(PeerCertificate::read(&CertificateDer::from_slice(b"garbage")), None);
    }
}
