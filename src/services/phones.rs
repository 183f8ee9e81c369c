//! What the gateway knows of a phone number, for operators: why did this person get no code?

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    Send,
    dependencies::Dependencies,
    idempotency::{IdempotentOperation, unresolved_since},
};
use crate::{
    domain::{PhoneNumber, Tenant},
    limits::LimitState,
    store,
    telnyx::Channel,
};

/// Reads and forgets what limits count of a phone number. Clones share it.
#[derive(Clone)]
pub struct Phones(Arc<Dependencies>);

/// What the store knows of a phone number of one tenant.
#[derive(Debug, Serialize)]
pub struct PhoneReport {
    /// The limits that concern it.
    pub limits: Vec<LimitState>,
    /// The sends whose outcome is unknown, and those that run.
    pub unresolved: Vec<UnresolvedSend>,
}

/// A send that may have reached the phone.
#[derive(Debug, Serialize)]
pub struct UnresolvedSend {
    channel: &'static str,
    profile_id: String,
    since: Timestamp,
}

impl Phones {
    pub(super) const fn new(deps: Arc<Dependencies>) -> Self {
        Self(deps)
    }

    /// What stands for the phone in audit events.
    pub fn hash(&self, phone_number: &PhoneNumber) -> String {
        self.0.store.phone_hash(phone_number)
    }

    /// What the store knows of `phone_number`: its limits, and unresolved sends with the profile. It changes nothing.
    pub async fn report(
        &self,
        tenant: &Tenant,
        phone_number: &PhoneNumber,
        profile_id: Option<&str>,
    ) -> Result<PhoneReport, store::Error> {
        let limits = self.0.limiter.states(tenant, phone_number).await?;
        let mut unresolved = Vec::new();
        if let Some(profile_id) = profile_id.or(tenant.default_profile.as_deref()) {
            for channel in Channel::ALL {
                let target = Send::target(profile_id, phone_number, channel);
                let since = unresolved_since(&self.0, tenant, Send::RPC, &target).await?;
                let send =
                    |since| UnresolvedSend { channel: channel.as_str(), profile_id: profile_id.to_owned(), since };
                unresolved.extend(since.into_iter().map(send));
            }
        }
        Ok(PhoneReport { limits, unresolved })
    }

    /// Forgets the sends to `phone_number` and the wrong codes for it.
    pub async fn unlock(&self, tenant: &Tenant, phone_number: &PhoneNumber) -> Result<(), store::Error> {
        self.0.limiter.unlock(tenant, phone_number).await
    }
}
