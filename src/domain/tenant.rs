//! Tenants.

use std::time::Duration;

use super::{ApiKey, Limits, NumberType, TenantId, TestNumbers};

/// A team that uses the gateway.
#[derive(Debug)]
pub struct Tenant {
    /// Its name.
    pub id: TenantId,
    /// The Telnyx API key of its calls.
    pub key: ApiKey,
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
            default_profile: None,
            duplicate_window: None,
            number_types: Vec::new(),
            limits: Limits::none(),
            test_numbers: TestNumbers::none(),
        }
    }
}
