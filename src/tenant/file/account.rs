//! The Telnyx accounts whose webhooks the gateway takes.

use super::Unique;
use crate::{
    config::{
        kinds::{Kind, not_empty, text},
        section::Section,
    },
    domain::{TelnyxAccount, WebhookKey},
    tenant::TenantEntry,
};

/// Reads `telnyx_accounts`. Each must be that of one of `tenants`.
pub(super) fn read_all(root: &mut Section<'_, '_>, tenants: &[TenantEntry]) -> Vec<TelnyxAccount> {
    let (mut names, mut tokens) = (Unique::default(), Unique::default());
    let accounts = root.maps("telnyx_accounts", |section| {
        let name = section.required("name", &not_empty()).and_then(|name| {
            if !tenants.iter().any(|entry| entry.tenant.telnyx_account.as_ref() == Some(&name.value)) {
                section.error(name.location.clone(), "name", "must be the telnyx_account of a tenant");
            }
            names.add(section, "name", name)
        });
        let token = section.required("webhook_token", &token());
        let token = token.and_then(|token| tokens.add(section, "webhook_token", token));
        section.demand("public_keys");
        let keys = section.values("public_keys", &key());
        Some(TelnyxAccount {
            name: name?,
            webhook_token: token?,
            public_keys: keys.into_iter().map(|key| key.value).collect(),
        })
    });
    accounts.into_iter().flatten().collect()
}

fn token() -> Kind<'static, String> {
    let is_token = |text: &str| {
        (16..=128).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
    };
    text("16 to 128 letters, digits, hyphens and underscores", move |text| is_token(text).then(|| text.to_owned()))
}

fn key() -> Kind<'static, WebhookKey> {
    text("the base64 of an Ed25519 public key, as the portal of Telnyx shows it", WebhookKey::parse)
}
