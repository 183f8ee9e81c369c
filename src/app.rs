//! The composition root: settings and a tenant directory become a running gateway.

mod load;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    sync::Notify,
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    admin::{AdminServer, NotReady, Readiness},
    authn::Authenticator,
    clock::Clock,
    config::{self, Config, Errors},
    grpc::{Aborted, GrpcServer},
    limits::CallLimiter,
    reload::Reload,
    services::{Services, Tasks},
    store::{Connectivity, Store},
    telemetry::{Metrics, Telemetry},
    tenant::{Directory, DirectoryWatch},
    upstream::{self, Client},
};

pub use self::load::Loaded;

/// A gateway that has its port and serves nobody yet.
pub struct Gateway {
    listener: TcpListener,
    addr: SocketAddr,
    server: GrpcServer,
    admin: Option<AdminServer>,
    readiness: Readiness,
    store: Store,
    authenticator: Authenticator,
    metrics: Metrics,
    /// Where tenants may change.
    reload: Option<Reload<Directory>>,
    /// What outlives the call that began it.
    tasks: Tasks,
    limits: config::ShutdownConfig,
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
    /// The files of `grpc.tls` or of the store can't be used.
    #[error(transparent)]
    Files(#[from] Errors),
}

impl Gateway {
    /// Puts the parts together and takes the ports.
    ///
    /// # Errors
    /// Each of [`Error`].
    pub async fn bind(
        config: &Config,
        directory: Directory,
        clock: Clock,
        telemetry: &Telemetry,
    ) -> Result<Self, Error> {
        let metrics = telemetry.metrics.clone();
        let upstream = Client::new(&config.upstream, clock.clone(), &metrics)?;
        let store = Store::new(&config.store, clock.clone(), {
            let metrics = metrics.clone();
            move |seen| metrics.store_updated(seen.outcome, seen.took, seen.conflicts)
        })?;
        let tasks = Tasks::default();
        let services = Services::new(config, &upstream, &store, &clock, &tasks, &metrics);
        let authenticator = Authenticator::new(directory, clock.clone(), metrics.clone());
        let calls = CallLimiter::new(clock.clone(), metrics.clone());
        let server = GrpcServer::new(&config.grpc, telemetry, authenticator.clone(), calls, services, clock)?;
        let refused = |addr| move |source| Error::Bind { addr, source };
        let listener = TcpListener::bind(config.grpc.listen).await.map_err(refused(config.grpc.listen))?;
        let addr = listener.local_addr().map_err(refused(config.grpc.listen))?;
        let readiness = Readiness::default();
        let admin = match config.admin.listen {
            Some(listen) => {
                let (metrics, log) = (metrics.clone(), telemetry.log.clone());
                let server = AdminServer::bind(listen, readiness.clone(), metrics, log, config).await;
                Some(server.map_err(refused(listen))?)
            }
            None => None,
        };
        let limits = config.shutdown.clone();
        let reload = None;
        Ok(Self { listener, addr, server, admin, readiness, store, authenticator, metrics, reload, tasks, limits })
    }

    /// Reloads the tenants when a file of `watch` changes. The gateway looks at the files once in an `interval`, and
    /// whenever `at_once` is notified.
    #[must_use]
    pub fn watching(mut self, watch: DirectoryWatch, interval: Duration, at_once: Arc<Notify>) -> Self {
        self.reload = Some(Reload::new("tenants", watch, interval, at_once, self.metrics.clone()));
        self
    }

    /// Where its admin port listens, if it has one.
    #[must_use]
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(AdminServer::addr)
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `shutdown`, then drains: whoever watches turns away, connections are asked to close, and running calls
    /// have the grace period to finish. What is not done by then is ended.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        tracing::info!(addr = %self.addr, admin = self.admin_addr().map(tracing::field::display), "listening");
        let Self { listener, server, admin, readiness, store, authenticator, metrics, reload, tasks, limits, .. } =
            self;
        // Until this function ends: probes must see that it drains.
        let _admin = admin.map(|admin| AbortOnDropHandle::new(tokio::spawn(serve_admin(admin))));
        let _reload = reload.map(|reload| AbortOnDropHandle::new(tokio::spawn(follow_tenants(reload, authenticator))));
        if store.is_remote() {
            // Whether it can be reached will be seen. A gateway with a wrong address or password takes no other's place.
            readiness.add(NotReady::Store);
            server.set_not_serving().await;
        } else {
            server.set_serving().await;
        }
        readiness.remove(NotReady::Starting);
        let closing = async {
            tokio::select! {
                () = follow(&store, &readiness, &metrics, &server) => {}
                () = shutdown => {}
            }
            tracing::info!("draining");
            readiness.add(NotReady::Draining);
            server.set_not_serving().await;
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
            let Aborted { connections, calls } = server.abort().await;
            tracing::warn!(connections, calls, tasks = tasks.abort(), "the grace period ran out");
        }
    }
}

/// Tells whoever asks how it stands with the store. A gateway that has reached it once stays ready, also when it is away:
/// it is away for all of them, and reads go on.
async fn follow(store: &Store, readiness: &Readiness, metrics: &Metrics, server: &GrpcServer) {
    let (mut last, mut reached) = (None, !store.is_remote());
    loop {
        let contact = store.connectivity(last).await;
        last = Some(contact);
        metrics.store_is_up(contact == Connectivity::Up);
        if contact == Connectivity::Up && !reached {
            reached = true;
            readiness.remove(NotReady::Store);
            server.set_serving().await;
        }
        readiness.set_store_degraded(reached && contact == Connectivity::Down);
    }
}

async fn follow_tenants(reload: Reload<Directory>, authenticator: Authenticator) {
    let apply = |directory: Directory| {
        let tenants = directory.entries().len();
        authenticator.replace(directory);
        tracing::info!(tenants, "the tenants have changed");
    };
    match reload.run(apply).await {}
}

async fn serve_admin(admin: AdminServer) {
    if let Err(error) = admin.serve().await {
        tracing::error!(%error, "the admin port failed");
    }
}
