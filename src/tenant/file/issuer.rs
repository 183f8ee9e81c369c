//! The issuers of JWTs.

use std::{path::PathBuf, str::FromStr, time::Duration};

use http::Uri;
use jsonwebtoken::Algorithm;

use super::{Shared, each, unread};
use crate::{
    config::{
        Location, human,
        section::{Section, Spanned},
    },
    files::MAX_PEM,
    tenant::{Issuer, Jwks, JwksUrl, KeysFrom, issuer::ALGORITHMS},
};

/// The largest set of keys that is read, in bytes.
const MAX_JWKS: u64 = 256 << 10;
/// The largest file of a token that is read, in bytes.
const MAX_TOKEN: u64 = 64 << 10;
const LEEWAY: Duration = Duration::from_secs(30);
const MAX_LEEWAY: Duration = Duration::from_mins(5);
const REFRESH: Duration = Duration::from_mins(10);

/// Reads `jwt_issuers`.
pub(super) fn read_all(root: &mut Section<'_, '_>, shared: &mut Shared<'_>) {
    let mut seen: Vec<(&'static str, String, Location)> = Vec::new();
    root.maps("jwt_issuers", |section| {
        let issuer = read(section, shared, &mut seen);
        // Even where something of it is wrong: who names it is not wrong too.
        shared.issuers.extend(issuer);
    });
}

fn read(
    section: &mut Section<'_, '_>,
    shared: &mut Shared<'_>,
    seen: &mut Vec<(&'static str, String, Location)>,
) -> Option<Issuer> {
    section.demand("name");
    let name = once(section, "name", seen);
    section.demand("issuer");
    let issuer = once(section, "issuer", seen);
    section.demand("audiences");
    let written = section.has("audiences");
    let before = section.reader.errors.len();
    let audiences = section.texts("audiences");
    let audiences =
        each(section, "audiences", "must not be empty", audiences, |text| (!text.is_empty()).then(|| text.to_owned()));
    if written && audiences.is_empty() && before == section.reader.errors.len() {
        section.error(section.location(), "audiences", "empty: no token could be for this gateway");
    }
    let algorithms = algorithms(section);
    let leeway = duration(section, "leeway", LEEWAY, Duration::ZERO, MAX_LEEWAY);
    section.demand("jwks");
    let keys = section.map("jwks", |section| keys(section, shared)).flatten();
    // What could not be read is among the errors; the rest is there for those who name the issuer.
    let keys = keys.unwrap_or(KeysFrom::File(Jwks::default()));
    Some(Issuer { name: name?, issuer: issuer.unwrap_or_default(), audiences, algorithms, leeway, keys })
}

/// Reads a text that no other issuer may have.
fn once(
    section: &mut Section<'_, '_>,
    key: &'static str,
    seen: &mut Vec<(&'static str, String, Location)>,
) -> Option<String> {
    let Spanned { text, location } = section.text(key)?;
    if text.is_empty() {
        section.error(location, key, "empty");
        return None;
    }
    if let Some((_, _, first)) = seen.iter().find(|(of, known, _)| *of == key && *known == text) {
        let what = format!("given twice, first at {first}");
        section.error(location, key, what);
        return None;
    }
    seen.push((key, text.clone(), location));
    Some(text)
}

fn algorithms(section: &mut Section<'_, '_>) -> Vec<Algorithm> {
    if !section.has("algorithms") {
        return vec![Algorithm::RS256, Algorithm::ES256];
    }
    let names = ALGORITHMS.map(|algorithm| format!("{algorithm:?}")).join(", ");
    let known = |text: &str| Algorithm::from_str(text).ok().filter(|algorithm| ALGORITHMS.contains(algorithm));
    let before = section.reader.errors.len();
    let written = section.texts("algorithms");
    let algorithms = each(section, "algorithms", &format!("must be one of {names}"), written, known);
    if algorithms.is_empty() && before == section.reader.errors.len() {
        section.error(section.location(), "algorithms", "empty: no token could be verified");
    }
    algorithms
}

fn duration(
    section: &mut Section<'_, '_>,
    key: &'static str,
    default: Duration,
    from: Duration,
    to: Duration,
) -> Duration {
    let Some(Spanned { text, location }) = section.text(key) else { return default };
    let duration = human::duration(&text).filter(|duration| (from..=to).contains(duration));
    duration.unwrap_or_else(|| {
        let [from, to] = [from, to].map(human::write_duration);
        section.error(location, key, format!("must be a duration from {from} to {to}"));
        default
    })
}

fn keys(section: &mut Section<'_, '_>, shared: &mut Shared<'_>) -> Option<KeysFrom> {
    let before = section.reader.errors.len();
    let (file, url) = (section.text("file"), section.text("url"));
    match (file, url) {
        (Some(file), None) => of_file(section, shared, &file),
        (None, Some(url)) => Some(of_url(section, shared, url)),
        _ => {
            if before == section.reader.errors.len() {
                section.error(section.location(), "", "needs exactly one of url and file");
            }
            // They go with a URL, which may be the one that is missing.
            for key in ["ca_file", "token_file", "refresh_interval"] {
                section.text(key);
            }
            None
        }
    }
}

fn of_file(section: &mut Section<'_, '_>, shared: &mut Shared<'_>, file: &Spanned) -> Option<KeysFrom> {
    let read = shared.files.read(&section.reader.folder.join(&file.text), MAX_JWKS);
    let jwks = read.map_err(|error| unread("file", &error));
    match jwks.and_then(|bytes| Jwks::parse(&bytes).map_err(|error| error.to_string())) {
        Ok(jwks) => Some(KeysFrom::File(jwks)),
        Err(what) => {
            section.error(file.location.clone(), "file", what);
            None
        }
    }
}

fn of_url(section: &mut Section<'_, '_>, shared: &mut Shared<'_>, url: Spanned) -> KeysFrom {
    if !is_safe(&url.text) {
        let what = "must be an https URL without credentials; http is for loopback addresses alone";
        section.error(url.location, "url", what);
    }
    let ca = section.text("ca_file").map(|written| (section.reader.folder.join(&written.text), written.location));
    let ca = ca.and_then(|(path, location)| {
        let read = shared.files.read(&path, MAX_PEM).map_err(|error| unread("file", &error));
        let ca = read.and_then(|pem| match reqwest::Certificate::from_pem_bundle(&pem) {
            Ok(authorities) if !authorities.is_empty() => Ok(pem.to_vec()),
            _ => Err("no certificates in PEM in it".to_owned()),
        });
        ca.map_err(|what| section.error(location, "ca_file", what)).ok()
    });
    let token_file = section.text("token_file").map(|Spanned { text, location }| {
        let path: PathBuf = section.reader.folder.join(text);
        // Not among the sources: it is renewed all the time, and read when it is needed.
        match path.metadata() {
            Ok(about) if about.len() <= MAX_TOKEN => {}
            Ok(_) => section.error(location, "token_file", "the file is too large"),
            Err(error) => section.error(location, "token_file", unread("file", &error)),
        }
        path
    });
    let hour = Duration::from_hours(1);
    let refresh_interval = duration(section, "refresh_interval", REFRESH, Duration::from_secs(10), hour * 24);
    KeysFrom::Url(JwksUrl { url: url.text, ca, token_file, refresh_interval })
}

/// Whether keys that come from `url` are those of whom it names.
fn is_safe(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let Some(authority) = uri.authority() else { return false };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|addr| addr.is_loopback());
    let scheme = uri.scheme_str();
    !authority.as_str().contains('@')
        && !host.is_empty()
        && (scheme == Some("https") || scheme == Some("http") && is_loopback)
}

#[cfg(test)]
mod tests {
    use super::is_safe;

    #[test]
    fn keys_are_fetched_only_from_whom_the_url_names() {
        for good in ["https://a/jwks", "http://127.0.0.1:80/jwks", "http://[::1]/jwks", "http://localhost/jwks?x=1"] {
            assert!(is_safe(good), "{good}");
        }
        for bad in ["", "a/jwks", "http://a/jwks", "https://u:p@a/jwks", "ftp://a", "http://127.0.0.1.example/jwks"] {
            assert!(!is_safe(bad), "{bad}");
        }
    }
}
