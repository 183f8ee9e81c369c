//! The public surface: the edge, thin handlers, `pb` ⇄ `telnyx`, status.

mod edge;
mod profiles;
mod status;
mod templates;
pub mod translate;
mod verifications;

use std::{error::Error as StdError, future::Future};

use tokio::net::TcpListener;
use tonic::{
    Request, Response,
    codec::CompressionEncoding,
    metadata::MetadataValue,
    server::NamedService,
    service::{Routes, RoutesBuilder},
    transport::server::TcpIncoming,
};
use tonic_health::{ServingStatus, server::HealthReporter};

use self::edge::EdgeLayer;
use crate::{
    config,
    domain::Error,
    pb::{
        ErrorReason, FILE_DESCRIPTOR_SET, profile_service_server::ProfileServiceServer,
        template_service_server::TemplateServiceServer, verification_service_server::VerificationServiceServer,
    },
    services::{Answered, Origin, Services},
    telemetry::Sampling,
    tenant::{Context, Directory},
    upstream::Client,
};

type ProfileServer = ProfileServiceServer<profiles::Handlers>;
type TemplateServer = TemplateServiceServer<templates::Handlers>;
type VerificationServer = VerificationServiceServer<verifications::Handlers>;

/// Bounds a generated server, which has these methods but no trait for them. Answers are small: they go uncompressed.
macro_rules! bounded {
    ($service:expr, $config:expr) => {
        $service.max_decoding_message_size($config.max_message_size).accept_compressed(CompressionEncoding::Gzip)
    };
}

/// The services whose health is told one by one; the empty name stands for the whole.
const HEALTH: [&str; 4] = ["", ProfileServer::NAME, TemplateServer::NAME, VerificationServer::NAME];

/// The gRPC server, ready to serve.
pub struct Server {
    routes: Routes,
    edge: EdgeLayer,
    config: config::Grpc,
    health: HealthReporter,
}

impl Server {
    /// Puts services and layers together.
    #[must_use]
    pub fn new(
        config: &config::Grpc,
        sampling: Sampling,
        directory: Directory,
        services: Services,
        upstream: Client,
    ) -> Self {
        let Services { verifications, profiles, templates } = services;
        let (health, health_service) = tonic_health::server::health_reporter();
        let mut routes = Routes::builder();
        routes
            .add_service(bounded!(
                ProfileServiceServer::new(profiles::Handlers::new(profiles, upstream.clone())),
                config
            ))
            .add_service(bounded!(
                TemplateServiceServer::new(templates::Handlers::new(templates, upstream.clone())),
                config
            ))
            .add_service(bounded!(
                VerificationServiceServer::new(verifications::Handlers::new(verifications, upstream)),
                config
            ))
            .add_service(health_service);
        if config.reflection {
            add_reflection(&mut routes);
        }
        let edge = EdgeLayer::new(config, sampling, directory);
        Self { routes: routes.routes(), edge, config: config.clone(), health }
    }

    /// Serves `listener` until `shutdown`, then takes no more calls and waits for those that run.
    ///
    /// # Errors
    /// Where the listener fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        let Self { routes, edge, config, health } = self;
        set_health(&health, ServingStatus::Serving).await;
        let drained = async {
            shutdown.await;
            // Whoever watches turns away before connections close.
            set_health(&health, ServingStatus::NotServing).await;
        };
        tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(config.keepalive_interval))
            .http2_keepalive_timeout(Some(config.keepalive_timeout))
            .max_connection_age(config.max_connection_age)
            .max_connection_age_grace(config.max_connection_age_grace)
            .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
            .http2_max_header_list_size(MAX_HEADER_LIST_SIZE)
            .layer(edge)
            .add_routes(routes)
            .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), drained)
            .await
            .map_err(Into::into)
    }
}

/// Calls at once on one connection. Above the hundred that clients count on (RFC 9113 §6.5.2), far below a flood.
const MAX_CONCURRENT_STREAMS: u32 = 256;
/// Bytes of metadata of one call, decoded: twice gRPC's usual limit of 8 KiB.
const MAX_HEADER_LIST_SIZE: u32 = 16 << 10;

/// On whose behalf a call is made. Without it a call is refused, whatever let it get this far.
fn context<T>(request: &Request<T>) -> Result<Context, Error> {
    let context = request.extensions().get().cloned();
    context.ok_or_else(|| Error::new(ErrorReason::CredentialsInvalid, "a valid bearer token is needed"))
}

/// The response to a call that must happen once. Its metadata says where the answer is that of an earlier call.
fn answer<A, R>(answered: Answered<A>, message: impl FnOnce(A) -> R) -> Response<R> {
    let mut response = Response::new(message(answered.answer));
    let earlier = match answered.origin {
        Origin::ThisCall => return response,
        Origin::SameRequest => "replayed",
        Origin::Duplicate => "duplicate",
    };
    response.metadata_mut().insert(earlier, MetadataValue::from_static("true"));
    response
}

/// Tells tools of the public services, in both versions of the protocol.
fn add_reflection(routes: &mut RoutesBuilder) {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            // As bytes: decoded and encoded again, they would lose the comments.
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .include_reflection_service(false)
    };
    routes
        .add_service(builder().build_v1().expect("the descriptors were made by the build"))
        .add_service(builder().build_v1alpha().expect("the descriptors were made by the build"));
}

async fn set_health(health: &HealthReporter, status: ServingStatus) {
    for service in HEALTH {
        health.set_service_status(service, status).await;
    }
}
