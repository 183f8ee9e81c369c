//! Who may do what, in words.

use std::fmt::{self, Display};

use crate::{
    domain::{Allowed, Permissions},
    tenant::{Credential, IdentityEntry, JwtRule},
};

/// An identity: how it is known, and what it may do.
pub(super) struct IdentitySummary<'k>(pub(super) &'k IdentityEntry);

impl Display for IdentitySummary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let IdentityEntry { identity, credentials, roles } = self.0;
        writeln!(f, "    {}, known by {}", identity.name, known_by(credentials))?;
        let roles = if roles.is_empty() { String::new() } else { format!(" (as {})", roles.join(" ")) };
        let Permissions { rpcs, channels, countries, profiles } = &identity.permissions;
        writeln!(f, "      may call {}{roles}", allowed(rpcs, "every rpc", "nothing"))?;
        let (channels, countries) =
            (allowed(channels, "every channel", "no channel"), allowed(countries, "every country", "no country"));
        writeln!(f, "      on {channels}, to {countries}, with {}", allowed(profiles, "every profile", "no profile"))
    }
}

fn known_by(credentials: &[Credential]) -> String {
    let tokens = credentials.iter().filter(|one| matches!(one, Credential::Token(_))).count();
    let tokens = match tokens {
        0 => None,
        1 => Some("a token".to_owned()),
        many => Some(format!("{many} tokens")),
    };
    let others = credentials.iter().filter_map(|credential| match credential {
        Credential::Token(_) => None,
        Credential::Jwt(rule) => Some(jwt(rule)),
        Credential::DnsName(name) => Some(format!("a certificate for {name}")),
        Credential::Uri(uri) => Some(format!("a certificate for {uri}")),
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

/// The items one after the other, or `none`.
pub(super) fn list<T: Display>(items: &[T], none: &str) -> String {
    match items {
        [] => none.to_owned(),
        items => items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    }
}
