//! Settings of the admin port.

use std::net::SocketAddr;

use super::section::Section;

/// Settings of the admin port.
#[derive(Clone, Debug, PartialEq)]
pub struct Admin {
    /// Where it listens; none for not at all.
    pub listen: Option<SocketAddr>,
}

impl Admin {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        Self {
            listen: section.setting(
                "listen",
                "127.0.0.1:9090",
                "an IP address with a port, or empty",
                "Where it listens; port 0 takes a free one. Empty: there is none. It asks nobody for a token.",
                |text| if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) },
            ),
        }
    }
}
