//! A stateful, offline Telnyx Verify API over HTTP, with an outbox instead of phones.
//!
//! The API is below `/v2`; below `/_simulator` are the outbox, the clock, faults and settings. Every answer is marked
//! `x-simulator: true`. `docs/SIMULATOR.md` describes it for people who use it.

mod auth;
mod block;
mod body;
mod checks;
mod connection;
mod control;
mod error;
mod faults;
mod handle;
mod ids;
mod key;
mod limits;
mod numbers;
mod outbox;
mod paging;
mod phone;
mod profiles;
mod records;
mod router;
mod segment;
pub mod settings;
mod state;
mod templates;
mod verifications;

use std::{io, net::SocketAddr, time::Duration};

use axum::{Router, extract::connect_info::MockConnectInfo};
use tokio::net::TcpListener;

use self::connection::{Listener, Switch};
pub use self::{
    faults::{Act, Fault, FaultBody},
    handle::{Handle, Keypress, KeypressError},
    key::Key,
    numbers::{NUMBERS, Number},
    outbox::Message,
    settings::{Setting, Settings},
};
use crate::clock::Clock;

/// How long a stopping simulator waits for requests that are being answered.
const DRAIN: Duration = Duration::from_secs(5);

/// A simulator that is bound to its address.
pub struct Server {
    listener: TcpListener,
    addr: SocketAddr,
    handle: Handle,
}

/// A simulator without a port, for tests in the same process: direct access, and the service that answers. It goes by
/// `clock`.
///
/// # Errors
/// [`Error::Settings`].
pub fn in_process(settings: Settings, clock: Clock) -> Result<(Handle, Router), Error> {
    settings.check().map_err(Error::Settings)?;
    let handle = Handle::new(settings, clock);
    let service = router::router(&handle).layer(MockConnectInfo(Switch::default()));
    Ok((handle, service))
}

/// Why a simulator can't start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Anyone who can reach the simulator can read every code, so other machines must be let in on purpose.
    #[error("the simulator listens on loopback only unless remote access is allowed, and {0} is not loopback")]
    NotLoopback(SocketAddr),
    /// The settings contradict each other.
    #[error("bad settings: {0}")]
    Settings(&'static str),
    /// The address can't be bound.
    #[error("cannot listen on {addr}")]
    Bind {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

impl Server {
    /// Binds `addr`, whose port may be 0. Connections wait until [`serve`](Self::serve).
    ///
    /// # Errors
    /// [`Error`]: an address that is not loopback without `allow_remote`, bad settings, or an address in use.
    pub async fn bind(addr: SocketAddr, allow_remote: bool, settings: Settings) -> Result<Self, Error> {
        if !allow_remote && !addr.ip().is_loopback() {
            return Err(Error::NotLoopback(addr));
        }
        settings.check().map_err(Error::Settings)?;
        let bind = async {
            let listener = TcpListener::bind(addr).await?;
            let bound = listener.local_addr()?;
            Ok((listener, bound))
        };
        let (listener, bound) = bind.await.map_err(|source| Error::Bind { addr, source })?;
        Ok(Self { listener, addr: bound, handle: Handle::new(settings, Clock::default()) })
    }

    /// The address that is bound.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Direct access to the simulator's state.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Answers requests until `shutdown` ends; then answers those it has, for at most five seconds.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send + 'static) {
        let app = router::router(&self.handle).into_make_service_with_connect_info::<Switch>();
        let handle = self.handle;
        let stopped = handle.stopped();
        let serving = axum::serve(Listener(self.listener), app).with_graceful_shutdown(async move {
            shutdown.await;
            // A slow answer on purpose must not hold the end up.
            handle.stop();
        });
        tokio::select! {
            // It has no errors of its own: a listener that can't accept tries again.
            _ = serving => {}
            () = async { stopped.await; tokio::time::sleep(DRAIN).await } => {}
        }
    }
}
