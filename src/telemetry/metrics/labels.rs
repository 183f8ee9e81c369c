//! Label values. A label never holds a phone number, an ID, a key or a code, and has a bounded set of values.

use std::collections::HashSet;

use opentelemetry::Value;

use crate::{
    domain::{Country, LimitMode, TenantId},
    sync::RwLock,
    telnyx::Channel,
};

/// The label sets of a counter. Further ones go into one series, `otel_metric_overflow="true"`. There is room for every
/// country on every channel with every outcome.
pub(super) const MAX_SERIES: usize = 5000;

/// How a send ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SendOutcome {
    /// Telnyx accepted it.
    Sent,
    /// It was refused, by the gateway or by Telnyx.
    Refused,
    /// Nothing was sent.
    Failed,
    /// It may have been sent.
    Unknown,
}

/// Something that can be the value of a label.
pub(super) trait Label {
    fn value(self, tenants: &TenantLabels) -> Value;
}

impl Label for &'static str {
    fn value(self, _: &TenantLabels) -> Value {
        self.into()
    }
}

impl Label for Channel {
    fn value(self, _: &TenantLabels) -> Value {
        self.as_str().into()
    }
}

impl Label for Option<Country> {
    fn value(self, _: &TenantLabels) -> Value {
        self.map_or(Value::from("none"), |country| country.to_string().into())
    }
}

impl Label for LimitMode {
    fn value(self, _: &TenantLabels) -> Value {
        match self {
            Self::Enforce => "enforced".into(),
            Self::Observe => "observed".into(),
        }
    }
}

impl Label for SendOutcome {
    fn value(self, _: &TenantLabels) -> Value {
        match self {
            Self::Sent => "sent".into(),
            Self::Refused => "refused".into(),
            Self::Failed => "failed".into(),
            Self::Unknown => "unknown".into(),
        }
    }
}

impl Label for Option<&TenantId> {
    fn value(self, tenants: &TenantLabels) -> Value {
        tenants.label(self)
    }
}

impl Label for &TenantId {
    fn value(self, tenants: &TenantLabels) -> Value {
        tenants.label(Some(self))
    }
}

/// The tenants that have a label of their own: the first `max` ones. All others are `other`.
pub(super) struct TenantLabels {
    max: usize,
    known: RwLock<HashSet<TenantId>>,
}

impl TenantLabels {
    pub(super) fn new(max: usize) -> Self {
        Self { max, known: RwLock::default() }
    }

    /// The label of `tenant`; `none` if the caller is unknown.
    pub(super) fn label(&self, tenant: Option<&TenantId>) -> Value {
        let Some(tenant) = tenant else { return "none".into() };
        if self.has(tenant) { Value::from(tenant.shared()) } else { "other".into() }
    }

    fn has(&self, tenant: &TenantId) -> bool {
        let known = self.known.read();
        if known.contains(tenant) {
            return true;
        }
        if known.len() >= self.max {
            return false;
        }
        drop(known);
        let mut known = self.known.write();
        known.len() < self.max && known.insert(tenant.clone()) || known.contains(tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_tenants_keep_their_names_and_further_ones_are_other() {
        let tenants = TenantLabels::new(2);
        let label = |name: &str| tenants.label(TenantId::new(name).as_ref()).to_string();
        let seen: Vec<String> = ["a", "b", "c", "a", "d", "b"].map(label).into();
        assert_eq!(seen, ["a", "b", "other", "a", "other", "b"]);
        assert_eq!(tenants.label(None).to_string(), "none");
    }
}
