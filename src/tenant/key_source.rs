//! The sources of Telnyx API keys.

use std::{fmt, path::PathBuf, time::SystemTime};

/// The source of a key.
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
    /// The modification time of the file. `None` for other sources. It reads from the file system, so it may block.
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
