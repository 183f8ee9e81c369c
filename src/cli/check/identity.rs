//! An identity in words.

use std::fmt::{self, Display, Formatter};

use super::list;
use crate::{
    domain::{Allowed, Permissions},
    tenant::{Credential, IdentityEntry, JwtRule},
};

/// Writes by what an identity is known, and what it may do.
pub(super) fn write(f: &mut Formatter<'_>, entry: &IdentityEntry) -> fmt::Result {
    let IdentityEntry { identity, credentials, roles } = entry;
    writeln!(f, "    {}, known by {}", identity.name, known_by(credentials))?;
    let roles = if roles.is_empty() { String::new() } else { format!(" (as {})", roles.join(" ")) };
    let Permissions { rpcs, channels, countries, profiles } = &identity.permissions;
    writeln!(f, "      may call {}{roles}", allowed(rpcs, "every rpc", "nothing"))?;
    let (channels, countries) =
        (allowed(channels, "every channel", "no channel"), allowed(countries, "every country", "no country"));
    writeln!(f, "      on {channels}, to {countries}, with {}", allowed(profiles, "every profile", "no profile"))
}

fn known_by(credentials: &[Credential]) -> String {
    let tokens = credentials.iter().filter(|credential| matches!(credential, Credential::Token(_))).count();
    let tokens = match tokens {
        0 => None,
        1 => Some("a token".to_owned()),
        many => Some(format!("{many} tokens")),
    };
    let others = credentials.iter().filter_map(|credential| match credential {
        Credential::Token(_) => None,
        Credential::Jwt(rule) => Some(jwt(rule)),
        Credential::DnsName(name) | Credential::Uri(name) => Some(format!("a certificate for {name}")),
    });
    tokens.into_iter().chain(others).collect::<Vec<_>>().join(" or ")
}

fn jwt(JwtRule { issuer, subject, claims }: &JwtRule) -> String {
    let subject = subject.iter().map(|subject| format!("the subject {subject}"));
    let claims = claims.iter().map(|(claim, value)| format!("{claim} = {value}"));
    format!("a JWT of {issuer} with {}", subject.chain(claims).collect::<Vec<_>>().join(" and "))
}

fn allowed<T: Display>(allowed: &Allowed<T>, every: &str, none: &str) -> String {
    match allowed {
        Allowed::Any => every.to_owned(),
        Allowed::Only(items) => list(items, none),
    }
}
