//! An identity: what it is known by, and what it may do.

use std::collections::{BTreeMap, HashMap};

use super::{Seen, Shared, permissions};
use crate::{
    config::{
        Location,
        section::{Section, Spanned},
    },
    domain::{Identity, TenantId, TokenHash},
    tenant::{Credential, IdentityEntry, JwtRule},
};

/// Reads an identity of a tenant whose other identities have `names`.
pub(super) fn read(
    section: &mut Section<'_, '_>,
    shared: &mut Shared<'_>,
    names: &mut HashMap<String, Location>,
) -> Option<IdentityEntry> {
    let before = section.reader.errors.len();
    section.demand("name");
    let name = section.text("name").and_then(|written| name(section, written, names));
    let mut credentials = tokens(section, &mut shared.seen);
    credentials.extend(jwt(section, shared));
    credentials.extend(certificate(section, &mut shared.seen));
    if credentials.is_empty() && before == section.reader.errors.len() {
        section.error(section.location(), "", "no credentials: needs tokens, jwt or certificate");
    }
    let (permissions, roles) = permissions::read(section, &shared.roles);
    let identity = Identity { name: name?.into(), permissions };
    Some(IdentityEntry { identity: identity.into(), credentials, roles })
}

fn name(
    section: &mut Section<'_, '_>,
    Spanned { text, location }: Spanned,
    names: &mut HashMap<String, Location>,
) -> Option<String> {
    if TenantId::new(&text).is_none() {
        let what = "must be 1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end";
        section.error(location, "name", what);
        return None;
    }
    if let Some(first) = names.get(&text) {
        section.error(location, "name", format!("given twice in the tenant, first at {first}"));
        return None;
    }
    names.insert(text.clone(), location);
    Some(text)
}

fn tokens(section: &mut Section<'_, '_>, seen: &mut Seen) -> Vec<Credential> {
    let mut tokens = Vec::new();
    for Spanned { text, location } in section.texts("tokens") {
        let Some(token) = TokenHash::parse(&text) else {
            let what = "must be sha256: and 64 hexadecimal digits, as verify-gateway hash-token prints them";
            section.error(location, "tokens", what);
            continue;
        };
        let token = Credential::Token(token);
        if seen.is_first(section, "tokens", token.clone(), location) {
            tokens.push(token);
        }
    }
    tokens
}

fn jwt(section: &mut Section<'_, '_>, shared: &mut Shared<'_>) -> Option<Credential> {
    section.map("jwt", |section| {
        let before = section.reader.errors.len();
        section.demand("issuer");
        let issuer = section.text("issuer");
        if let Some(Spanned { text, location }) = &issuer
            && !shared.issuers.iter().any(|known| known.name == *text)
        {
            section.error(location.clone(), "issuer", "must be the name of one of jwt_issuers");
        }
        let subject = section.text("subject");
        if let Some(Spanned { text, location }) = &subject
            && text.is_empty()
        {
            section.error(location.clone(), "subject", "empty");
        }
        let claims: BTreeMap<_, _> = section
            .text_by_name("claims")
            .into_iter()
            .map(|(claim, value)| {
                let is_pointer = claim.text.starts_with('/');
                if claim.text.is_empty() || is_pointer && claim.text.len() == 1 {
                    section.error(claim.location, "claims", "must be the name of a claim, or a JSON Pointer to it");
                }
                (claim.text, value.text)
            })
            .collect();
        if subject.is_none() && claims.is_empty() && before == section.reader.errors.len() {
            let what = "needs subject or claims: all that the issuer knows could call";
            section.error(section.location(), "", what);
        }
        if before != section.reader.errors.len() {
            return None;
        }
        let rule = JwtRule { issuer: issuer?.text, subject: subject.map(|written| written.text), claims };
        let (rule, location) = (Credential::Jwt(rule), section.location());
        shared.seen.is_first(section, "", rule.clone(), location).then_some(rule)
    })?
}

fn certificate(section: &mut Section<'_, '_>, seen: &mut Seen) -> Option<Credential> {
    section.map("certificate", |section| {
        let before = section.reader.errors.len();
        let (dns, uri) = (section.text("dns"), section.text("uri"));
        let (credential, key, location) = match (dns, uri) {
            (Some(Spanned { text, location }), None) => (Credential::dns(&text), "dns", location),
            (None, Some(Spanned { text, location })) => (Credential::uri(&text), "uri", location),
            _ => {
                if before == section.reader.errors.len() {
                    section.error(section.location(), "", "needs exactly one of dns and uri");
                }
                return None;
            }
        };
        let Some(credential) = credential else {
            let what = match key {
                "dns" => "must be a DNS name without a wildcard, as the certificate has it",
                _ => "must be a URI, such as spiffe://domain/path, as the certificate has it",
            };
            section.error(location, key, what);
            return None;
        };
        seen.is_first(section, key, credential.clone(), location).then_some(credential)
    })?
}
