//! Roles: names for lists of RPCs.

use std::collections::BTreeMap;

use crate::{domain::Allowed, pb::RPCS};

/// The roles that every tenants file has.
const BUILT_IN: [&str; 3] = ["sender", "reader", "admin"];
/// What a service needs to send and check codes.
const SENDER: [&str; 3] = ["CreateVerification", "CheckVerification", "GetVerification"];

/// All RPCs, by their short names.
pub(super) fn rpcs() -> impl Iterator<Item = &'static str> {
    RPCS.into_iter().map(|rpc| rpc.rsplit('/').next().unwrap_or_default())
}

/// The RPC with this short name.
pub(super) fn rpc(name: &str) -> Option<&'static str> {
    rpcs().find(|rpc| *rpc == name)
}

/// The built-in roles and those of the file.
#[derive(Default)]
pub(super) struct Roles {
    own: BTreeMap<String, Vec<&'static str>>,
}

impl Roles {
    /// Whether the name is taken.
    pub(super) fn has(&self, name: &str) -> bool {
        BUILT_IN.contains(&name) || self.own.contains_key(name)
    }

    pub(super) fn add(&mut self, name: String, rpcs: Vec<&'static str>) {
        self.own.insert(name, rpcs);
    }

    /// The RPCs that the role allows.
    pub(super) fn get(&self, name: &str) -> Option<Allowed<&'static str>> {
        let only = |rpcs: &[&'static str]| Some(Allowed::Only(rpcs.to_vec()));
        match name {
            "admin" => Some(Allowed::Any),
            "sender" => only(&SENDER),
            "reader" => {
                Some(Allowed::Only(rpcs().filter(|rpc| rpc.starts_with("Get") || rpc.starts_with("List")).collect()))
            }
            name => self.own.get(name).and_then(|rpcs| only(rpcs)),
        }
    }

    /// The names of all roles.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        BUILT_IN.into_iter().chain(self.own.keys().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_admins_may_change_profiles_and_templates() {
        let roles = Roles::default();
        for rpc in ["CreateProfile", "UpdateProfile", "DeleteProfile", "CreateTemplate", "UpdateTemplate"] {
            assert!(rpcs().any(|one| one == rpc));
            assert!(roles.get("admin").unwrap().has(rpc));
            assert!(!roles.get("sender").unwrap().has(rpc) && !roles.get("reader").unwrap().has(rpc));
        }
        assert!(SENDER.into_iter().all(|rpc| rpcs().any(|one| one == rpc)));
        assert!(roles.get("reader").unwrap().has("ListVerifications"));
        assert!(!roles.get("reader").unwrap().has("CheckVerification"));
        assert_eq!(roles.get("owner"), None);
    }
}
