//! The files that `store.redis` names.

use std::path::Path;

use ::redis::TlsCertificates;
use aws_lc_rs::hmac;
use rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::{
    config::{self, Errors, Location},
    files::{self, MAX_PEM, describe},
    secret::Secret,
    store::digest::HashKey,
};

/// The shortest hash key, in bytes.
const MIN_HASH_KEY: usize = 32;

/// Reads the key of the hashes that stand for phone numbers. A line break at its end does not count.
pub(in crate::store) fn hash_key(file: &Path, errors: &mut Errors) -> Option<HashKey> {
    let too_short =
        || format!("must hold at least {MIN_HASH_KEY} bytes, such as the output of openssl rand -base64 32");
    read(Some(file), "hash_key_file", errors, |bytes| {
        let bytes = bytes.trim_ascii_end();
        let key =
            (bytes.len() >= MIN_HASH_KEY).then(|| HashKey::Shared(hmac::Key::new(hmac::HMAC_SHA256, bytes).into()));
        key.ok_or_else(too_short)
    })
}

/// What the files of a server hold.
pub(super) struct ServerFiles {
    pub(super) password: Option<Secret>,
    pub(super) sentinel_password: Option<Secret>,
    ca: Option<Vec<u8>>,
}

impl ServerFiles {
    /// Reads the files. The error says what is wrong with each.
    pub(super) fn read(config: &config::RedisConfig) -> Result<Self, Errors> {
        let mut errors = Errors::default();
        let sentinel_password_file = config.sentinel_password_file.as_deref();
        let files = Self {
            password: read(config.password_file.as_deref(), "password_file", &mut errors, password),
            sentinel_password: read(sentinel_password_file, "sentinel_password_file", &mut errors, password),
            ca: read(config.ca_file.as_deref(), "ca_file", &mut errors, certificates),
        };
        errors.into_result(files)
    }

    /// The certificates to trust instead of the system's.
    pub(super) fn certificates(&self) -> Option<TlsCertificates> {
        Some(TlsCertificates { client_tls: None, root_cert: Some(self.ca.clone()?) })
    }
}

/// Reads the `file` of the setting `key`, if there is one. Adds what is wrong with it to `errors`.
fn read<T>(
    file: Option<&Path>,
    key: &str,
    errors: &mut Errors,
    parse: impl FnOnce(&[u8]) -> Result<T, String>,
) -> Option<T> {
    let file = file?;
    let bytes = files::read(file, MAX_PEM).map_err(|error| describe(error.kind()));
    let value = bytes.and_then(|bytes| parse(&bytes));
    value.map_err(|what| errors.add(Location::file(file), format!("store.redis.{key}"), what)).ok()
}

/// A password, without a line break at its end.
fn password(bytes: &[u8]) -> Result<Secret, String> {
    let text = str::from_utf8(bytes).unwrap_or_default().trim_end_matches(['\r', '\n']);
    if text.is_empty() { Err("must hold a password".to_owned()) } else { Ok(Secret::new(text.to_owned())) }
}

fn certificates(pem: &[u8]) -> Result<Vec<u8>, String> {
    let mut certificates = CertificateDer::pem_slice_iter(pem).peekable();
    let is_valid = certificates.peek().is_some() && certificates.all(|certificate| certificate.is_ok());
    if is_valid { Ok(pem.to_vec()) } else { Err("must hold certificates in PEM".to_owned()) }
}
