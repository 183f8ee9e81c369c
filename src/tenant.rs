//! Who is calling, and with which key.

mod directory;
mod file;
mod key;
mod token;

use std::sync::Arc;

use tokio::time::Instant;

use crate::domain::{Country, TenantId};
use crate::telnyx::Channel;

pub use self::{
    directory::{Directory, Entry},
    key::{ApiKey, KeySource},
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
    /// When the caller stops waiting.
    pub deadline: Instant,
}
