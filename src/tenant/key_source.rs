//! Where Telnyx API keys come from.

use std::{fmt, path::PathBuf, time::SystemTime};

/// Where a key was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A file of its own, by its path.
    File(PathBuf),
    /// An environment variable, by its name.
    Environment(String),
    /// The tenants file itself, or the program.
    Inline,
}

impl KeySource {
    /// When it was last changed, as its file system says; none where it is no file. It asks that: it may block.
    #[must_use]
    pub fn changed_at(&self) -> Option<SystemTime> {
        let Self::File(path) = self else { return None };
        path.metadata().and_then(|about| about.modified()).ok()
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Inline => f.write_str("inline"),
        }
    }
}
