//! The way of a call to its handler, around all services. It reads from top to bottom.

mod authenticate;
mod code;
mod deadline;
mod forward;
mod message;
mod open;
mod peer;
mod peer_state;
mod server_call;
mod shares;
mod streams;

use std::{convert::Infallible, net::IpAddr, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use http::{Request, Response};
use hyper::{body::Incoming, service::Service};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout_at,
};
use tokio_util::sync::CancellationToken;
use tonic::{body::Body, service::Routes};

use self::{
    deadline::Deadlines,
    forward::{RETRY_AFTER, forward},
    message::MessageBounds,
    open::OpenServices,
    server_call::ServerCall,
    shares::Shares,
    streams::{KeptCredentials, StreamBounds},
};
pub(super) use self::{peer_state::PeerState, server_call::CallTracing, streams::StreamGuard};
use super::{media_type, status, web::GrpcWeb};
use crate::{
    authn::Authenticator,
    config,
    domain::{CallContext, Error, LimitMode, PeerCertificate, RunningPermit},
    limits::CallLimiter,
    pb::ErrorReason,
    policy,
};

/// How long after the deadline the gateway still waits for the handler, which knows best what a late answer means.
const DEADLINE_GRACE: Duration = Duration::from_millis(5);

/// Bytes of the metadata of one call, counted as HTTP/2 counts them (RFC 9113 §10.5.1): twice gRPC's usual limit of 8 KiB.
pub(super) const MAX_METADATA: u32 = 16 << 10;

/// What all calls share on their way to the services.
struct Edge {
    tracing: CallTracing,
    permits: Arc<Semaphore>,
    shares: Shares,
    streams: StreamBounds,
    max_connection_streams: usize,
    deadlines: Deadlines,
    messages: MessageBounds,
    open: OpenServices,
    max_open_calls: usize,
    authenticator: Authenticator,
    calls: CallLimiter,
    routes: Routes,
    /// `None` if gRPC-Web is off.
    web: Option<GrpcWeb>,
}

impl Edge {
    /// Open? Trace → status → panic → admit.
    async fn call(&self, peer: &PeerState, request: Request<Body>) -> Response<Body> {
        // Open: health and reflection have no tenant, and bounds of their own.
        if open::is_open(&request) {
            return self.open.call(peer, request).await;
        }
        // Trace: all that follows happens inside the call's span, and the call is logged with its final status.
        let call = self.tracing.start(&request);
        // Panic: it fails its own call and nothing else. tonic alone would reset the stream, which a client reads as
        // CANCELLED. Unwinding is safe: calls share only locks and counters.
        // Boxed before it is wrapped: each layer would keep a copy of all of it.
        let admitted = AssertUnwindSafe(Box::pin(self.admit(&call, peer, request))).catch_unwind();
        let mut response = call
            .run(async {
                match admitted.await {
                    // Status: each failed call has a `domain::Error` before it is logged.
                    Ok(Ok(response)) => status::complete(response),
                    Ok(Err(error)) => status::response(error),
                    Err(_panic) => status::response(Error::new(ErrorReason::Internal, "the gateway failed")),
                }
            })
            .await;
        call.end(&mut response);
        response
    }

