//! Why a caller is not known: for logs and metrics, never for the caller.

use std::fmt;

/// Why a caller is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It shows nothing.
    Missing,
    /// What it shows can't be read.
    Malformed,
    /// It is nobody's bearer token.
    UnknownToken,
    /// Its certificate is nobody's.
    UnknownCertificate,
    /// Nobody configured the issuer of its JWT.
    UnknownIssuer,
    /// The issuer may not sign with this algorithm, or the key does not: `none`, a symmetric one, one not allowed.
    Algorithm,
    /// The issuer has no such key.
    UnknownKey,
    /// The signature is not the key's.
    BadSignature,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It is meant for somebody else.
    WrongAudience,
    /// The JWT is right and nobody's.
    UnknownSubject,
    /// Two things that it shows are of different identities.
    ConflictingCredentials,
}

impl Cause {
    /// Its name in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::UnknownToken => "unknown_token",
            Self::UnknownCertificate => "unknown_certificate",
            Self::UnknownIssuer => "unknown_issuer",
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::WrongAudience => "wrong_audience",
            Self::UnknownSubject => "unknown_subject",
            Self::ConflictingCredentials => "conflicting_credentials",
        }
    }
}

/// A caller that is not known. Nothing of what it showed is in here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct Denied {
    /// Why.
    pub cause: Cause,
}

impl From<Cause> for Denied {
    fn from(cause: Cause) -> Self {
        Self { cause }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
