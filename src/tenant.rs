//! Who is calling, and with which key.

mod directory;
mod file;
mod key;
pub mod limits;
mod test_number;
mod token;

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::{Country, TenantId};
use crate::telnyx::Channel;

pub use self::{
    directory::{Directory, Entry},
    key::{ApiKey, KeyIdentity, KeySource},
    limits::Limits,
    test_number::{TestNumber, TestNumbers},
    token::TokenHash,
};

/// A tenant: a team whose services call, with the Telnyx key that its calls are made with.
#[derive(Debug)]
pub struct Tenant {
    /// Its name.
    pub id: TenantId,
    /// The key that its calls are made with.
    pub key: ApiKey,
    /// The profile of calls that name none.
    pub default_profile: Option<String>,
    /// What it may do.
    pub allow: Allow,
    /// How long a send without a `request_id` counts as the same as an equal one before it; none for not at all.
    pub duplicate_window: Option<Duration>,
    /// How much it may do.
    pub limits: Limits,
    /// The numbers that no message goes to.
    pub test_numbers: TestNumbers,
}

/// What a tenant may do. An empty list allows everything.
#[derive(Debug, Default)]
pub struct Allow {
    /// The rpcs, by their bare names (`CreateVerification`).
    pub rpcs: Vec<String>,
    /// The channels.
    pub channels: Vec<Channel>,
    /// The countries of the phone numbers.
    pub countries: Vec<Country>,
    /// The profiles, by id.
    pub profiles: Vec<String>,
}

/// On whose behalf something is done, and until when.
#[derive(Clone, Debug)]
pub struct Context {
    /// The tenant.
    pub tenant: Arc<Tenant>,
    /// When the caller stops waiting. Nothing new is begun for it after that.
    pub deadline: Instant,
    /// Set when the caller is gone before that. Nothing new is begun then either, but a request on its way is not
    /// interrupted: who has no use for its answer drops the future of the call.
    pub cancelled: CancellationToken,
    /// Whether somebody waits for the end of what was begun, even beyond the deadline. A send or a creation that is on
    /// its way has the whole time of an attempt then. Otherwise it is given up at the deadline, in doubt.
    pub followed: bool,
    /// Whether the gateway asks on its own for what the caller did not. It counts as a retry, and is left where the budget
    /// of retries is used up.
    pub unasked: bool,
}

impl Context {
    /// The same, for something that the caller did not ask for.
    #[must_use]
    pub fn unasked(&self) -> Self {
        Self { unasked: true, ..self.clone() }
    }

    /// Of a call of `tenant` whose caller waits until `deadline`, and nobody any longer.
    #[must_use]
    pub fn new(tenant: Arc<Tenant>, deadline: Instant) -> Self {
        Self { tenant, deadline, cancelled: CancellationToken::new(), followed: false, unasked: false }
    }
}
