//! Why authentication failed. Only logs and metrics show it, never the answer to the caller.

use std::time::Duration;

/// When the keys of an issuer without any are fetched again, and when its callers may try again.
pub(super) const RETRY_WITHOUT_KEYS: Duration = Duration::from_secs(5);

/// Why authentication failed. It contains nothing of the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.name())]
pub enum DenialCause {
    /// The call presents no credentials.
    Missing,
    /// The credentials can't be parsed.
    Malformed,
    /// No identity has this bearer token.
    UnknownToken,
    /// No identity has this certificate.
    UnknownCertificate,
    /// No issuer is configured with this `iss`.
    UnknownIssuer,
    /// The issuer must not sign with this algorithm, or its key is for another one.
    Algorithm,
    /// The issuer has no such key.
    UnknownKey,
    /// The issuer's keys were never fetched.
    NoKeys,
    /// The issuer's keys are being fetched, and as many calls as may wait for them do so already.
    KeysPending,
    /// The signature does not verify.
    BadSignature,
    /// The token has expired.
    Expired,
    /// The token is not valid yet.
    NotYetValid,
    /// The token is for another audience.
    WrongAudience,
    /// The token is valid, but no identity has its subject and claims.
    UnknownSubject,
    /// The credentials belong to different identities.
    ConflictingCredentials,
}

impl DenialCause {
    /// When the caller may try again, if nobody knows yet whether its credentials are valid.
    pub const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::NoKeys => Some(RETRY_WITHOUT_KEYS),
            // As long as many a fetch takes.
            Self::KeysPending => Some(Duration::from_secs(1)),
            _ => None,
        }
    }

    /// Its name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::UnknownToken => "unknown_token",
            Self::UnknownCertificate => "unknown_certificate",
            Self::UnknownIssuer => "unknown_issuer",
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown_key",
            Self::NoKeys => "no_keys",
            Self::KeysPending => "keys_pending",
            Self::BadSignature => "bad_signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::WrongAudience => "wrong_audience",
            Self::UnknownSubject => "unknown_subject",
            Self::ConflictingCredentials => "conflicting_credentials",
        }
    }
}
