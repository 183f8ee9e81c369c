//! Settings of TLS on the gRPC port.

use std::{path::PathBuf, time::Duration};

use crate::config::{
    kinds::{DAY, choice, duration, optional, path},
    setting::settings,
};

settings! {
    /// Settings of TLS on the gRPC port. Without a certificate there is no TLS.
    pub struct TlsConfig {
        /// A PEM file with the server's certificate, followed by the intermediate certificates. Empty: no TLS.
        certificate_file: Option<PathBuf> = "", optional(path());
        /// A PEM file with the private key of the certificate, not encrypted.
        key_file: Option<PathBuf> = "", optional(path());
        /// A PEM file with the authorities that client certificates must come from.
        client_ca_file: Option<PathBuf> = "", optional(path());
        /// Whether clients present a certificate. With `optional`, a presented certificate must still be valid.
        client_certificate: ClientCertificate = "none", choice(CLIENT_CERTIFICATE);
        /// The lowest TLS version that is accepted.
        min_version: TlsVersion = "1.2", choice(&[("1.2", TlsVersion::V1_2), ("1.3", TlsVersion::V1_3)]);
        /// How often the gateway looks for changes of the three files. Changes take effect without a restart.
        reload_interval: Duration = "30s", duration(Duration::from_millis(10)..=DAY);
    }
    rules(tls) {
        ["certificate_file", "key_file"] tls.certificate_file.is_some() == tls.key_file.is_some(),
            "certificate_file and key_file need each other";
        ["client_certificate", "client_ca_file"]
            (tls.client_certificate == ClientCertificate::None) == tls.client_ca_file.is_none(),
            "client_ca_file is needed if, and only if, client_certificate is optional or required";
        ["client_ca_file", "certificate_file"] tls.client_ca_file.is_none() || tls.certificate_file.is_some(),
            "client_ca_file needs certificate_file";
    }
}

/// Whether clients present a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificate {
    /// The gateway requests none.
    None,
    /// Clients may present one. It must be valid.
    Optional,
    /// The gateway refuses clients without a valid one.
    Required,
}

const CLIENT_CERTIFICATE: &[(&str, ClientCertificate)] = &[
    ("none", ClientCertificate::None),
    ("optional", ClientCertificate::Optional),
    ("required", ClientCertificate::Required),
];

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// RFC 5246.
    V1_2,
    /// RFC 8446.
    V1_3,
}
