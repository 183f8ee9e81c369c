//! The Telnyx API key of a tenant.

use zeroize::Zeroizing;

use super::Shared;
use crate::{
    config::{
        Unread,
        section::{Section, Spanned},
    },
    domain::ApiKey,
    files,
    tenant::KeySource,
};

/// The largest key file that is read, in bytes. Keys are far shorter.
const MAX_FILE: u64 = 4096;

/// Reads the key from the one source that is named. No error message holds any part of it.
pub(super) fn read(section: &mut Section<'_, '_>, shared: &mut Shared<'_>) -> Option<(ApiKey, KeySource)> {
    let (source, Spanned { value, location }) = section.one_of(["file", "env", "inline"])?;
    let (text, kind) = match source {
        "file" => {
            let path = section.reader.folder.join(&value);
            let bytes = shared.files.read(&path, MAX_FILE).map_err(|error| files::describe(error.kind()));
            (bytes.and_then(|bytes| as_text(&bytes)), KeySource::File(path))
        }
        "env" => {
            let key = section.reader.env.get(&value).map(|key| Zeroizing::new(key.to_owned()));
            let key = key.map_err(|unread| match unread {
                Unread::Unset => "the environment variable is not set".to_owned(),
                Unread::NotText => "the environment variable must be UTF-8 text".to_owned(),
            });
            (key, KeySource::Environment(value))
        }
        _ => (Ok(Zeroizing::new(value)), KeySource::Inline),
    };
    let key = text.and_then(|key| match key.strip_suffix("\r\n").or_else(|| key.strip_suffix('\n')).unwrap_or(&key) {
        "" => Err("the key is empty".to_owned()),
        key => ApiKey::new(key).ok_or_else(|| "the key must be visible ASCII characters without spaces".to_owned()),
    });
    key.map_err(|message| section.error(location, source, message)).ok().map(|key| (key, kind))
}

fn as_text(bytes: &[u8]) -> Result<Zeroizing<String>, String> {
    let text = str::from_utf8(bytes).map_err(|_| "the file must be UTF-8 text".to_owned())?;
    Ok(Zeroizing::new(text.to_owned()))
}
