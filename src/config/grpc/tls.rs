//! Settings of TLS on the gRPC port.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::config::section::Section;

/// Settings of TLS on the gRPC port. Without a certificate there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Tls {
    /// The certificate that is shown to clients, with those between it and its authority.
    pub certificate_file: Option<PathBuf>,
    /// The certificate's private key.
    pub key_file: Option<PathBuf>,
    /// The authorities whose clients' certificates are taken.
    pub client_ca_file: Option<PathBuf>,
    /// Whether clients show a certificate.
    pub client_certificate: ClientCertificate,
    /// The lowest version that is spoken.
    pub min_version: TlsVersion,
    /// How often the files are looked at for changes.
    pub reload_interval: Duration,
}

/// Whether clients show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificate {
    /// They are not asked for one.
    None,
    /// They may; one that is shown must be valid.
    Optional,
    /// Without a valid one they are not served.
    Required,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// RFC 5246.
    V1_2,
    /// RFC 8446.
    V1_3,
}

impl Tls {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let tls = Self {
            certificate_file: section.file(
                "certificate_file",
                "A PEM file with the server's certificate and those between it and its authority. Empty: no TLS.",
            ),
            key_file: section.file("key_file", "A PEM file with the certificate's private key, not encrypted."),
            client_ca_file: section.file(
                "client_ca_file",
                "A PEM file with the certificates of the authorities that clients' certificates must come from.",
            ),
            client_certificate: section.setting(
                "client_certificate",
                "none",
                "none, optional or required",
                "Whether clients are asked for a certificate. One that is shown must be valid, also if it is optional.",
                ClientCertificate::named,
            ),
            min_version: section.setting(
                "min_version",
                "1.2",
                "1.2 or 1.3",
                "The lowest version of TLS that is spoken.",
                TlsVersion::named,
            ),
            reload_interval: section.duration(
                "reload_interval",
                "30s",
                Duration::from_millis(10)..=Duration::from_hours(24),
                "How often the three files are looked at for changes, which are taken up without a restart.",
            ),
        };
        section.rule(
            tls.certificate_file.is_some() == tls.key_file.is_some(),
            &["certificate_file", "key_file"],
            "certificate_file and key_file need each other",
        );
        section.rule(
            (tls.client_certificate == ClientCertificate::None) == tls.client_ca_file.is_none(),
            &["client_certificate", "client_ca_file"],
            "client_ca_file is needed if, and only if, client_certificate is optional or required",
        );
        section.rule(
            tls.client_ca_file.is_none() || tls.certificate_file.is_some(),
            &["client_ca_file", "certificate_file"],
            "client_ca_file is of no use without certificate_file",
        );
        tls
    }

    /// Has relative paths count from `folder`.
    pub(in crate::config) fn count_from(&mut self, folder: &Path) {
        for file in [&mut self.certificate_file, &mut self.key_file, &mut self.client_ca_file] {
            *file = file.take().map(|file| folder.join(file));
        }
    }
}

impl ClientCertificate {
    fn named(text: &str) -> Option<Self> {
        match text {
            "none" => Some(Self::None),
            "optional" => Some(Self::Optional),
            "required" => Some(Self::Required),
            _ => None,
        }
    }
}

impl TlsVersion {
    fn named(text: &str) -> Option<Self> {
        match text {
            "1.2" => Some(Self::V1_2),
            "1.3" => Some(Self::V1_3),
            _ => None,
        }
    }
}
