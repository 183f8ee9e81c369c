//! The names of tenants.

use std::{fmt, sync::Arc};

/// A tenant's name: 1 to 63 lower-case letters, digits and hyphens, as in a DNS label (RFC 1123).
///
/// It appears in logs, spans and metrics. Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// Takes `text` if it is a valid name.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let hyphen_outside = text.starts_with('-') || text.ends_with('-');
        ((1..=63).contains(&text.len()) && text.bytes().all(inner) && !hyphen_outside).then(|| Self(text.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name, without a copy.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_labels() {
        for good in ["a", "login-team", "t1", &"a".repeat(63)] {
            assert!(TenantId::new(good).is_some(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a b", "a.b", "ä", &"a".repeat(64)] {
            assert!(TenantId::new(bad).is_none(), "{bad}");
        }
    }
}
