//! The environment variables that a configuration may read.

use std::{collections::BTreeMap, ffi::OsString};

/// A set of environment variables. Nothing reads the variables of the process directly, so a test can pass its own set.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

/// What an error says of a variable that is not set.
pub const UNSET: &str = "the environment variable is not set";

/// Why a variable has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is not set.
    Unset,
    /// It is set to something that is not UTF-8.
    NotText,
}

impl Environment {
    /// The current variables of the process.
    pub fn of_process() -> Self {
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()
    }

    /// The value of the variable `name`.
    pub fn get(&self, name: &str) -> Result<&str, Unread> {
        self.0.get(name).ok_or(Unread::Unset)?.to_str().ok_or(Unread::NotText)
    }

    /// The names of all variables that begin with `prefix`.
    pub fn names<'e>(&'e self, prefix: &'e str) -> impl Iterator<Item = &'e str> {
        self.0.keys().map(String::as_str).filter(move |name| name.starts_with(prefix))
    }
}

impl<N: Into<String>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}
