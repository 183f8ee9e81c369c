//! A stateful, offline Telnyx Verify API over HTTP, with an outbox in place of phones.
//!
//! The API is below `/v2`. The outbox, the clock, the faults and the settings are below `/_simulator`. Every answer has
//! the header `x-simulator: true`. `docs/SIMULATOR.md` is the guide for users.
//!
//! The files form layers, and import only from the layers above them in this list:
//!
//! - values: [`settings`], `clock`, `ids`, `delay`, `phone`, `outbox`, `verification`, `error`, `connection`
//! - resources: `fields`, `profile`, `account`, `faults`, `fixtures`, `request_log`, `state`, `inbox`
//! - behaviour: `limits`, `send`, `check`, `handle`
//! - HTTP: `http` routes requests to one file for each group of endpoints

mod account;
mod check;
mod clock;
mod connection;
mod delay;
mod error;
mod faults;
mod fields;
mod fixtures;
mod handle;
mod http;
mod ids;
mod inbox;
mod limits;
mod outbox;
mod phone;
mod profile;
mod request_log;
mod send;
pub mod settings;
mod state;
mod verification;

use std::{io, net::SocketAddr, time::Duration};

use axum::{Router, extract::connect_info::MockConnectInfo};
use tokio::net::TcpListener;

use self::connection::SocketHandle;
pub use self::{
    account::AccountKey,
    check::{Keypress, KeypressError},
    clock::ClockChange,
    delay::Delay,
    faults::{Act, Fault, FaultBody, MAGIC_NUMBERS, MagicNumber},
    fixtures::{FixtureTemplate, Fixtures, QUICKSTART_PROFILE},
    handle::Handle,
    outbox::Message,
    settings::Settings,
};
use crate::clock::Clock;

/// How long a stopping simulator waits for running requests.
const DRAIN: Duration = Duration::from_secs(5);

/// A simulator that is bound to its address.
pub struct Server {
    listener: TcpListener,
    addr: SocketAddr,
    handle: Handle,
}

/// A simulator without a port, for tests in the same process: a handle, and the service that answers requests.
pub fn in_process(settings: Settings, clock: Clock) -> Result<(Handle, Router), Error> {
    let handle = Handle::new(settings, Fixtures::default(), clock).map_err(Error::Settings)?;
    let service = http::router(&handle).layer(MockConnectInfo(SocketHandle::default()));
    Ok((handle, service))
}

/// The reason why a simulator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Every client that reaches the simulator can read every code. So an address that other machines reach needs
    /// permission.
    #[error("{0} is not a loopback address, and remote access is not allowed")]
    NotLoopback(SocketAddr),
    /// A setting or a fixture is invalid.
    #[error("invalid settings or fixtures: {0}")]
    Settings(String),
    /// The address cannot be bound.
    #[error("cannot listen on {addr}")]
    Bind {
        /// The address.
        addr: SocketAddr,
        /// The error of the system.
        source: io::Error,
    },
}

impl Server {
    /// Binds `addr`, whose port may be 0. Connections wait until [`serve`](Self::serve). The caller applies the settings
    /// of the fixtures.
    ///
    /// # Errors
    /// [`Error`]: the address is not loopback and `allow_remote` is false, the settings or fixtures are invalid, or the
    /// address is in use.
    pub async fn bind(
        addr: SocketAddr,
        allow_remote: bool,
        settings: Settings,
        fixtures: Fixtures,
    ) -> Result<Self, Error> {
        if !allow_remote && !addr.ip().is_loopback() {
            return Err(Error::NotLoopback(addr));
        }
        let handle = Handle::new(settings, fixtures, Clock::default()).map_err(Error::Settings)?;
        let refused = |source| Error::Bind { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(refused)?;
        Ok(Self { addr: listener.local_addr().map_err(refused)?, listener, handle })
    }

    /// The bound address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Direct access to the simulator's state.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Answers requests until `shutdown` completes, then finishes running requests within five seconds.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send + 'static) {
        let app = http::router(&self.handle).into_make_service_with_connect_info::<SocketHandle>();
        let handle = self.handle;
        let stopped = handle.stopped();
        let serving = axum::serve(self.listener, app).with_graceful_shutdown(async move {
            shutdown.await;
            // Ends deliberate delays, so that they do not delay the shutdown.
            handle.stop();
        });
        tokio::select! {
            // It returns no errors: the listener retries a failed accept.
            _ = serving => {}
            () = async { stopped.await; tokio::time::sleep(DRAIN).await } => {}
        }
    }
}
