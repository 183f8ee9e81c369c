//! A stateful, offline Telnyx Verify API over HTTP, with an outbox in place of phones.
//!
//! The API is below `/v2`. The outbox, the clock, the faults and the settings are below `/_simulator`. Every answer has
//! the header `x-simulator: true`. `docs/SIMULATOR.md` is the guide for users.
//!
//! The files form layers, and import only from the layers above them in this list:
//!
//! - values: [`settings`], `clock`, `ids`, `delay`, `phone`, `outbox`, `verification`, `error`, `connection`, `tls`
//! - resources: `fields`, `profile`, `account`, `faults`, `fixtures`, `request_log`, `webhook`, `state`, `saved`, `inbox`
//! - behaviour: `limits`, `send`, `check`, `handle`, and `schedule` and `sender` of `webhook`
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
mod saved;
mod send;
pub mod settings;
mod state;
mod tls;
mod verification;
mod webhook;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use axum::{Router, extract::connect_info::MockConnectInfo};
use futures_util::future;
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio_rustls::TlsAcceptor;

use self::connection::{ConnectionListener, SocketHandle};
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
    tls::Certificate,
};
use crate::clock::Clock;

/// How long a stopping simulator waits for running requests.
const DRAIN: Duration = Duration::from_secs(5);

/// Stands for the address of a name that has none.
const UNRESOLVED: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// A simulator that is bound to its address.
pub struct Server {
    listeners: Vec<TcpListener>,
    addr: SocketAddr,
    tls: Option<TlsAcceptor>,
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
    /// Binds `addrs`, all with one port, which may be 0. Connections wait until [`serve`](Self::serve). The caller applies
    /// the settings of the fixtures.
    ///
    /// # Errors
    /// [`Error`]: an address is not loopback and `allow_remote` is false, the settings or fixtures are invalid, or an
    /// address is in use.
    pub async fn bind(
        addrs: impl ToSocketAddrs,
        allow_remote: bool,
        settings: Settings,
        fixtures: Fixtures,
    ) -> Result<Self, Error> {
        let unresolved = |source| Error::Bind { addr: UNRESOLVED, source };
        let mut addrs: Vec<_> = tokio::net::lookup_host(addrs).await.map_err(unresolved)?.collect();
        // IPv4 comes first.
        addrs.sort_unstable();
        addrs.dedup();
        if let Some(&remote) = addrs.iter().find(|addr| !allow_remote && !addr.ip().is_loopback()) {
            return Err(Error::NotLoopback(remote));
        }
        let handle = Handle::new(settings, fixtures, Clock::default()).map_err(Error::Settings)?;
        let listeners = listen(addrs).await?;
        let addr = listeners[0].local_addr().map_err(unresolved)?;
        Ok(Self { listeners, addr, tls: None, handle })
    }

    /// Serves HTTPS in place of HTTP.
    pub fn use_tls(&mut self, certificate: &Certificate) {
        self.tls = Some(certificate.acceptor.clone());
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
        let Self { listeners, tls, handle, .. } = self;
        let serving = listeners.into_iter().map(|listener| {
            let listener = ConnectionListener::new(listener, tls.clone());
            axum::serve(listener, app.clone()).with_graceful_shutdown(handle.stopped()).into_future()
        });
        tokio::spawn(webhook::run(handle.clone()));
        let stopped = handle.stopped();
        let stopping = async {
            shutdown.await;
            // Ends deliberate delays, so that they do not delay the shutdown.
            handle.stop();
        };
        tokio::select! {
            // It returns no errors: the listener retries a failed accept.
            _ = future::join(future::join_all(serving), stopping) => {}
            () = async { stopped.await; tokio::time::sleep(DRAIN).await } => {}
        }
    }
}

/// Listens on all addresses with the port of the first.
async fn listen(addrs: Vec<SocketAddr>) -> Result<Vec<TcpListener>, Error> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut missing = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for mut addr in addrs.iter().copied() {
        if let Some(first) = listeners.first().and_then(|first| first.local_addr().ok()) {
            addr.set_port(first.port());
        }
        match TcpListener::bind(addr).await {
            Ok(listener) => listeners.push(listener),
            // A name can have an address of IPv6 on a machine without it.
            Err(source) if source.kind() == io::ErrorKind::AddrNotAvailable => missing = source,
            Err(source) => return Err(Error::Bind { addr, source }),
        }
    }
    if listeners.is_empty() {
        let addr = addrs.first().copied().unwrap_or(UNRESOLVED);
        return Err(Error::Bind { addr, source: missing });
    }
    Ok(listeners)
}
