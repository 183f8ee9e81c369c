//! The files of a port and their content.

use std::{borrow::Cow, io, path::PathBuf};

use rustls::{
    RootCertStore,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};
use zeroize::Zeroizing;

use super::TlsPort;
use crate::{
    config::{Errors, Location},
    files::{FileSet, MAX_PEM, describe},
};

/// The files of a port as they were at one moment.
pub(super) struct TlsFiles {
    pub(super) certificate: PemFile,
    pub(super) key: PemFile,
    pub(super) client_ca: Option<PemFile>,
}

/// A PEM file as it was at one moment.
pub(super) struct PemFile {
    /// The setting that has its path.
    pub(super) setting: String,
    path: PathBuf,
    content: Result<Zeroizing<Vec<u8>>, io::ErrorKind>,
}

impl TlsFiles {
    /// Reads the files, and adds them to `files`. `None` without TLS.
    pub(super) fn read(TlsPort { name, config, .. }: &TlsPort, files: &mut FileSet) -> Option<Self> {
        let mut file = |setting: &str, path: &Option<PathBuf>| {
            let path = path.clone()?;
            let content = files.read(&path, MAX_PEM).map_err(|error| error.kind());
            Some(PemFile { setting: format!("{name}.tls.{setting}"), path, content })
        };
        Some(Self {
            certificate: file("certificate_file", &config.certificate_file)?,
            key: file("key_file", &config.key_file)?,
            client_ca: file("client_ca_file", &config.client_ca_file),
        })
    }
}

/// What is wrong with a file.
type Wrong = Cow<'static, str>;

impl PemFile {
    /// The value that was read from the file. An error is added to `errors`.
    pub(super) fn ok<T>(&self, read: Result<T, Wrong>, errors: &mut Errors) -> Option<T> {
        read.map_err(|wrong| errors.add(Location::file(&self.path), self.setting.as_str(), wrong)).ok()
    }

    fn bytes(&self) -> Result<&[u8], Wrong> {
        self.content.as_deref().map(Vec::as_slice).map_err(|kind| describe(*kind).into())
    }

    /// The certificates in the file, at least one.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Wrong> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(self.bytes()?).collect();
        let certificates = read.map_err(|_| "is not well-formed PEM")?;
        if certificates.is_empty() { Err("holds no certificate in PEM".into()) } else { Ok(certificates) }
    }

    /// The private key in the file.
    pub(super) fn private_key(&self) -> Result<PrivateKeyDer<'static>, Wrong> {
        PrivateKeyDer::from_pem_slice(self.bytes()?).map_err(|error| match error {
            pem::Error::NoItemsFound => "holds no private key in PEM that is not encrypted".into(),
            _ => "is not well-formed PEM".into(),
        })
    }

    /// The certificates in the file, as authorities.
    pub(super) fn authorities(&self) -> Result<RootCertStore, Wrong> {
        let mut authorities = RootCertStore::empty();
        for (index, certificate) in self.certificates()?.into_iter().enumerate() {
            authorities.add(certificate).map_err(|_| format!("certificate {} can't be read", index + 1))?;
        }
        Ok(authorities)
    }
}
