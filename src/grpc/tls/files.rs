//! The files of `grpc.tls`, and what can be read in them.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{Context, SHA256};
use rustls::{
    RootCertStore,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};
use zeroize::Zeroizing;

use crate::config::{self, Errors, Location};

/// The largest file that is read, in bytes: authorities of a whole company fit in. A wrong path may lead to anything.
const MAX: u64 = 1 << 20;

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

/// What tells files from what they were before.
pub(super) type Fingerprint = [u8; 32];

impl Files {
    /// Reads them; none where there is to be no TLS.
    pub(super) fn read(config: &config::Tls) -> Option<Self> {
        let file = |setting, path: &Option<PathBuf>| path.as_deref().map(|path| PemFile::read(setting, path));
        Some(Self {
            certificate: file("grpc.tls.certificate_file", &config.certificate_file)?,
            key: file("grpc.tls.key_file", &config.key_file)?,
            client_ca: file("grpc.tls.client_ca_file", &config.client_ca_file),
        })
    }

    /// What tells them from what they were before.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut hash = Context::new(&SHA256);
        for file in [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()].into_iter().flatten() {
            match &file.content {
                Ok(bytes) => {
                    hash.update(&(bytes.len() as u64).to_be_bytes());
                    hash.update(bytes);
                }
                // No file is as long as this.
                Err(kind) => hash.update(format!("{:?} {kind:?}", u64::MAX).as_bytes()),
            }
        }
        hash.finish().as_ref().try_into().expect("SHA-256 has as many bytes")
    }
}

impl PemFile {
    fn read(setting: &'static str, path: &Path) -> Self {
        let read = || {
            let mut bytes = Zeroizing::new(Vec::new());
            let size = File::open(path)?.take(MAX + 1).read_to_end(&mut bytes)?;
            if size as u64 > MAX { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
        };
        Self { setting, path: path.to_owned(), content: read().map_err(|error: io::Error| error.kind()) }
    }

    /// Notes that it is `what`.
    pub(super) fn is(&self, what: impl Into<String>, errors: &mut Errors) {
        errors.add(Location::File(self.path.display().to_string().into()), self.setting, what);
    }

    fn bytes(&self, errors: &mut Errors) -> Option<&[u8]> {
        match &self.content {
            Ok(bytes) => return Some(bytes),
            Err(io::ErrorKind::NotFound) => self.is("there is no such file", errors),
            Err(kind) => self.is(format!("can't be read: {kind}"), errors),
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
