//! An identity: its credentials and permissions.

use std::collections::BTreeMap;

use super::{Shared, Unique, permissions};
use crate::{
    config::{
        kinds::{not_empty, text},
        section::{Section, Spanned},
    },
    domain::{Identity, TenantId, TokenHash},
    tenant::{Credential, IdentityEntry, JwtRule},
};

/// Reads an identity of a tenant whose other identities have `names`.
pub(super) fn read(
    section: &mut Section<'_, '_>,
    shared: &mut Shared<'_>,
    names: &mut Unique<TenantId>,
) -> Option<IdentityEntry> {
    let before = section.reader.errors.len();
    let name = section.required("name", &super::name()).and_then(|name| names.add(section, "name", name));
    let mut credentials = tokens(section, shared);
    credentials.extend(jwt(section, shared));
    credentials.extend(certificate(section, shared));
    if credentials.is_empty() && before == section.reader.errors.len() {
        section.error(section.location(), "", "needs credentials: tokens, jwt or certificate");
    }
    let (permissions, roles) = permissions::read(section, &shared.roles);
    let identity = Identity { name: name?.shared(), permissions };
    Some(IdentityEntry { identity: identity.into(), credentials, roles })
}

fn tokens(section: &mut Section<'_, '_>, shared: &mut Shared<'_>) -> Vec<Credential> {
    let hash = text("sha256: and 64 hexadecimal digits, as verify-gateway hash-token prints them", |text| {
        TokenHash::parse(text).map(Credential::Token)
    });
    let tokens = section.values("tokens", &hash).into_iter();
    tokens.filter_map(|token| shared.credentials.add(section, "tokens", token)).collect()
}

fn jwt(section: &mut Section<'_, '_>, shared: &mut Shared<'_>) -> Option<Credential> {
    section.map("jwt", |section| {
        let before = section.reader.errors.len();
        let is_known = |name: &str| shared.issuers.iter().any(|issuer| issuer.name == name);
        let known = text("the name of one of jwt_issuers", |name| is_known(name).then(|| name.to_owned()));
        let issuer = section.required("issuer", &known);
        let subject = section.value("subject", &not_empty()).map(|subject| subject.value);
        let claims = claims(section);
        if subject.is_none() && claims.is_empty() && before == section.reader.errors.len() {
            section.error(section.location(), "", "needs subject or claims: every token of the issuer would match");
        }
        if before != section.reader.errors.len() {
            return None;
        }
        let rule = Credential::Jwt(JwtRule { issuer: issuer?.value, subject, claims });
        let location = section.location();
        shared.credentials.add(section, "", Spanned { value: rule, location })
    })?
}

fn claims(section: &mut Section<'_, '_>) -> BTreeMap<String, String> {
    let claim = text("the name of a claim, or a JSON Pointer to it", |text| {
        (!matches!(text, "" | "/")).then(|| text.to_owned())
    });
    let claims = section.text_by_name("claims").into_iter();
    claims.filter_map(|(name, value)| Some((section.parse("claims", name, &claim)?.value, value.value))).collect()
}

fn certificate(section: &mut Section<'_, '_>, shared: &mut Shared<'_>) -> Option<Credential> {
    section.map("certificate", |section| {
        let (key, written) = section.one_of(["dns", "uri"])?;
        let kind = match key {
            "dns" => text("a DNS name without a wildcard, as in the certificate", Credential::dns),
            _ => text("a URI such as spiffe://domain/path, as in the certificate", Credential::uri),
        };
        let credential = section.parse(key, written, &kind)?;
        shared.credentials.add(section, key, credential)
    })?
}
