//! A Telnyx account that signs webhooks, by the published rule.

use std::net::SocketAddr;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use verify_gateway::{
    config::Config,
    domain::{ApiKey, Identity, Permissions, TelnyxAccount, Tenant, TenantId, TokenHash, WebhookKey},
    tenant::{Credential, Directory},
};

use super::{KEY, OTHER_KEY, OTHER_TOKEN, TOKEN};

/// The end of the path of the account `main`.
pub const WEBHOOK_TOKEN: &str = "0123456789abcdef";

/// A key of an account.
pub struct WebhookSigner(Ed25519KeyPair);

impl WebhookSigner {
    pub fn new(seed: u8) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }

    pub fn key(&self) -> WebhookKey {
        WebhookKey::parse(&BASE64_STANDARD.encode(self.public_key())).unwrap()
    }

    pub fn public_key(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// The headers of `body`, signed at the second `at`.
    pub fn headers(&self, at: i64, body: &[u8]) -> HeaderMap {
        let signature = self.0.sign(&[at.to_string().as_bytes(), b"|", body].concat());
        let mut headers = HeaderMap::new();
        headers.insert("telnyx-timestamp", at.into());
        headers.insert("telnyx-signature-ed25519", BASE64_STANDARD.encode(signature).parse().unwrap());
        headers
    }

    /// Sends `body` to the account with `token`, signed at `at`. Returns the status.
    pub async fn post(&self, port: SocketAddr, token: &str, at: i64, body: &Value) -> u16 {
        let body = body.to_string().into_bytes();
        post(port, &format!("/webhooks/{token}"), self.headers(at, &body), body).await
    }
}

/// Sends a request as it is. Returns the status, whose body must be empty.
pub async fn post(port: SocketAddr, path: &str, headers: HeaderMap, body: Vec<u8>) -> u16 {
    let url = format!("http://{port}{path}");
    let answer = reqwest::Client::new().post(url).headers(headers).body(body).send().await.unwrap();
    let status = answer.status().as_u16();
    assert!(answer.bytes().await.unwrap().is_empty());
    status
}

/// An event of a delivery, as the guide of Telnyx shows one.
pub fn delivery(id: &str, profile_id: &str, status: &str) -> Value {
    let kind = match status {
        "sent" | "delivered" => status,
        _ => "failed",
    };
    json!({
        "data": {
            "event_type": format!("verify.{kind}"),
            "id": id,
            "occurred_at": "2025-10-08T17:16:09.602+00:00",
            "record_type": "event",
            "payload": {
                "id": id, "record_type": "verification", "type": "sms", "phone_number": super::PHONE,
                "profile_id": profile_id, "status": "pending", "delivery_status": status, "custom_code": "918273",
                "failed_attempts": 0, "timeout_secs": null, "extension": null, "mccmnc": null,
                "created_at": "2025-10-08T17:16:08.302000", "updated_at": "2025-10-08T17:16:09.502000",
            },
        },
        "meta": {"attempt": 1, "delivered_to": "https://gateway.example/webhooks/x"},
    })
}

/// Opens the webhook port.
pub fn with_webhooks(config: &mut Config) {
    config.webhooks.listen = Some("127.0.0.1:0".parse().unwrap());
}

/// The account `main` with these keys, and its tenants `login` and `billing`, each with the profiles that it may use.
pub fn account_of(keys: Vec<WebhookKey>, profiles: [Permissions; 2]) -> Directory {
    let [login, billing] = profiles;
    let tenants = [("login", KEY, TOKEN, login), ("billing", OTHER_KEY, OTHER_TOKEN, billing)];
    let tenants = tenants.map(|(id, key, token, permissions)| {
        let mut tenant = Tenant::new(TenantId::new(id).unwrap(), ApiKey::new(key).unwrap());
        tenant.telnyx_account = Some("main".to_owned());
        let identity = Identity { name: format!("{id}-service").into(), permissions };
        (tenant, vec![(identity, vec![Credential::Token(TokenHash::of(token))])])
    });
    let account = TelnyxAccount { name: "main".into(), webhook_token: WEBHOOK_TOKEN.into(), public_keys: keys };
    Directory::new(tenants.into()).with_accounts(vec![account])
}
