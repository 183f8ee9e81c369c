//! The composition root: settings and a tenant directory become a running gateway.

use std::{error::Error as StdError, future::Future, io, net::SocketAddr, time::Duration};

use tokio::{
    net::TcpListener,
    pin, select,
    sync::oneshot,
    time::{Instant, timeout_at},
};

use crate::{
    clock::Clock,
    config::Config,
    grpc,
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
    tasks: Tasks,
    grace_period: Duration,
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
    /// The server failed.
    #[error("the gRPC server failed")]
    Serve(#[source] Box<dyn StdError + Send + Sync>),
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
        Ok(Self { listener, addr, server, tasks, grace_period: config.shutdown.grace_period })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `shutdown`, then drains: no new calls, and running ones have the grace period to finish.
    ///
    /// # Errors
    /// [`Error::Serve`].
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        tracing::info!(addr = %self.addr, "listening");
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = self.server.serve(self.listener, async { drop(stopped.await) });
        pin!(serving, shutdown);
        select! {
            served = &mut serving => return served.map_err(Error::Serve),
            () = &mut shutdown => tracing::info!("draining"),
        }
        drop(stop);
        let end = Instant::now() + self.grace_period;
        // A peer that never ends its stream must not hold the process.
        let served = timeout_at(end, serving).await;
        // A send whose caller is gone goes on until its end is known.
        let all_ended = self.tasks.drain(end.saturating_duration_since(Instant::now())).await;
        if served.is_err() || !all_ended {
            tracing::warn!("the grace period ran out with calls still running");
        }
        served.unwrap_or(Ok(())).map_err(Error::Serve)
    }
}
