//! The files that settings of the server name.

use std::{fs, io, path::Path};

use aws_lc_rs::hmac;

use crate::config::{Mistakes, Place};

/// The shortest secret that digests are made with, in bytes.
const MIN_SECRET: usize = 32;

/// The secret in `file`, without the line break at its end.
pub(in crate::store) fn secret(file: &Path, mistakes: &mut Mistakes) -> Option<hmac::Key> {
    let bytes = read(file, "hash_key_file", mistakes)?;
    let bytes = bytes.trim_ascii_end();
    if bytes.len() < MIN_SECRET {
        let what = format!("must hold at least {MIN_SECRET} bytes, such as the output of openssl rand -base64 32");
        mistake(mistakes, file, "hash_key_file", what);
        return None;
    }
    Some(hmac::Key::new(hmac::HMAC_SHA256, bytes))
}

/// What is in the `file` that the setting `key` names.
pub(super) fn read(file: &Path, key: &str, mistakes: &mut Mistakes) -> Option<Vec<u8>> {
    let unread = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        kind => format!("can't be read: {kind}"),
    };
    fs::read(file).map_err(|error| mistake(mistakes, file, key, unread(error))).ok()
}

/// Notes a mistake in the `file` that the setting `key` names.
pub(super) fn mistake(mistakes: &mut Mistakes, file: &Path, key: &str, what: impl Into<String>) {
    mistakes.add(Place::File(file.display().to_string().into()), format!("store.redis.{key}"), what);
}
