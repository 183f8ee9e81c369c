//! Streams of events. They have no end of their own, so they have permits, an age and an end of their own, and no part in the
//! permits and deadlines of calls.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, Request, header::AUTHORIZATION};
use tokio::{
    select,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{PeerState, authenticate, forward::RETRY_AFTER, shares::Shares};
use crate::{
    authn::Authenticator,
    config::EventsConfig,
    domain::{Caller, Error, LimitMode, PeerCertificate, TenantId},
    pb::{ErrorReason, event_service_server::SERVICE_NAME},
    policy,
    telemetry::Metrics,
};

/// The bounds of streams.
pub(super) struct StreamBounds {
    permits: Arc<Semaphore>,
    shares: Shares,
    max_age: Duration,
}

/// What proves an identity, for as long as its stream runs.
pub(super) struct KeptCredentials {
    rpc: String,
    authorization: Vec<HeaderValue>,
    certificate: Option<Arc<PeerCertificate>>,
}

/// What a stream needs of the edge while it runs. Its permits are held with it.
#[derive(Clone)]
pub(in crate::grpc) struct StreamGuard(Arc<GuardedStream>);

struct GuardedStream {
    kept: KeptCredentials,
    authenticator: Authenticator,
    closing: CancellationToken,
    until: Instant,
    _permits: [OwnedSemaphorePermit; 3],
}

impl KeptCredentials {
    /// The credentials of `request`, if it opens a stream.
    pub(super) fn of<B>(request: &Request<B>) -> Option<Self> {
        let (service, rpc) = request.uri().path().strip_prefix('/')?.split_once('/')?;
        (service == SERVICE_NAME).then(|| Self {
            rpc: rpc.to_owned(),
            authorization: request.headers().get_all(AUTHORIZATION).iter().cloned().collect(),
            certificate: request.extensions().get().cloned(),
        })
    }
}

impl StreamBounds {
    pub(super) fn new(config: &EventsConfig) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(config.max_streams)),
            shares: Shares::of("events.max_tenant_streams", config.max_tenant_streams),
            max_age: config.max_stream_age,
        }
    }

    /// Opens a stream of `tenant`, unless there are too many.
    pub(super) fn open(
        &self,
        kept: KeptCredentials,
        authenticator: &Authenticator,
        peer: &PeerState,
        tenant: &TenantId,
        metrics: &Metrics,
    ) -> Result<StreamGuard, Error> {
        let permit = |permits: &Arc<Semaphore>, setting: &'static str| {
            Arc::clone(permits).try_acquire_owned().map_err(|_| {
                metrics.limit_hit(setting, LimitMode::Enforce);
                Error::new(ErrorReason::GatewayOverloaded, format!("the streams exceed {setting}"))
                    .retry_after(RETRY_AFTER)
            })
        };
        let of_peer = permit(&peer.streams, "events.max_connection_streams")?;
        let of_tenant = self.shares.take(tenant, metrics)?;
        let of_all = permit(&self.permits, "events.max_streams")?;
        Ok(StreamGuard(Arc::new(GuardedStream {
            kept,
            authenticator: authenticator.clone(),
            closing: peer.closing.clone(),
            until: Instant::now() + self.max_age,
            _permits: [of_peer, of_tenant, of_all],
        })))
    }
}

impl StreamGuard {
    /// Waits until the stream must end: it is old, its connection is, or the gateway stops.
    pub(in crate::grpc) async fn ended(&self) -> Error {
        select! {
            () = self.0.closing.cancelled() => {}
            () = sleep_until(self.0.until) => {}
        }
        Error::new(ErrorReason::StreamEnded, "the stream ends here: open another one").retry_after(Duration::ZERO)
    }

    /// Authenticates the caller again, who may have lost the permission since.
    pub(in crate::grpc) async fn caller(&self) -> Result<Caller, Error> {
        let GuardedStream { kept, authenticator, .. } = &*self.0;
        let caller = authenticate::find(&kept.authorization, kept.certificate.as_deref(), authenticator).await?;
        policy::rpc(&caller.identity, &kept.rpc)?;
        Ok(caller)
    }
}
