//! Tenants.

use std::time::Duration;

use super::{ApiKey, Limits, NumberType, TenantId, TestNumbers};

/// A team that uses the gateway.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its name.
    pub id: TenantId,
    /// The Telnyx API key of its calls.
    pub key: ApiKey,
    /// The name of the Telnyx account that the key belongs to. `None`: the key stands for its account.
    pub telnyx_account: Option<String>,
    /// The end of the path of the account's webhooks, if the gateway takes them.
    pub webhook_token: Option<String>,
    /// The profile of calls that name none.
    pub default_profile: Option<String>,
    /// How long a send without a `request_id` counts as a duplicate of an equal earlier one. `None` turns this off.
    pub duplicate_window: Option<Duration>,
    /// The special number types that the tenant may send to; see [`NumberType::SPECIAL`].
    pub number_types: Vec<NumberType>,
    /// How much the tenant may do.
    pub limits: Limits,
    /// The phone numbers to which no message is sent.
    pub test_numbers: TestNumbers,
}

impl Tenant {
    /// A tenant with a name and a key, and without limits.
    #[must_use]
    pub const fn new(id: TenantId, key: ApiKey) -> Self {
        Self {
            id,
            key,
            telnyx_account: None,
            webhook_token: None,
            default_profile: None,
            duplicate_window: None,
            number_types: Vec::new(),
            limits: Limits::none(),
            test_numbers: TestNumbers::none(),
        }
    }

    /// Identifies the Telnyx account. Tenants with the same account share its messages and lists.
    #[must_use]
    pub fn account_id(&self) -> &[u8] {
        self.telnyx_account.as_ref().map_or(self.key.identity().as_bytes(), String::as_bytes)
    }
}
