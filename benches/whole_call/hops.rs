//! The do-nothing origin, a do-nothing collector, and the two bare hops.
//!
//! A bare hop decodes the gRPC request, posts a fixed body to the origin, reads the response's bytes and encodes a fixed
//! gRPC response. It does only what every gateway with these libraries must do, and does not parse JSON.

use std::sync::{
    LazyLock,
    atomic::{AtomicU32, Ordering},
};

use axum::{
    Router,
    http::{Uri, header::CONTENT_TYPE},
    routing::any,
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client as HyperClient, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
    trace_service_server::{TraceService, TraceServiceServer},
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};
use verify_gateway::pb::{
    Channel, CheckVerificationRequest, CheckVerificationResponse, CreateVerificationRequest,
    CreateVerificationResponse, GetVerificationRequest, GetVerificationResponse, ListVerificationsRequest,
    ListVerificationsResponse, ReportVerificationRequest, ReportVerificationResponse, Verification, VerificationState,
    verification_service_server::{VerificationService, VerificationServiceServer},
};

use super::{PROFILE, Result};

const BODY: &str = r#"{"phone_number":"+13035551234","verify_profile_id":"4900017a-e7c8-e79e-0a7c-0d98f49b09cc"}"#;
const ANSWER: &str = concat!(
    r#"{"data":{"created_at":"2020-09-14T17:03:32.965812","id":"12ade33a-21c0-473b-b055-b3c836e1c292","#,
    r#""phone_number":"+13035551234","record_type":"verification","status":"pending","timeout_secs":300,"#,
    r#""type":"sms","updated_at":"2020-09-14T17:03:32.965812","#,
    r#""verify_profile_id":"4900017a-e7c8-e79e-0a7c-0d98f49b09cc"}}"#,
);

/// Prints `listener`'s address in the form that [`super::child::Child`] expects.
async fn listener() -> Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    eprintln!("listening on {}", listener.local_addr()?);
    Ok(listener)
}

const CHECKED: &str = r#"{"data":{"phone_number":"+13035551234","response_code":"accepted"}}"#;

/// Accepts every code, and gives every other request the same response.
pub async fn origin() -> Result<()> {
    let answer = |uri: Uri| async move {
        static SENDS: AtomicU32 = AtomicU32::new(0);
        // Each verification has an ID of its own.
        let new_id = || format!("{:08x}", SENDS.fetch_add(1, Ordering::Relaxed));
        let is_check = uri.path().ends_with("/actions/verify");
        let body = if is_check { CHECKED.to_owned() } else { ANSWER.replacen("12ade33a", &new_id(), 1) };
        ([(CONTENT_TYPE, "application/json")], body)
    };
    let router = Router::new().fallback(any(answer));
    Ok(axum::serve(listener().await?, router).await?)
}

/// Accepts spans and drops them.
pub async fn collector() -> Result<()> {
    struct Forget;

    #[tonic::async_trait]
    impl TraceService for Forget {
        async fn export(
            &self,
            _: Request<ExportTraceServiceRequest>,
        ) -> std::result::Result<Response<ExportTraceServiceResponse>, Status> {
            Ok(Response::new(ExportTraceServiceResponse::default()))
        }
    }

    let incoming = TcpListenerStream::new(listener().await?);
    Ok(Server::builder().add_service(TraceServiceServer::new(Forget)).serve_with_incoming(incoming).await?)
}

/// The bare hop of tonic and reqwest.
pub async fn serve_reqwest(upstream: &str) -> Result<()> {
    let client = reqwest::Client::builder().tcp_nodelay(true).no_proxy().build()?;
    let url: reqwest::Url = format!("{upstream}/v2/verifications/sms").parse()?;
    serve(move || {
        let (client, url) = (client.clone(), url.clone());
        async move {
            let request = client.post(url).header(CONTENT_TYPE, "application/json").body(BODY);
            request.send().await?.bytes().await
        }
    })
    .await
}

/// The bare hop of tonic and hyper-util's pooled client.
pub async fn serve_hyper(upstream: &str) -> Result<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: HyperClient<_, Full<Bytes>> = HyperClient::builder(TokioExecutor::new()).build(connector);
    let uri: http::Uri = format!("{upstream}/v2/verifications/sms").parse()?;
    serve(move || {
        let (client, uri) = (client.clone(), uri.clone());
        async move {
            let request = http::Request::post(uri)
                .header(CONTENT_TYPE, "application/json")
                .body(Full::from(BODY))
                .expect("the parts are valid");
            let answer = client.request(request).await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(answer.into_body().collect().await?.to_bytes())
        }
    })
    .await
}

async fn serve<F, A, E>(ask: F) -> Result<()>
where
    F: Fn() -> A + Send + Sync + 'static,
    A: Future<Output = std::result::Result<Bytes, E>> + Send + 'static,
    E: std::fmt::Display + Send + 'static,
{
    let incoming = TcpListenerStream::new(listener().await?);
    let incoming = tokio_stream::StreamExt::map(incoming, |stream| {
        stream.inspect(|stream| stream.set_nodelay(true).expect("a TCP stream takes it"))
    });
    let service = VerificationServiceServer::new(Hop(ask));
    Ok(Server::builder().add_service(service).serve_with_incoming(incoming).await?)
}

struct Hop<F>(F);

pub static VERIFICATION: LazyLock<Verification> = LazyLock::new(|| Verification {
    id: "12ade33a-21c0-473b-b055-b3c836e1c292".into(),
    channel: Channel::Sms.into(),
    state: VerificationState::Pending.into(),
    phone_number: "+13035551234".into(),
    profile_id: PROFILE.into(),
    ..Verification::default()
});

#[tonic::async_trait]
impl<F, A, E> VerificationService for Hop<F>
where
    F: Fn() -> A + Send + Sync + 'static,
    A: Future<Output = std::result::Result<Bytes, E>> + Send + 'static,
    E: std::fmt::Display + Send + 'static,
{
    async fn create_verification(
        &self,
        _: Request<CreateVerificationRequest>,
    ) -> std::result::Result<Response<CreateVerificationResponse>, Status> {
        let bytes = (self.0)().await.map_err(|error| Status::internal(error.to_string()))?;
        if bytes.len() != ANSWER.len() {
            return Err(Status::internal("a cut answer"));
        }
        Ok(Response::new(CreateVerificationResponse { verification: Some(VERIFICATION.clone()) }))
    }

    async fn get_verification(
        &self,
        _: Request<GetVerificationRequest>,
    ) -> std::result::Result<Response<GetVerificationResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn list_verifications(
        &self,
        _: Request<ListVerificationsRequest>,
    ) -> std::result::Result<Response<ListVerificationsResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn check_verification(
        &self,
        _: Request<CheckVerificationRequest>,
    ) -> std::result::Result<Response<CheckVerificationResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn report_verification(
        &self,
        _: Request<ReportVerificationRequest>,
    ) -> std::result::Result<Response<ReportVerificationResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }
}
