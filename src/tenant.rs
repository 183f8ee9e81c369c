//! Who is calling, what they may do, and with which key it is done.

mod directory;
mod file;
mod identity;
mod issuer;
mod jwks;
mod key;
pub mod limits;
mod peer_certificate;
mod role;
mod sources;
mod test_number;
mod token;
mod watch;

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::TenantId;

pub use self::{
    directory::{Credential, Directory, Entry, Identities, Known},
    identity::{Allowed, Caller, Identity, Permissions},
    issuer::{Issuer, JwksUrl, JwtRule, KeysFrom},
    jwks::{Jwks, NotJwks},
    key::{ApiKey, KeyIdentity, KeySource},
    limits::Limits,
    peer_certificate::PeerCertificate,
    test_number::{TestNumber, TestNumbers},
    token::TokenHash,
    watch::Watch,
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
    /// How long a send without a `request_id` counts as the same as an equal one before it; none for not at all.
    pub duplicate_window: Option<Duration>,
    /// How much it may do.
    pub limits: Limits,
    /// The numbers that no message goes to.
    pub test_numbers: TestNumbers,
}

impl Tenant {
    /// A tenant with nothing but a name and a key: without limits, too.
    #[must_use]
    pub const fn new(id: TenantId, key: ApiKey) -> Self {
        Self {
            id,
            key,
            default_profile: None,
            duplicate_window: None,
            limits: Limits::none(),
            test_numbers: TestNumbers::none(),
        }
    }
}

/// On whose behalf something is done, and until when.
#[derive(Clone, Debug)]
pub struct Context {
    /// The tenant.
    pub tenant: Arc<Tenant>,
    /// Who of it.
    pub identity: Arc<Identity>,
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

    /// Of a call of `caller`, who waits until `deadline`, and nobody any longer.
    #[must_use]
    pub fn new(caller: Caller, deadline: Instant) -> Self {
        let Caller { tenant, identity } = caller;
        let cancelled = CancellationToken::new();
        Self { tenant, identity, deadline, cancelled, followed: false, unasked: false }
    }
}
