//! A tenant's Telnyx key.

use zeroize::Zeroizing;

use super::{Shared, unread};
use crate::{
    config::{
        Unread,
        section::{Section, Spanned},
    },
    domain::ApiKey,
    tenant::KeySource,
};

/// The largest key file that is read, in bytes. Keys are far shorter; a wrong path may lead to anything.
const MAX_FILE: u64 = 4096;

/// Reads the key from the one source that is named. No message holds any part of it.
pub(super) fn read(section: &mut Section<'_, '_>, shared: &mut Shared<'_>) -> Option<(ApiKey, KeySource)> {
    let start = section.location();
    let before = section.reader.errors.len();
    let sources = ["file", "env", "inline"].map(|source| section.text(source).map(|written| (source, written)));
    let mut sources = sources.into_iter().flatten();
    let (first, second) = (sources.next(), sources.next());
    if second.is_some() || first.is_none() {
        // A source without a value is reported already.
        if second.is_some() || before == section.reader.errors.len() {
            section.error(start, "", "needs exactly one of file, env and inline");
        }
        return None;
    }
    let (source, Spanned { text, location }) = first?;
    let (key, kind) = match source {
        "file" => {
            let path = section.reader.folder.join(&text);
            let key = shared.files.read(&path, MAX_FILE).map_err(|error| unread("key file", &error));
            (key.and_then(|key| as_text(&key)), KeySource::File(path))
        }
        "env" => {
            let key = section.reader.env.get(&text).map(|key| Zeroizing::new(key.to_owned()));
            let key = key.map_err(|unread| match unread {
                Unread::Unset => "the environment variable is not set".to_owned(),
                Unread::NotText => "the environment variable is not UTF-8 text".to_owned(),
            });
            (key, KeySource::Environment(text))
        }
        _ => (Ok(Zeroizing::new(text)), KeySource::Inline),
    };
    let key = key.and_then(|key| match key.strip_suffix("\r\n").or_else(|| key.strip_suffix('\n')).unwrap_or(&key) {
        "" => Err("the key is empty".to_owned()),
        key => ApiKey::new(key).ok_or_else(|| "the key has characters that no key has, such as spaces".to_owned()),
    });
    match key {
        Ok(key) => Some((key, kind)),
        Err(what) => {
            section.error(location, source, what);
            None
        }
    }
}

fn as_text(bytes: &[u8]) -> Result<Zeroizing<String>, String> {
    match str::from_utf8(bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err("the key file is not UTF-8 text".to_owned()),
    }
}
