//! The way of a call before its handler, around the services, read from top to bottom.

mod authenticate;
mod deadline;
mod open;
mod shed;
mod trace;

use std::{convert::Infallible, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use http::{Request, Response};
use hyper::{body::Incoming, service::Service};
use tokio::{sync::Semaphore, time::timeout_at};
use tokio_util::sync::CancellationToken;
use tonic::{Status, body::Body, service::Routes};
use tower::Service as _;

use self::trace::{ServerCall, Tracing};
use super::{status, web::GrpcWeb};
use crate::{
    authn::Authenticator,
    config,
    domain::{CallContext, Error, LimitMode, PeerCertificate},
    limits::CallLimiter,
    pb::ErrorReason,
    policy,
    telemetry::{Metrics, Sampling},
};

/// What is below knows best what it means that the time is over, so it gets to say so.
const DEADLINE_GRACE: Duration = Duration::from_millis(5);

/// What a call meets on its way to the services. One for all calls: it counts the places that are taken.
struct Edge {
    tracing: Tracing,
    metrics: Metrics,
    permits: Semaphore,
    deadlines: deadline::DeadlineLimits,
    authenticator: Authenticator,
    calls: CallLimiter,
    draining: CancellationToken,
}

impl Edge {
    /// Open? Trace → status → panic → the rest.
    async fn call(&self, request: Request<Body>, routes: Routes) -> Response<Body> {
        // Open: no tenant and no limits, but an end.
        if open::is_for(&request) {
            let response = forward(routes, open::asking(&self.draining, request)).await;
            return open::answering(&self.draining, response);
        }
        // Trace: all that follows happens inside the call's span, and the call is logged with its final status.
        let call = self.tracing.begin(&request);
        // Panic: it ends its own call and nothing else; tonic alone would reset the stream, which a client reads as
        // CANCELLED. What calls share stays whole: locks that poison, and counters.
        let admitted = AssertUnwindSafe(self.admit(&call, request, routes)).catch_unwind();
        let mut response = call
            .run(async {
                match admitted.await {
                    // Status: what tonic refuses by itself gets a reason before it is logged.
                    Ok(Ok(response)) => status::completed(response),
                    Ok(Err(refused)) => Status::from(refused).into_http(),
                    Err(_panic) => Status::from(Error::new(ErrorReason::Internal, "the gateway failed")).into_http(),
                }
            })
            .await;
        call.end(&mut response);
        response
    }

    /// Shed → deadline → authenticate → limits → allowed? → service.
    async fn admit(
        &self,
        call: &ServerCall,
        mut request: Request<Body>,
        routes: Routes,
    ) -> Result<Response<Body>, Error> {
        // Shed: refusing is cheap only before any work is done, authentication included.
        let _permit = shed::permit(&self.permits)
            .inspect_err(|_| self.metrics.limit_hit("grpc.max_concurrent_calls", LimitMode::Enforce))?;
        // Deadline: all further work is within the caller's time.
        let deadline = self.deadlines.of(request.headers())?;
        let in_time = async {
            // Authenticate: nothing below runs without a tenant, and nothing below needs the credentials.
            let caller = authenticate::caller(&mut request, &self.authenticator).await?;
            call.is_of(&caller);
            // Limits: as soon as it is known whose they are, so that calls that are not allowed use them up too.
            let _running = self.calls.begin(&caller.tenant)?;
            let rpc = request.uri().path().rsplit('/').next().unwrap_or_default();
            policy::rpc(&caller.identity, rpc)?;
            request.extensions_mut().insert(CallContext::new(caller, deadline));
            Ok(forward(routes, request).await)
        };
        let late = |_| Err(Error::new(ErrorReason::DeadlineExceeded, "the deadline ran out"));
        timeout_at(deadline + DEADLINE_GRACE, in_time).await.unwrap_or_else(late)
    }
}

async fn forward(mut routes: Routes, request: Request<Body>) -> Response<Body> {
    let Ok(response) = routes.call(request).await;
    response
}

/// What all connections have in common.
struct Shared {
    edge: Edge,
    routes: Routes,
    /// None where no pages may call.
    web: Option<GrpcWeb>,
}

/// The services with the edge around them, for one connection.
#[derive(Clone)]
pub(super) struct GatewayService {
    shared: Arc<Shared>,
    /// What the peer of the connection has shown. Every request has it in its extensions.
    certificate: Option<Arc<PeerCertificate>>,
}

impl GatewayService {
    /// `draining` is cancelled when calls should come to their ends.
    pub(super) fn new(
        config: &config::Grpc,
        (sampling, metrics): (Sampling, Metrics),
        (authenticator, calls): (Authenticator, CallLimiter),
        routes: Routes,
        draining: CancellationToken,
    ) -> Self {
        let edge = Edge {
            tracing: Tracing::new(sampling, metrics.clone()),
            metrics,
            permits: Semaphore::new(config.max_concurrent_calls),
            deadlines: deadline::DeadlineLimits { default: config.default_deadline, max: config.max_deadline },
            authenticator,
            calls,
            draining,
        };
        Self { shared: Arc::new(Shared { edge, routes, web: GrpcWeb::new(&config.web) }), certificate: None }
    }

    /// The same for a connection whose peer has shown `certificate`.
    pub(super) fn of(&self, certificate: Option<Arc<PeerCertificate>>) -> Self {
        Self { shared: Arc::clone(&self.shared), certificate }
    }
}

impl Service<Request<Incoming>> for GatewayService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let Self { shared, certificate } = self.clone();
        if let Some(certificate) = certificate {
            request.extensions_mut().insert(certificate);
        }
        Box::pin(async move {
            let Shared { edge, routes, web } = &*shared;
            let grpc = |request| edge.call(request, routes.clone());
            let request = request.map(Body::new);
            Ok(match web {
                // Around all of it: what is refused is told in the page's language too.
                Some(web) => Box::pin(web.call(request, grpc)).await,
                None => grpc(request).await,
            })
        })
    }
}
