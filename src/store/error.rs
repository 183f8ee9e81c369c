//! Why a record can't be read or written.

use std::{sync::Arc, time::Duration};

use super::Risk;
use crate::{domain, pb::ErrorReason};

/// The pushback of a refusal. The connection is checked that often.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// The pushback while the records of a tenant fill its share.
const SHARE_RETRY_AFTER: Duration = Duration::from_secs(30);

/// A record can't be read or written. An operation that depends on it must not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store has no room for a new record.
    #[error("the store is full")]
    Full,
    /// The records of the tenant fill its share of the store.
    #[error("the tenant's share of the store is full")]
    ShareFull,
    /// The record is not of this version.
    #[error("a record can't be parsed")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another program wrote the record.
    #[error("a record was not written by the gateway")]
    Foreign,
    /// The record would exceed the limit.
    #[error("a record is too large")]
    TooLarge,
    /// The server can't be reached, or refuses.
    #[error("the store can't be reached")]
    Unreachable(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// Others changed the record all the time.
    #[error("too many concurrent changes of a record")]
    Contended,
    /// The store may lose the record of a new operation.
    #[error("the store may not keep the record: {}", .0.describe())]
    AtRisk(Risk),
    /// Entries of a log are missing after a position.
    #[error("a log has lost entries")]
    LogGap,
    /// The answer was lost. The record may have been changed, once.
    #[error("it is unknown whether the record was changed")]
    Unknown(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// The value of the metric label `outcome`.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::ShareFull => "share_full",
            Self::Unreadable(_) | Self::Foreign => "unreadable",
            Self::TooLarge => "too_large",
            Self::Unreachable(_) => "unreachable",
            Self::Contended => "contended",
            Self::Unknown(_) => "unknown",
            Self::AtRisk(_) => "at_risk",
            Self::LogGap => "log_gap",
        }
    }
}

impl From<Error> for domain::Error {
    fn from(error: Error) -> Self {
        if matches!(error, Error::ShareFull) {
            let message = "the records of the tenant fill its share of the store until some expire";
            let refused = Self::new(ErrorReason::RequestLimitReached, message).rule("store.tenant_share");
            return refused.retry_after(SHARE_RETRY_AFTER).source(error);
        }
        let message = match &error {
            Error::AtRisk(risk) => format!("the store may not keep the record of the operation: {}", risk.describe()),
            _ => "the gateway can't record the operation".to_owned(),
        };
        Self::new(ErrorReason::StoreUnavailable, message).retry_after(RETRY_AFTER).source(error)
    }
}
