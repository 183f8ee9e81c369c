//! Telnyx accounts whose webhooks the gateway takes.

use super::WebhookKey;

/// A Telnyx account that sends webhooks.
#[derive(Clone, Debug)]
pub struct TelnyxAccount {
    /// Its name, which is the `telnyx_account` of its tenants.
    pub name: String,
    /// The end of the path of its webhooks.
    pub webhook_token: String,
    /// The keys that sign them. Each one is enough.
    pub public_keys: Vec<WebhookKey>,
}
