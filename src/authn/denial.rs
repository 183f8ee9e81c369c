//! Why authentication failed. Only logs and metrics show it, never the answer to the caller.

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
            Self::BadSignature => "bad_signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::WrongAudience => "wrong_audience",
            Self::UnknownSubject => "unknown_subject",
            Self::ConflictingCredentials => "conflicting_credentials",
        }
    }
}