    /// Metadata → shed → deadline → known? → authenticate → share → limits → allowed? → message → permit → service.
    async fn admit(
        &self,
        call: &ServerCall,
        peer: &PeerState,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, Error> {
        // Metadata: what is too large is refused before anything keeps it.
        let metadata: usize =
            request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
        if metadata > MAX_METADATA as usize {
            return Err(Error::new(ErrorReason::MessageTooLarge, "the metadata is larger than 16 KiB"));
        }
        // Shed: a refusal is cheap only before any work is done, authentication included.
        drop(self.permit()?);
        // Deadline: all further work ends with the caller's deadline.
        let deadline = self.deadlines.of(request.headers())?;
        // Known: the contract is public, and load balancers probe by a call of an RPC that does not exist.
        if !call.is_known() {
            return Err(Error::new(ErrorReason::RpcUnknown, "there is no such rpc"));
        }
        let kept = KeptCredentials::of(&request);
        let in_time = async {
            // Authenticate: nothing below runs without a tenant, and nothing below sees the credentials.
            let caller = authenticate::caller(&mut request, &self.authenticator).await?;
            peer.set_authenticated();
            call.set_caller(&caller);
            // Share: it holds all that the tenant has begun, so that one tenant alone can't take all permits.
            let _of_tenant = self.shares.take(&caller.tenant.id, &self.tracing.metrics)?;
            // Limits: before permissions, so that calls that are not allowed use them up too.
            let _running = self.calls.begin(&caller.tenant)?;
            let rpc = request.uri().path().rsplit('/').next().unwrap_or_default();
            policy::rpc(&caller.identity, rpc)?;
            if let Some(kept) = kept {
                let metrics = &self.tracing.metrics;
                let guard = self.streams.open(kept, &self.authenticator, peer, &caller.tenant.id, metrics)?;
                request.extensions_mut().insert(guard);
            }
            let (head, body) = request.into_parts();
            let mut request = Request::from_parts(head, self.messages.read(body).await?);
            // Permit: only now can the call run to its end without its caller.
            let permit = RunningPermit::new(self.permit()?);
            let context = CallContext { permit: permit.refer(), ..CallContext::new(caller, deadline) };
            request.extensions_mut().insert(context);
            Ok(forward(self.routes.clone(), request).await)
        };
        let late = |_| Err(Error::new(ErrorReason::DeadlineExceeded, "the deadline was exceeded"));
        timeout_at(deadline + DEADLINE_GRACE, in_time).await.unwrap_or_else(late)
    }

    /// Takes one of the permits of all calls, or sheds the call.
    fn permit(&self) -> Result<OwnedSemaphorePermit, Error> {
        Arc::clone(&self.permits).try_acquire_owned().map_err(|_| {
            self.tracing.metrics.limit_hit("grpc.max_concurrent_calls", LimitMode::Enforce);
            Error::new(ErrorReason::GatewayOverloaded, "the gateway has too many calls").retry_after(RETRY_AFTER)
        })
    }
}

/// All services behind the edge, for one connection.
#[derive(Clone)]
pub(super) struct GatewayService {
    edge: Arc<Edge>,
    peer: Arc<PeerState>,
    /// The client certificate of the connection. Each request has it in its extensions.
    certificate: Option<Arc<PeerCertificate>>,
}

impl GatewayService {
    /// `draining` is cancelled when calls should end.
    pub(super) fn new(
        (config, events): (&config::GrpcConfig, &config::EventsConfig),
        tracing: CallTracing,
        authenticator: Authenticator,
        calls: CallLimiter,
        routes: Routes,
        draining: CancellationToken,
    ) -> Self {
        let deadlines = Deadlines { default: config.default_deadline, max: config.max_deadline };
        let messages = MessageBounds::new(config);
        let open = OpenServices {
            streams: Arc::new(Semaphore::new(config.max_unauthenticated_streams)),
            max_age: config.max_unauthenticated_stream_age,
            deadlines,
            messages,
            routes: routes.clone(),
            metrics: tracing.metrics.clone(),
            draining,
        };
        let edge = Edge {
            tracing,
            permits: Arc::new(Semaphore::new(config.max_concurrent_calls)),
            shares: Shares::new(config),
            streams: StreamBounds::new(events),
            max_connection_streams: events.max_connection_streams,
            deadlines,
            messages,
            open,
            max_open_calls: config.max_unauthenticated_calls,
            authenticator,
            calls,
            routes,
            web: GrpcWeb::new(&config.web),
        };
        let peer = Arc::new(PeerState::new(None, edge.max_open_calls, edge.max_connection_streams));
        Self { peer, edge: Arc::new(edge), certificate: None }
    }

    /// The same services for a connection from `peer`.
    pub(super) fn of_peer(&self, peer: Option<IpAddr>) -> Self {
        let peer = PeerState::new(peer, self.edge.max_open_calls, self.edge.max_connection_streams);
        Self { peer: Arc::new(peer), ..self.clone() }
    }

    /// What is known of the peer.
    pub(super) fn peer(&self) -> Arc<PeerState> {
        Arc::clone(&self.peer)
    }

    /// The same services for a connection whose peer presented `certificate`.
    pub(super) fn with_certificate(self, certificate: Option<Arc<PeerCertificate>>) -> Self {
        Self { certificate, ..self }
    }
}

impl Service<Request<Incoming>> for GatewayService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let Self { edge, peer, certificate } = self.clone();
        if let Some(address) = peer.address {
            request.extensions_mut().insert(address);
        }
        if let Some(certificate) = certificate {
            request.extensions_mut().insert(certificate);
        }
        Box::pin(async move {
            let request = request.map(Body::new);
            Ok(match &edge.web {
                // Outside of everything: a page must be able to read refusals too.
                Some(web) => Box::pin(web.call(request, |request| edge.call(&peer, request))).await,
                None if media_type::is_grpc(&request) => edge.call(&peer, request).await,
                None => media_type::unsupported(),
            })
        })
    }
}
