//! The files of `grpc.tls`, and what can be read in them.

use std::{io, path::PathBuf};

use rustls::{
    RootCertStore,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};
use zeroize::Zeroizing;

use crate::{
    config::{self, Errors, Location},
    files::{FileSet, MAX_PEM, describe},
};

/// The files as they were at one moment.
pub(super) struct Files {
    pub(super) certificate: PemFile,
    pub(super) key: PemFile,
    pub(super) client_ca: Option<PemFile>,
}

/// A file of PEM, as it was at one moment.
pub(super) struct PemFile {
    /// The setting that names it.
    setting: &'static str,
    path: PathBuf,
    content: Result<Zeroizing<Vec<u8>>, io::ErrorKind>,
}

impl Files {
    /// Reads them, and adds them to `files`. `None` without TLS.
    pub(super) fn read(config: &config::TlsConfig, files: &mut FileSet) -> Option<Self> {
        let mut file = |setting, path: &Option<PathBuf>| {
            let path = path.clone()?;
            let content = files.read(&path, MAX_PEM).map_err(|error| error.kind());
            Some(PemFile { setting, path, content })
        };
        Some(Self {
            certificate: file("grpc.tls.certificate_file", &config.certificate_file)?,
            key: file("grpc.tls.key_file", &config.key_file)?,
            client_ca: file("grpc.tls.client_ca_file", &config.client_ca_file),
        })
    }
}

impl PemFile {
    /// Notes that it is `what`.
    pub(super) fn is(&self, what: impl Into<String>, errors: &mut Errors) {
        errors.add(Location::file(&self.path), self.setting, what);
    }

    fn bytes(&self, errors: &mut Errors) -> Option<&[u8]> {
        match &self.content {
            Ok(bytes) => return Some(bytes),
            Err(kind) => self.is(describe(*kind), errors),
        }
        None
    }

    /// The certificates in it, at least one.
    pub(super) fn certificates(&self, errors: &mut Errors) -> Option<Vec<CertificateDer<'static>>> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(self.bytes(errors)?).collect();
        match read {
            Ok(certificates) if !certificates.is_empty() => return Some(certificates),
            Ok(_) => self.is("holds no certificate in PEM", errors),
            Err(_) => self.is("is not well-formed PEM", errors),
        }
        None
    }

    /// The private key in it.
    pub(super) fn private_key(&self, errors: &mut Errors) -> Option<PrivateKeyDer<'static>> {
        match PrivateKeyDer::from_pem_slice(self.bytes(errors)?) {
            Ok(key) => return Some(key),
            Err(pem::Error::NoItemsFound) => self.is("holds no private key in PEM that is not encrypted", errors),
            Err(_) => self.is("is not well-formed PEM", errors),
        }
        None
    }

    /// The certificates in it as those of authorities.
    pub(super) fn authorities(&self, errors: &mut Errors) -> Option<RootCertStore> {
        let mut authorities = RootCertStore::empty();
        for (at, certificate) in self.certificates(errors)?.into_iter().enumerate() {
            if authorities.add(certificate).is_err() {
                self.is(format!("certificate {} can't be read", at + 1), errors);
            }
        }
        Some(authorities)
    }
}
