//! The issuers of JWTs.

use std::{net::IpAddr, str::FromStr, time::Duration};

use http::Uri;
use jsonwebtoken::Algorithm;

use super::{Shared, Unique};
use crate::{
    config::{
        kinds::{DAY, Kind, SECOND, duration, not_empty, path, text},
        section::{Section, Spanned},
    },
    files::{self, MAX_PEM},
    tenant::{Issuer, Jwks, JwksUrl, KeysFrom, credential::ALGORITHMS},
};

/// The largest JWK Set that is read, in bytes.
const MAX_JWKS: u64 = 256 << 10;
/// The largest token file that is read, in bytes.
const MAX_TOKEN: u64 = 64 << 10;
const LEEWAY: Duration = Duration::from_secs(30);
const MAX_LEEWAY: Duration = Duration::from_mins(5);
const REFRESH: Duration = Duration::from_mins(10);

/// Reads `jwt_issuers`.
pub(super) fn read_all(root: &mut Section<'_, '_>, shared: &mut Shared<'_>) {
    let mut names = Unique::default();
    let mut issuers = Unique::default();
    root.maps("jwt_issuers", |section| {
        let unique = |section: &mut Section<'_, '_>, key, seen: &mut Unique<String>| {
            let value = section.required(key, &not_empty())?;
            seen.add(section, key, value)
        };
        let name = unique(section, "name", &mut names);
        let issuer = unique(section, "issuer", &mut issuers);
        let issuer = read(section, shared, name, issuer);
        // An issuer with errors is kept, so that identities that name it have no errors on account of it.
        shared.issuers.extend(issuer);
    });
}

fn read(
    section: &mut Section<'_, '_>,
    shared: &mut Shared<'_>,
    name: Option<String>,
    issuer: Option<String>,
) -> Option<Issuer> {
    section.demand("audiences");
    let audiences = if section.has("audiences") { list(section, "audiences", &not_empty()) } else { Vec::new() };
    let algorithms = if section.has("algorithms") {
        let names = ALGORITHMS.map(|algorithm| format!("{algorithm:?}")).join(", ");
        let known = |text: &str| Algorithm::from_str(text).ok().filter(|algorithm| ALGORITHMS.contains(algorithm));
        list(section, "algorithms", &text(format!("one of {names}"), known))
    } else {
        vec![Algorithm::RS256, Algorithm::ES256]
    };
    let leeway = section.value("leeway", &duration(Duration::ZERO..=MAX_LEEWAY)).map_or(LEEWAY, |leeway| leeway.value);
    section.demand("jwks");
    let keys = section.map("jwks", |section| keys(section, shared)).flatten();
    // Keys that could not be read are among the errors.
    let keys = keys.unwrap_or(KeysFrom::File(Jwks::default()));
    Some(Issuer { name: name?, issuer: issuer.unwrap_or_default(), audiences, algorithms, leeway, keys })
}

/// Reads a list that must not be empty.
fn list<T>(section: &mut Section<'_, '_>, key: &'static str, kind: &Kind<'_, T>) -> Vec<T> {
    let before = section.reader.errors.len();
    let items = section.values(key, kind);
    if items.is_empty() && before == section.reader.errors.len() {
        section.error(section.location(), key, "must not be empty");
    }
    items.into_iter().map(|item| item.value).collect()
}

fn keys(section: &mut Section<'_, '_>, shared: &mut Shared<'_>) -> Option<KeysFrom> {
    let keys = match section.one_of(["url", "file"]) {
        Some(("url", url)) => return Some(of_url(section, shared, url)),
        file => file.and_then(|(_, file)| of_file(section, shared, file)),
    };
    // They go with a URL. Without one they are unknown keys, except where the URL itself is what is wrong.
    if keys.is_none() {
        for key in ["ca_file", "token_file", "refresh_interval"] {
            section.text(key);
        }
    }
    keys
}

fn of_file(section: &mut Section<'_, '_>, shared: &mut Shared<'_>, file: Spanned) -> Option<KeysFrom> {
    let Spanned { value: file, location } = section.parse("file", file, &path())?;
    let read = shared.files.read(&file, MAX_JWKS).map_err(|error| files::describe(error.kind()));
    match read.and_then(|bytes| Jwks::parse(&bytes).map_err(|error| error.to_string())) {
        Ok(jwks) => Some(KeysFrom::File(jwks)),
        Err(message) => {
            section.error(location, "file", message);
            None
        }
    }
}

fn of_url(section: &mut Section<'_, '_>, shared: &mut Shared<'_>, url: Spanned) -> KeysFrom {
    let safe = text("an https URL without credentials; http is for loopback addresses alone", |url| {
        is_safe(url).then(|| url.to_owned())
    });
    let url = section.parse("url", url, &safe).map(|url| url.value).unwrap_or_default();
    let ca = section.value("ca_file", &path()).and_then(|Spanned { value: file, location }| {
        let read = shared.files.read(&file, MAX_PEM).map_err(|error| files::describe(error.kind()));
        let ca = read.and_then(|pem| match reqwest::Certificate::from_pem_bundle(&pem) {
            Ok(authorities) if !authorities.is_empty() => Ok(pem.to_vec()),
            _ => Err("must hold certificates in PEM".to_owned()),
        });
        ca.map_err(|message| section.error(location, "ca_file", message)).ok()
    });
    let token_file = section.value("token_file", &path()).map(|Spanned { value: file, location }| {
        // The file is read for each request, because it is renewed all the time. So it is not watched.
        match file.metadata() {
            Ok(metadata) if metadata.len() <= MAX_TOKEN => {}
            Ok(_) => section.error(location, "token_file", "the file is too large"),
            Err(error) => section.error(location, "token_file", files::describe(error.kind())),
        }
        file
    });
    let refresh_interval = section.value("refresh_interval", &duration(SECOND * 10..=DAY));
    let refresh_interval = refresh_interval.map_or(REFRESH, |it| it.value);
    KeysFrom::Url(JwksUrl { url, ca, token_file, refresh_interval, proxies: section.reader.proxies() })
}

/// Whether keys from `url` come from the host that it names: over TLS, or from this machine.
fn is_safe(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let Some(authority) = uri.authority() else { return false };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|addr| addr.is_loopback());
    let scheme = uri.scheme_str();
    !authority.as_str().contains('@')
        && !host.is_empty()
        && (scheme == Some("https") || scheme == Some("http") && is_loopback)
}

#[cfg(test)]
mod tests {
    use super::is_safe;

    #[test]
    fn keys_are_fetched_only_from_the_host_that_the_url_names() {
        for good in ["https://a/jwks", "http://127.0.0.1:80/jwks", "http://[::1]/jwks", "http://localhost/jwks?x=1"] {
            assert!(is_safe(good), "{good}");
        }
        for bad in ["", "a/jwks", "http://a/jwks", "https://u:p@a/jwks", "ftp://a", "http://127.0.0.1.example/jwks"] {
            assert!(!is_safe(bad), "{bad}");
        }
    }
}
