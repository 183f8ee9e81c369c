//! The composition root: makes a running gateway from settings and tenants.

pub mod descriptors;
mod load;
mod supervisor;

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use futures_util::FutureExt;
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
    store::{Connectivity, Risk, Store},
    telemetry::{Metrics, Telemetry},
    tenant::{Directory, DirectoryWatch},
    upstream::{self, Client},
    webhooks::WebhookServer,
};

pub use self::load::Loaded;
use self::supervisor::Supervisor;

/// A gateway that has its ports and does not serve yet.
pub struct Gateway {
    listener: TcpListener,
    addr: SocketAddr,
    server: GrpcServer,
    admin: Option<AdminServer>,
    webhooks: Option<(TcpListener, WebhookServer)>,
    readiness: Readiness,
    store: Store,
    authenticator: Authenticator,
    metrics: Metrics,
    /// Reloads the tenants. `None` if they can't change.
    reload: Option<Reload<Directory>>,
    supervisor: Supervisor,
    /// The work that outlives its calls.
    tasks: Tasks,
    limits: config::ShutdownConfig,
}

/// Why a gateway does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The gateway can't listen on the address.
    #[error("can't listen on {addr}")]
    Bind {
        /// The address.
        addr: SocketAddr,
        /// The error of the system.
        source: io::Error,
    },
    /// The client of the upstream can't be built.
    #[error(transparent)]
    Upstream(#[from] upstream::BuildError),
    /// The files of `grpc.tls`, of `webhooks.tls` or of the store can't be used.
    #[error(transparent)]
    Files(#[from] Errors),
}

impl Gateway {
    /// Builds the gateway and opens its ports.
    pub async fn bind(
        config: &Config,
        directory: Directory,
        clock: Clock,
        telemetry: &Telemetry,
    ) -> Result<Self, Error> {
        let metrics = telemetry.metrics.clone();
        let upstream = Client::new(config, clock.clone(), &metrics)?;
        let store = Store::new(&config.store, config.sends.settle_window, clock.clone(), {
            let metrics = metrics.clone();
            move |seen| metrics.store_updated(seen.outcome, seen.took, seen.conflicts)
        })?;
        let tasks = Tasks::default();
        let services = Services::new(config, &upstream, &store, &clock, &tasks, &metrics);
        let (events, phones) = (services.events.events.clone(), services.phones.clone());
        let authenticator = Authenticator::new(directory, clock.clone(), metrics.clone());
        let calls = CallLimiter::new(&clock, metrics.clone());
        let server = GrpcServer::new(
            (&config.grpc, &config.events),
            telemetry,
            authenticator.clone(),
            calls,
            services,
            clock.clone(),
        )?;
        let refused = |addr| move |source| Error::Bind { addr, source };
        let listener = TcpListener::bind(config.grpc.listen).await.map_err(refused(config.grpc.listen))?;
        let addr = listener.local_addr().map_err(refused(config.grpc.listen))?;
        let readiness = Readiness::default();
        let admin = match config.admin.listen {
            Some(listen) => {
                let (metrics, log) = (metrics.clone(), telemetry.log.clone());
                let phones = (phones, authenticator.clone());
                let server = AdminServer::bind(listen, readiness.clone(), metrics, log, phones, config).await;
                Some(server.map_err(refused(listen))?)
            }
            None => None,
        };
        let webhooks = match config.webhooks.listen {
            Some(listen) => {
                let (authenticator, metrics) = (authenticator.clone(), metrics.clone());
                let server = WebhookServer::new(&config.webhooks, authenticator, events, clock, metrics)?;
                Some((TcpListener::bind(listen).await.map_err(refused(listen))?, server))
            }
            None => None,
        };
        let limits = config.shutdown.clone();
        let (reload, supervisor) = (None, Supervisor::default());
        Ok(Self {
            listener,
            addr,
            server,
            admin,
            webhooks,
            readiness,
            store,
            authenticator,
            metrics,
            reload,
            supervisor,
            tasks,
            limits,
        })
    }

    /// Tells the process that listens on `socket` when the gateway serves and when it drains, as systemd's `sd_notify` does.
    #[must_use]
    pub fn telling(mut self, socket: Option<PathBuf>) -> Self {
        self.supervisor = Supervisor::new(socket);
        self
    }

    /// Reloads the tenants when a file of `watch` changes. The gateway looks at the files once in an `interval`, and
    /// whenever `at_once` is notified.
    #[must_use]
    pub fn watching(mut self, watch: DirectoryWatch, interval: Duration, at_once: Arc<Notify>) -> Self {
        self.reload = Some(Reload::new("tenants", watch, interval, at_once, self.metrics.clone()));
        self
    }

    /// The address of the admin port, if there is one.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(AdminServer::addr)
    }

    /// The address of the webhook port, if there is one.
    pub fn webhooks_addr(&self) -> Option<SocketAddr> {
        self.webhooks.as_ref().and_then(|(listener, _)| listener.local_addr().ok())
    }

    /// The address of the gRPC port.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `shutdown`, then drains: the health status becomes `NOT_SERVING`, connections close, and running
    /// calls have the grace period to finish. What still runs then is aborted.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        tracing::info!(addr = %self.addr, admin = self.admin_addr().map(tracing::field::display), "listening");
        let Self { listener, server, admin, webhooks, readiness, store, authenticator, metrics, reload, .. } = self;
        let (tasks, limits) = (self.tasks, self.limits);
        let supervisor = self.supervisor;
        // The admin port stays open until the end, so that probes see that the gateway drains.
        let _admin = admin.map(|admin| AbortOnDropHandle::new(tokio::spawn(admin.serve())));
        // So does the webhook port: what it can't take any more, Telnyx repeats.
        let _webhooks = webhooks.map(|(port, server)| AbortOnDropHandle::new(tokio::spawn(server.serve(port))));
        let followed = authenticator.clone();
        let _reload = reload.map(|reload| AbortOnDropHandle::new(tokio::spawn(follow_tenants(reload, followed))));
        // It is not known yet whether the store and the issuers can be reached. A gateway with a wrong address or password
        // must not replace a working one.
        if store.is_remote() {
            readiness.add(NotReady::Store);
        }
        if authenticator.keys_known().now_or_never().is_none() {
            readiness.add(NotReady::Issuers);
        }
        server.set_not_serving().await;
        let announced = Announced { readiness: &readiness, server: &server, supervisor: &supervisor };
        announced.remove(NotReady::Starting).await;
        let follow = async {
            let keys = async {
                authenticator.keys_known().await;
                announced.remove(NotReady::Issuers).await;
            };
            tokio::join!(follow_store(&store, &announced, &metrics), keys)
        };
        let closing = async {
            tokio::select! {
                _ = follow => {}
                () = shutdown => {}
            }
            tracing::info!("draining");
            readiness.add(NotReady::Draining);
            supervisor.stopping();
            server.set_not_serving().await;
            sleep(limits.delay).await;
        };
        server.serve(listener, closing).await;
        let done = async {
            server.drain().await;
            // Now no call can start further work.
            tasks.drain().await;
        };
        // A peer that never ends its stream must not keep the process.
        if timeout(limits.grace_period, done).await.is_err() {
            let Aborted { connections, calls } = server.abort().await;
            tracing::warn!(connections, calls, tasks = tasks.abort(), "the grace period ran out");
            // The aborted operations give their leases back, so that the next gateway need not wait for them.
            _ = timeout(LAST_ACTS, tasks.drain()).await;
        }
    }
}

