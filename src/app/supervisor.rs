//! What the gateway tells systemd (`Type=notify`).

use std::{os::unix::net::UnixDatagram, path::PathBuf};

/// The socket of the process that started the gateway and waits for it, if there is one.
#[derive(Default)]
pub(super) struct Supervisor(Option<PathBuf>);

impl Supervisor {
    pub(super) const fn new(socket: Option<PathBuf>) -> Self {
        Self(socket)
    }

    /// Calls can be sent.
    pub(super) fn ready(&self) {
        self.tell("READY=1");
    }

    /// The gateway drains.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Sends one datagram. A gateway that can't tell serves all the same.
    fn tell(&self, state: &str) {
        let Some(socket) = &self.0 else { return };
        if let Err(error) = UnixDatagram::unbound().and_then(|from| from.send_to(state.as_bytes(), socket)) {
            tracing::warn!(%error, state, "can't tell the supervisor");
        }
    }
}
