//! The gRPC server: connections, the edge, thin handlers, `pb` ⇄ `telnyx`, statuses.

mod edge;
mod events;
mod media_type;
mod profiles;
mod serve;
mod status;
mod templates;
pub mod translate;
mod verifications;
mod web;

use tokio::{net::TcpListener, select};
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Response, Status,
    codec::CompressionEncoding,
    metadata::MetadataValue,
    server::NamedService,
    service::{Routes, RoutesBuilder},
};
use tonic_health::{ServingStatus, server::HealthReporter};

pub use self::serve::Aborted;
use self::{
    edge::{CallTracing, GatewayService},
    serve::Connections,
};
use crate::{
    authn::Authenticator,
    clock::Clock,
    config::{self, Errors},
    domain::{CallContext, Error},
    limits::CallLimiter,
    pb::{
        ErrorReason, FILE_DESCRIPTOR_SET, event_service_server::EventServiceServer,
        profile_service_server::ProfileServiceServer, template_service_server::TemplateServiceServer,
        verification_service_server::VerificationServiceServer,
    },
    services::{EventStreams, Origin, Outcome, Profiles, Services, Templates, Verifications},
    telemetry::Telemetry,
    tls::{CertificateReloader, TlsPort},
};

type EventServer = EventServiceServer<EventStreams>;
type ProfileServer = ProfileServiceServer<Profiles>;
type TemplateServer = TemplateServiceServer<Templates>;
type VerificationServer = VerificationServiceServer<Verifications>;

/// Limits a generated server. There is no trait for these methods. Responses are small and are not compressed.
macro_rules! bounded {
    ($service:expr, $config:expr) => {
        $service.max_decoding_message_size($config.max_message_size).accept_compressed(CompressionEncoding::Gzip)
    };
}

/// The services that have a health status. The empty name is the whole server.
const HEALTH: [&str; 5] = ["", EventServer::NAME, ProfileServer::NAME, TemplateServer::NAME, VerificationServer::NAME];

/// The health service for liveness probes. It always serves: a restart does not help a gateway that is not ready.
const LIVENESS: &str = "liveness";

/// The gRPC server.
pub struct GrpcServer {
    connections: Connections,
    /// `None` for plaintext.
    certificate: Option<CertificateReloader>,
    health: HealthReporter,
    serves_events: bool,
}

impl GrpcServer {
    /// Joins the services and the edge.
    ///
    /// # Errors
    /// All errors in the files of `grpc.tls`.
    pub fn new(
        (config, events_config): (&config::GrpcConfig, &config::EventsConfig),
        telemetry: &Telemetry,
        authenticator: Authenticator,
        calls: CallLimiter,
        services: Services,
        clock: Clock,
    ) -> Result<Self, Errors> {
        let certificate = CertificateReloader::load(TlsPort::grpc(config), clock, telemetry.metrics.clone())?;
        let Services { verifications, profiles, templates, events, .. } = services;
        let (health, health_service) = tonic_health::server::health_reporter();
        let mut routes = Routes::builder();
        routes
            .add_service(bounded!(ProfileServer::new(profiles), config))
            .add_service(bounded!(TemplateServer::new(templates), config))
            .add_service(bounded!(VerificationServer::new(verifications), config))
            .add_service(bounded!(health_service, config));
        if events_config.enabled {
            routes.add_service(bounded!(EventServer::new(events), config));
        }
        if config.reflection {
            add_reflection(&mut routes, config);
        }
        let draining = CancellationToken::new();
        let Telemetry { sampling, metrics, refusals, .. } = telemetry;
        let tracing = CallTracing {
            sampling: sampling.clone(),
            metrics: metrics.clone(),
            refusals: refusals.clone(),
            trusted_proxies: config.trusted_proxies,
        };
        let routes = routes.routes().prepare();
        let service =
            GatewayService::new((config, events_config), tracing, authenticator, calls, routes, draining.clone());
        let tls = certificate.as_ref().map(CertificateReloader::current);
        let connections = Connections::new(service, config.clone(), tls, telemetry.metrics.clone(), draining);
        Ok(Self { connections, certificate, health, serves_events: events_config.enabled })
    }

    /// Serves the connections of `listener`. It accepts no more after `closing`.
    pub async fn serve(&self, listener: TcpListener, closing: impl Future<Output = ()>) {
        let accepting = self.connections.accept(listener, closing);
        match &self.certificate {
            // Only new connections need a new certificate.
            Some(certificate) => select! {
                () = accepting => {}
                never = certificate.run() => match never {},
            },
            None => accepting.await,
        }
    }

    /// Sets the health of all services to `SERVING`.
    pub async fn set_serving(&self) {
        self.set_health(ServingStatus::Serving).await;
    }

    /// Sets the health of all services to `NOT_SERVING`. Calls are still served.
    pub async fn set_not_serving(&self) {
        self.set_health(ServingStatus::NotServing).await;
    }

    /// Asks all connections to close, and waits until their calls are done.
    pub async fn drain(&self) {
        self.connections.drain().await;
    }

    /// Ends all connections and calls that are left.
    pub async fn abort(&self) -> Aborted {
        self.connections.abort().await
    }

    async fn set_health(&self, status: ServingStatus) {
        for service in HEALTH.into_iter().filter(|service| self.serves_events || *service != EventServer::NAME) {
            self.health.set_service_status(service, status).await;
        }
        self.health.set_service_status(LIVENESS, ServingStatus::Serving).await;
    }
}

/// The result of an RPC.
type RpcResult<T> = Result<Response<T>, Status>;

/// The context that the edge has added. A call without it is refused, whatever let it come this far.
fn context<T>(request: &Request<T>) -> Result<CallContext, Error> {
    let context = request.extensions().get().cloned();
    context.ok_or_else(|| Error::new(ErrorReason::CredentialsInvalid, "valid credentials are needed"))
}

/// The response to a call. `message` gets the answer and whether it is for a test number. The metadata says whether the
/// answer is that of an earlier call, or for a test number.
fn respond<A, R>(outcome: Outcome<A>, message: impl FnOnce(A, bool) -> R) -> Response<R> {
    let Outcome { answer, origin } = outcome;
    let mut response = Response::new(message(answer, origin == Origin::TestNumber));
    let key = match origin {
        Origin::ThisCall => return response,
        Origin::SameRequest => "replayed",
        Origin::Duplicate => "duplicate",
        Origin::TestNumber => "test-number",
    };
    response.metadata_mut().insert(key, MetadataValue::from_static("true"));
    response
}

/// Adds reflection for tools, in both versions of the protocol.
fn add_reflection(routes: &mut RoutesBuilder, config: &config::GrpcConfig) {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            // As bytes: decoding would drop the comments.
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // The details of errors, for tools such as grpcurl.
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            .include_reflection_service(false)
    };
    routes
        .add_service(bounded!(builder().build_v1().expect("the build makes the descriptors"), config))
        .add_service(bounded!(builder().build_v1alpha().expect("the build makes the descriptors"), config));
}