/// Where it shows whether calls should be sent here: probes, gRPC health, and the process that waits for the gateway.
struct Announced<'g> {
    readiness: &'g Readiness,
    server: &'g GrpcServer,
    supervisor: &'g Supervisor,
}

impl Announced<'_> {
    /// Removes a reason why not. The gateway serves once there is none.
    async fn remove(&self, reason: NotReady) {
        if self.readiness.remove(reason) {
            self.server.set_serving().await;
            self.supervisor.ready();
        }
    }
}

/// How long aborted operations may take to give back their leases.
const LAST_ACTS: Duration = Duration::from_secs(1);

/// Reports the state of the store in health and metrics. A gateway that has reached the store once stays ready when the
/// store is unavailable: it is unavailable for all gateways, and reads still work.
async fn follow_store(store: &Store, announced: &Announced<'_>, metrics: &Metrics) {
    let (mut last, mut reached) = (None, !store.is_remote());
    let clock = store.clone();
    metrics.store_clock_offset(move || clock.clock_offset().as_secs_f64());
    observe_usage(store, metrics);
    loop {
        let status = store.status(last.as_ref()).await;
        let is_up = status.connectivity == Connectivity::Up;
        metrics.store_is_up(is_up);
        if is_up && !reached {
            reached = true;
            announced.remove(NotReady::Store).await;
        }
        for risk in Risk::ALL {
            metrics.store_at_risk(risk.name(), status.risks.contains(&risk));
        }
        let unavailable = (reached && !is_up).then_some("store");
        announced
            .readiness
            .set_degraded(unavailable.into_iter().chain(status.risks.iter().map(|risk| risk.condition())));
        last = Some(status);
    }
}

/// Reports what the records take.
fn observe_usage(store: &Store, metrics: &Metrics) {
    let (usage, max_size, gave_way) = (store.clone(), store.clone(), store.clone());
    metrics.store_usage(move |observe| {
        for (tenant, records, bytes) in &usage.usage().tenants {
            observe(tenant, [*records, *bytes]);
        }
    });
    #[expect(clippy::cast_precision_loss, reason = "no memory is that large, and no process lives that long")]
    {
        metrics.store_max_size(move || max_size.usage().max_bytes as f64);
        metrics.store_gave_way(move || gave_way.usage().gave_way as f64);
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
