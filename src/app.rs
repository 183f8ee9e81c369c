//! The composition root: settings and a tenant directory become a running gateway.

use std::{io, net::SocketAddr};

use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};

use crate::{
    clock::Clock,
    config::{self, Config},
    grpc::{self, Cut},
    services::{Services, Tasks},
    store::Store,
    telemetry::Sampling,
    tenant::Directory,
    upstream::{self, Client},
};

/// A gateway that has its port and serves nobody yet.
pub struct Gateway {
    listener: TcpListener,
    addr: SocketAddr,
    server: grpc::Server,
    /// What outlives the call that began it.
    tasks: Tasks,
    limits: config::Shutdown,
}

/// Why a gateway does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address can't be had.
    #[error("can't listen on {addr}")]
    Bind {
        /// The address.
        addr: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The client of the upstream can't be built.
    #[error(transparent)]
    Upstream(#[from] upstream::BuildError),
}

impl Gateway {
    /// Puts the parts together and takes the port.
    ///
    /// # Errors
    /// [`Error::Bind`] and [`Error::Upstream`].
    pub async fn bind(config: &Config, directory: Directory, clock: Clock) -> Result<Self, Error> {
        let upstream = Client::new(&config.upstream, clock.clone())?;
        let sampling = Sampling::new(&config.telemetry.otlp);
        let store = Store::memory(&config.store, clock.clone());
        let tasks = Tasks::default();
        let services = Services::new(config, &upstream, &store, &clock, &tasks);
        let server = grpc::Server::new(&config.grpc, sampling, directory, services, upstream);
        let refused = |source| Error::Bind { addr: config.grpc.listen, source };
        let listener = TcpListener::bind(config.grpc.listen).await.map_err(refused)?;
        let addr = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, addr, server, tasks, limits: config.shutdown.clone() })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `shutdown`, then drains: whoever watches turns away, connections are asked to close, and running calls
    /// have the grace period to finish. What is not done by then is ended.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        tracing::info!(addr = %self.addr, "listening");
        let Self { listener, server, tasks, limits, .. } = self;
        let closing = async {
            shutdown.await;
            tracing::info!("draining");
            server.turn_away().await;
            sleep(limits.delay).await;
        };
        server.serve(listener, closing).await;
        let done = async {
            server.drain().await;
            // Only now can no call begin anything more.
            tasks.drain().await;
        };
        // A peer that never ends its stream must not hold the process.
        if timeout(limits.grace_period, done).await.is_err() {
            let Cut { connections, calls } = server.cut().await;
            tracing::warn!(connections, calls, tasks = tasks.cut(), "the grace period ran out");
        }
    }
}
