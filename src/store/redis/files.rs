//! The files that settings of the server name.

use std::path::Path;

use aws_lc_rs::hmac;

use zeroize::Zeroizing;

use crate::{
    config::{Errors, Location},
    files::{self, MAX_PEM, describe},
};

/// The shortest secret that digests are made with, in bytes.
const MIN_SECRET: usize = 32;

/// The secret in `file`, without the line break at its end.
pub(in crate::store) fn secret(file: &Path, errors: &mut Errors) -> Option<hmac::Key> {
    let bytes = read(file, "hash_key_file", errors)?;
    let bytes = bytes.trim_ascii_end();
    if bytes.len() < MIN_SECRET {
        let what = format!("must hold at least {MIN_SECRET} bytes, such as the output of openssl rand -base64 32");
        report(errors, file, "hash_key_file", what);
        return None;
    }
    Some(hmac::Key::new(hmac::HMAC_SHA256, bytes))
}

/// What is in the `file` that the setting `key` names.
pub(super) fn read(file: &Path, key: &str, errors: &mut Errors) -> Option<Zeroizing<Vec<u8>>> {
    files::read(file, MAX_PEM).map_err(|error| report(errors, file, key, describe(error.kind()))).ok()
}

/// Notes an error in the `file` that the setting `key` names.
pub(super) fn report(errors: &mut Errors, file: &Path, key: &str, what: impl Into<String>) {
    errors.add(Location::file(file), format!("store.redis.{key}"), what);
}
